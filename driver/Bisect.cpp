//===- Bisect.cpp - Which kernel goes wrong -------------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Each kernel is judged by itself: the reference gets the values that the
// launch on the device got, with whatever error they have already. So a wrong
// kernel stands out however late it comes, and those after it do not.
//
//===----------------------------------------------------------------------===//

#include "driver/Bisect.h"

#include "weights/Float.h"

#include "llvm/ADT/DenseMap.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace vitc;
using namespace vitc::codegen;
using namespace vitc::driver;

/// Stored values as f64.
static std::vector<double> decode(const std::vector<uint8_t> &bytes, Type type) {
  size_t size = type.isF32() ? 4 : 2;
  std::vector<double> values(bytes.size() / size);
  for (size_t i = 0; i < values.size(); ++i) {
    if (size == 4) {
      float value;
      std::memcpy(&value, bytes.data() + i * 4, 4);
      values[i] = value;
    } else {
      uint16_t half;
      std::memcpy(&half, bytes.data() + i * 2, 2);
      values[i] = type.isF16() ? vitrt::halfToFloat(half) : vitrt::bfloatToFloat(half);
    }
  }
  return values;
}

/// Norm of the difference over norm of the reference; NaN if there is one.
static double relativeError(ArrayRef<double> found, ArrayRef<double> reference) {
  double difference = 0, norm = 0;
  for (auto [a, b] : llvm::zip_equal(found, reference)) {
    difference += (a - b) * (a - b);
    norm += b * b;
  }
  return norm > 0 ? std::sqrt(difference / norm) : std::sqrt(difference);
}

namespace {

class Bisection {
public:
  Bisection(Compiler &compiler, Runner &runner, int64_t batch, double tolerance,
            const std::function<void(const std::string &)> &say)
      : compiler(compiler), runner(runner), batch(batch), tolerance(tolerance), say(say),
        reference(compiler.module(), referenceWeights(runner.weights()), compiler.settings().jobs) {
    for (auto launch : compiler.function().getOps<vit::LaunchOp>())
      launches.push_back(launch);
    for (size_t i = 0; i < launches.size(); ++i)
      for (Value operand : launches[i].getOperands_())
        lastUse[operand] = i;
  }

  void setInput(std::span<const float> input) {
    Value argument = compiler.function().getArgument(0);
    values[argument].assign(input.begin(), input.end());
  }

  Result<void> launched(const vitrt::StepView &view) {
    uint32_t index = view.step->launch;
    if (index >= launches.size())
      return vitrt::Error{"the library has more launches than the module"};
    if (view.written.empty()) // a later part finishes what this one began
      return {};
    vit::LaunchOp launch = launches[index];
    auto expected = compute(launch);
    if (!expected)
      return expected.takeError();
    double worst = 0;
    for (auto [i, result] : llvm::enumerate(launch.getResults_())) {
      auto type = cast<RankedTensorType>(result.getType()).getElementType();
      std::vector<double> found = decode(view.written.at(i).bytes, type);
      double error = relativeError(found, (*expected)[i].values);
      worst = worst >= error ? worst : error; // a NaN stays
      values[result] = std::move(found);
    }
    bool jumps = !(worst <= tolerance);
    say(fmt::format("launch {} '{}' kernel {} error {:.2e}{}\n", index, view.step->label,
                    view.kernel->name, worst, jumps ? " JUMPS" : ""));
    if (jumps && !first)
      first = {index, view.step->label, view.kernel->name, worst};
    for (Value operand : launch.getOperands_())
      if (lastUse[operand] == index)
        values.erase(operand);
    return {};
  }

  struct Suspect {
    uint32_t index;
    std::string label, kernel;
    double error;
  };
  std::optional<Suspect> first;

private:
  /// The launch's kernel in f64, on what the launch read.
  Result<std::vector<reference::Tensor>> compute(vit::LaunchOp launch) {
    auto kernel = compiler.module().lookupSymbol<vit::KernelOp>(launch.getKernel());
    std::vector<reference::Tensor> arguments;
    for (auto [operand, type] : llvm::zip_equal(launch.getOperands_(), kernel.getArgumentTypes())) {
      auto value = read(operand);
      if (!value)
        return value.takeError();
      reference::Tensor tensor;
      auto shape = cast<RankedTensorType>(type).getShape();
      tensor.shape.assign(shape.begin(), shape.end());
      tensor.values = **value;
      // Rows of all images, or the images: whatever is left of the values.
      int64_t rest = 1;
      for (int64_t size : shape)
        rest *= ShapedType::isDynamic(size) ? 1 : size;
      if (ShapedType::isDynamic(shape[0]))
        tensor.shape[0] = int64_t(tensor.values.size()) / rest;
      arguments.push_back(std::move(tensor));
    }
    auto result = cast<RankedTensorType>(launch.getResults_().front().getType());
    auto own = cast<RankedTensorType>(kernel.getResultTypes().front());
    int64_t rows = own.getRank() == result.getRank() ? batch : batch * vit::rowsPerImage(result);
    auto results = reference.runKernel(kernel, std::move(arguments), rows);
    if (!results)
      return vitrt::Error{llvm::toString(results.takeError())};
    return std::move(*results);
  }

  Result<const std::vector<double> *> read(Value value) {
    if (auto found = values.find(value); found != values.end())
      return &found->second;
    auto prepared = value.getDefiningOp<vit::PreparedOp>();
    if (!prepared)
      return vitrt::Error{"a launch reads what no launch before it wrote"};
    const vit_library &library = *runner.library();
    auto computed = vitrt::evaluateRecipe(library, runner.weights(),
                                          library.weights[prepared.getIndex()].value);
    if (!computed)
      return computed.takeError();
    return &(values[value] = std::move(*computed));
  }

  Compiler &compiler;
  Runner &runner;
  int64_t batch;
  double tolerance;
  const std::function<void(const std::string &)> &say;
  reference::Interpreter reference;
  std::vector<vit::LaunchOp> launches;
  llvm::DenseMap<Value, size_t> lastUse;
  llvm::DenseMap<Value, std::vector<double>> values;
};

} // namespace

Result<bool> driver::bisect(Compiler &compiler, Runner &runner, std::span<const float> input,
                            int64_t batch, double tolerance,
                            const std::function<void(const std::string &)> &say) {
  Bisection bisection(compiler, runner, batch, tolerance, say);
  bisection.setInput(input);
  auto workspace = runner.workspace();
  if (!workspace)
    return workspace.takeError();
  const void *inputs[] = {input.data()};
  std::vector<std::vector<float>> outputs;
  std::vector<void *> pointers;
  for (const ValueShape &output : runner.model().outputs) {
    outputs.emplace_back(size_t(batch * output.count()));
    pointers.push_back(outputs.back().data());
  }
  auto done = vitrt::runHostObserved(
      *workspace, int(batch), inputs, 1, pointers.data(), int(pointers.size()),
      [&](const vitrt::StepView &view) { return bisection.launched(view); });
  if (!done)
    return done.takeError();
  if (const auto &suspect = bisection.first)
    say(fmt::format("bisect: the error jumps at launch {} '{}', kernel '{}': {:.2e}, expected at "
                    "most {:g}\n",
                    suspect->index, suspect->label, suspect->kernel, suspect->error, tolerance));
  else
    say(fmt::format("bisect: no kernel's error is above {:g}\n", tolerance));
  return bisection.first.has_value();
}
