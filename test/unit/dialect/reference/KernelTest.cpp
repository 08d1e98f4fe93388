//===- KernelTest.cpp - Kernels, launches, @prepare, errors ------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "ReferenceTesting.h"

using namespace vitc::vit;
using namespace vitc::reference;

static const char *const linearKernel = R"(
    vit.kernel @fc(%x: tensor<?x2xf16>, %w: tensor<3x2xf16>, %b: tensor<3xf32>)
        -> (tensor<?x3xf16>, tensor<?x3xf32>) {
      %0 = vit.linear %x, %w : tensor<?x2xf16>, tensor<3x2xf16> -> tensor<?x3xf16>
      %1 = vit.bias_add %0, %b : tensor<?x3xf16>, tensor<3xf32> -> tensor<?x3xf16>
      %2 = vit.relu %1 : tensor<?x3xf16> -> tensor<?x3xf32>
      vit.yield %1, %2 : tensor<?x3xf16>, tensor<?x3xf32>
    })";
static const Tensor weight = {{3, 2}, {1, 0, 0, 1, 1, 1}}, bias = {{3}, {0, -2, 0.5}};

TEST_CASE("a kernel by itself") {
  Program program(linearKernel);
  Interpreter reference = program.reference();
  auto kernel = *program.module->getOps<KernelOp>().begin();
  auto results = take(reference.runKernel(kernel, {counting({2, 2}, 1), weight, bias}));
  REQUIRE(results.size() == 2);
  checkTensor(results[0], {2, 3}, {1, 0, 3.5, 3, 2, 7.5});
  checkTensor(results[1], {2, 3}, {1, 0, 3.5, 3, 2, 7.5});

  CHECK(messageOf(reference.runKernel(kernel, {counting({2, 3}), weight, bias})) ==
        "kernel @fc, argument 0: expected shape batchx2, but got 2x3");
  CHECK(messageOf(reference.runKernel(kernel, {counting({2, 2}), weight, bias}, 3)) ==
        "kernel @fc: expected arguments with 3 rows, but got 2");
}

TEST_CASE("a kernel of two linears of one input") {
  Program program(R"(
    vit.kernel @gated(%x: tensor<?x2xf16>, %w: tensor<3x2xf16>, %v: tensor<3x2xf16>) -> tensor<?x3xf32> {
      %0 = vit.linear %x, %w : tensor<?x2xf16>, tensor<3x2xf16> -> tensor<?x3xf16>
      %1 = vit.linear %x, %v : tensor<?x2xf16>, tensor<3x2xf16> -> tensor<?x3xf16>
      %2 = vit.relu %0 : tensor<?x3xf16> -> tensor<?x3xf16>
      %3 = vit.mul %2, %1 : tensor<?x3xf16>, tensor<?x3xf16> -> tensor<?x3xf32>
      vit.yield %3 : tensor<?x3xf32>
    })");
  Interpreter reference = program.reference();
  auto kernel = *program.module->getOps<KernelOp>().begin();
  Tensor other = {{3, 2}, {2, 0, 0, 3, -1, 1}};
  auto results = take(reference.runKernel(kernel, {counting({2, 2}, 1), weight, other}));
  // Rows [1 2] and [3 4]: x w = [1 2 3], [3 4 7] times x v = [2 6 1], [6 12 1].
  checkTensor(results[0], {2, 3}, {2, 12, 3, 18, 48, 7});
}

TEST_CASE("a kernel without batch arguments is told its rows") {
  Program program(R"(
    vit.kernel @cls(%t: tensor<1x2xf32>) -> tensor<?x2xf32> {
      %0 = vit.broadcast %t : tensor<1x2xf32> -> tensor<?x2xf32>
      vit.yield %0 : tensor<?x2xf32>
    })");
  Interpreter reference = program.reference();
  auto kernel = *program.module->getOps<KernelOp>().begin();
  auto results = take(reference.runKernel(kernel, {counting({1, 2})}, 2));
  checkTensor(results[0], {2, 2}, {0, 1, 0, 1});
  CHECK(messageOf(reference.runKernel(kernel, {counting({1, 2})})) ==
        "kernel @cls: expected a number of rows, but got none");
}

