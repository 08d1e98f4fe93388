//===- ReferenceTesting.h - Programs from text, run in f64 ------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef TEST_UNIT_REFERENCETESTING_H
#define TEST_UNIT_REFERENCETESTING_H

#include "dialect/reference/Reference.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <catch2/catch.hpp>

/// A module parsed and verified from text.
struct Program {
  explicit Program(const std::string &text)
      : context(registry(), mlir::MLIRContext::Threading::DISABLED),
        module(mlir::parseSourceString<mlir::ModuleOp>(text, &context)) {
    INFO(text);
    REQUIRE(module);
  }

  static mlir::DialectRegistry registry() {
    mlir::DialectRegistry registry;
    registry.insert<vitc::vit::VitDialect, mlir::func::FuncDialect>();
    return registry;
  }

  vitc::reference::Interpreter reference(vitc::reference::Interpreter::Weights weights = noWeights,
                                         unsigned threads = 1) {
    context.loadAllAvailableDialects();
    return vitc::reference::Interpreter(*module, std::move(weights), threads);
  }

  static std::string noWeights(const vitc::reference::Weight &weight, std::vector<double> &) {
    return "no weight is called '" + weight.key.str() + "'";
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

/// The value, or a failure with the error.
template <typename T> T take(llvm::Expected<T> value) {
  if (!value)
    FAIL(llvm::toString(value.takeError()));
  return std::move(*value);
}

template <typename T> std::string messageOf(llvm::Expected<T> value) {
  return value ? "no error" : llvm::toString(value.takeError());
}

/// Runs the one function of a program and returns its outputs.
inline std::vector<vitc::reference::Output>
runProgram(const std::string &text, std::vector<vitc::reference::Tensor> inputs) {
  Program program(text);
  vitc::reference::Interpreter reference = program.reference();
  return take(reference.run(std::move(inputs)));
}

/// The error of a run that has to fail.
inline std::string errorOf(const std::string &text, std::vector<vitc::reference::Tensor> inputs) {
  Program program(text);
  vitc::reference::Interpreter reference = program.reference();
  return messageOf(reference.run(std::move(inputs)));
}

/// start, start + step, ...
inline vitc::reference::Tensor counting(std::vector<int64_t> shape, double start = 0,
                                        double step = 1) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  std::vector<double> values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(start + step * i);
  return {std::move(shape), std::move(values)};
}

/// Values that look random and are the same everywhere, in [-1, 1).
inline vitc::reference::Tensor scrambled(std::vector<int64_t> shape, uint64_t seed) {
  vitc::reference::Tensor tensor = counting(std::move(shape));
  for (double &value : tensor.values) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    value = double(seed >> 40) / (1 << 23) - 1;
  }
  return tensor;
}

inline void checkTensor(const vitc::reference::Tensor &tensor, std::vector<int64_t> shape,
                        std::vector<double> values, double tolerance = 1e-14) {
  CHECK(tensor.shape == shape);
  REQUIRE(tensor.values.size() == values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    INFO("element " << i);
    CHECK(tensor.values[i] == Approx(values[i]).epsilon(tolerance).margin(tolerance));
  }
}

#endif // TEST_UNIT_REFERENCETESTING_H