TEST_CASE("launches collapse leading dimensions to rows, and back") {
  std::string text = std::string(linearKernel) + R"(
    func.func @f(%x: tensor<?x2x2xf16>, %w: tensor<3x2xf16>, %b: tensor<3xf32>)
        -> (tensor<?x2x3xf16> {vit.name = "tokens"}, tensor<?x3xf32> {vit.name = "first"}) {
      %0:2 = vit.launch @fc(%x, %w, %b)
          : (tensor<?x2x2xf16>, tensor<3x2xf16>, tensor<3xf32>) -> (tensor<?x2x3xf16>, tensor<?x2x3xf32>)
      %1 = vit.select %x token 0 : tensor<?x2x2xf16> -> tensor<?x2xf16>
      %2:2 = vit.launch @fc(%1, %w, %b)
          : (tensor<?x2xf16>, tensor<3x2xf16>, tensor<3xf32>) -> (tensor<?x3xf16>, tensor<?x3xf32>)
      return %0#0, %2#1 : tensor<?x2x3xf16>, tensor<?x3xf32>
    })";
  auto outputs = runProgram(text, {counting({2, 2, 2}, 1), weight, bias});
  CHECK(outputs[0].name == "tokens");
  CHECK(outputs[1].name == "first");
  checkTensor(outputs[0].tensor, {2, 2, 3}, {1, 0, 3.5, 3, 2, 7.5, 5, 4, 11.5, 7, 6, 15.5});
  checkTensor(outputs[1].tensor, {2, 3}, {1, 0, 3.5, 5, 4, 11.5});
}

TEST_CASE("a launch whose activations have different rows is refused") {
  CHECK(errorOf(R"(
    vit.kernel @sum(%a: tensor<?x2xf16>, %b: tensor<?x2xf16>) -> tensor<?x2xf16> {
      %0 = vit.add %a, %b : tensor<?x2xf16>, tensor<?x2xf16> -> tensor<?x2xf16>
      vit.yield %0 : tensor<?x2xf16>
    }
    func.func @f(%a: tensor<?x3x2xf16>, %b: tensor<?x2xf16>) -> tensor<?x2xf16> {
      %0 = vit.launch @sum(%a, %b) : (tensor<?x3x2xf16>, tensor<?x2xf16>) -> tensor<?x2xf16>
      return %0 : tensor<?x2xf16>
    })",
                {counting({2, 3, 2}), counting({2, 2})}) ==
        "launch of @sum: expected one number of rows for all activations, but got 6 and 2");
}

static const char *const preparedModel = R"(
    func.func @prepare() -> (tensor<2x2xf16>, tensor<2xf32>) {
      %0 = vit.weight "w" aliases ["v", "u"] transposed ["t"] file_shape [2, 2] : tensor<2x2xf32>
      %1 = vit.cast %0 : tensor<2x2xf32> -> tensor<2x2xf16>
      %2 = vit.weight "b" : tensor<2xf32>
      return %1, %2 : tensor<2x2xf16>, tensor<2xf32>
    }
    func.func @model(%x: tensor<?x2xf16> {vit.name = "x"}) -> (tensor<?x2xf16> {vit.name = "y"}) {
      %w = vit.prepared 0 : tensor<2x2xf16>
      %b = vit.prepared 1 : tensor<2xf32>
      %0 = vit.linear %x, %w : tensor<?x2xf16>, tensor<2x2xf16> -> tensor<?x2xf16> loc("fc")
      %1 = vit.bias_add %0, %b : tensor<?x2xf16>, tensor<2xf32> -> tensor<?x2xf16>
      return %1 : tensor<?x2xf16>
    })";

TEST_CASE("@prepare runs once, and asks for weights by all their names") {
  Program program(preparedModel);
  std::vector<std::string> asked;
  Interpreter reference = program.reference([&](const Weight &weight, std::vector<double> &values) {
    asked.push_back(weight.key.str());
    if (weight.key == "w") {
      CHECK(weight.aliases == std::vector<llvm::StringRef>{"v", "u"});
      CHECK(weight.transposed == std::vector<llvm::StringRef>{"t"});
      CHECK(weight.fileShape == llvm::ArrayRef<int64_t>{2, 2});
      CHECK(weight.shape == llvm::ArrayRef<int64_t>{2, 2});
      values = {0, 1, 1, 0};
    } else {
      values = {10, 20};
    }
    return std::string();
  });
  for (int run = 0; run < 2; ++run) {
    auto outputs = take(reference.run({counting({1, 2}, 1)}));
    CHECK(outputs[0].name == "y");
    checkTensor(outputs[0].tensor, {1, 2}, {12, 21});
  }
  CHECK(asked == std::vector<std::string>{"w", "b"});
}

TEST_CASE("the observer sees every op of the model with its results") {
  Program program(preparedModel);
  Interpreter reference = program.reference([](const Weight &weight, std::vector<double> &values) {
    values.assign(weight.key == "w" ? 4 : 2, 1);
    return std::string();
  });
  std::vector<std::string> seen;
  reference.setObserver([&](mlir::Operation *op, llvm::ArrayRef<View> results) {
    seen.push_back(Interpreter::nameOf(op));
    if (llvm::isa<LinearOp>(op)) {
      CHECK(results[0].shape == llvm::ArrayRef<int64_t>{1, 2});
      CHECK(results[0].values == llvm::ArrayRef<double>{3, 3});
    }
  });
  take(reference.run({counting({1, 2}, 1)}));
  CHECK(seen == std::vector<std::string>{"vit.prepared", "vit.prepared", "fc", "vit.bias_add"});
}

TEST_CASE("errors name what is wrong") {
  Program program(preparedModel);
  Interpreter reference = program.reference();
  auto error = [&](std::vector<Tensor> inputs) {
    return messageOf(reference.run(std::move(inputs)));
  };
  CHECK(error({counting({1, 2})}) == "no weight is called 'w'");
  CHECK(error({}) == "expected 1 inputs, but got 0");
  CHECK(error({counting({2, 3})}) == "input 'x': expected shape batchx2, but got 2x3");
  CHECK(error({counting({0, 2})}) == "input 'x': expected shape batchx2, but got 0x2");
  CHECK(error({{{2, 2}, {1, 2, 3}}}) == "input 'x': expected 4 values, but got 3");

  Interpreter shortWeights = program.reference([](const Weight &, std::vector<double> &values) {
    values = {1};
    return std::string();
  });
  CHECK(messageOf(shortWeights.run({counting({1, 2})})) ==
        "weight 'w': expected 4 values, but got 1");

  CHECK(errorOf("func.func @f(%a: tensor<?x2xf16>, %b: tensor<?x2xf16>) -> tensor<?x2xf16> {\n"
                "  return %a : tensor<?x2xf16>\n}",
                {counting({1, 2}), counting({2, 2})}) ==
        "input 1: expected 1 images, as in other inputs, but got 2");
  CHECK(errorOf("func.func @f() { return }\nfunc.func @g() { return }", {}) ==
        "expected one function besides @prepare, but got @f and @g");
  CHECK(errorOf("module {}", {}) ==
        "expected a function of one block that is the model, but got none");
  CHECK(errorOf("func.func @f() {\n  func.call @f() : () -> ()\n  return\n}", {}) ==
        "'func.call' has no reference meaning");
}

TEST_CASE("an input that is an output, twice") {
  auto outputs = runProgram(R"(
    func.func @f(%x: tensor<?x2xf16>) -> (tensor<?x2xf16>, tensor<?x2xf16>) {
      return %x, %x : tensor<?x2xf16>, tensor<?x2xf16>
    })",
                            {counting({1, 2})});
  checkTensor(outputs[0].tensor, {1, 2}, {0, 1});
  checkTensor(outputs[1].tensor, {1, 2}, {0, 1});
}
