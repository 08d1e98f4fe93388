//===- Rounding.cpp - How far rounding moves outputs ----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// The sum of a head may cancel: terms of size 1 that come to 0.01 have the
// errors of terms of size 1. Over hundreds of values that averages out; of one
// to three values the norm is no measure. How ill-conditioned these are is
// asked of the reference, never of the device that is judged.
//
//===----------------------------------------------------------------------===//

#include "driver/Rounding.h"

#include <cmath>

using namespace mlir;
using namespace vitc;
using namespace vitc::driver;

namespace {

constexpr int samples = 12;
/// Of the root mean square: what hardly a correct run exceeds.
constexpr double deviations = 3;

/// Half the distance of neighbours, as a part of them. Products of f32 are as good as 0x1p-22. Of
/// i8 neighbours are as far apart as the largest of a row or column says, of which most are a
/// third.
double unitOf(const std::string &dtype) {
  if (dtype == "i8")
    return 3 * 0x1p-8;
  return dtype == "bf16" ? 0x1p-8 : dtype == "f32" ? 0x1p-22 : 0x1p-11;
}

/// Numbers in [-1, 1), the same everywhere.
class Noise {
public:
  explicit Noise(uint64_t seed) : state(seed * 0x9E3779B97F4A7C15 + 1) {}
  double next() {
    uint64_t z = state += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return double(int64_t(z ^ z >> 31) >> 11) * 0x1p-52;
  }

private:
  uint64_t state;
};

/// Weights that are off by random parts of a unit.
class PerturbedSource : public vitrt::WeightSource {
public:
  PerturbedSource(vitrt::WeightSource &source, double unit, uint64_t seed)
      : source(source), unit(unit), seed(seed) {}
  Result<void> check(const vit_library &library) override { return source.check(library); }
  Result<vitrt::Doubles> load(const vit_recipe_step &step) override {
    auto values = source.load(step);
    if (!values)
      return values;
    Noise noise(seed + ++loads * 1000003);
    for (double &value : *values)
      value *= 1 + unit * noise.next();
    return values;
  }

private:
  vitrt::WeightSource &source;
  double unit;
  uint64_t seed, loads = 0;
};

/// The outputs of the reference with weights of `source`.
FailureOr<std::vector<reference::Output>> compute(Compiler &compiler, vitrt::WeightSource &source,
                                                  reference::Tensor input) {
  reference::Interpreter interpreter(compiler.module(), referenceWeights(source),
                                     compiler.settings().jobs);
  auto outputs = interpreter.run({std::move(input)});
  if (!outputs)
    return compiler.session().error(outputs.takeError());
  return std::move(*outputs);
}

double norm(ArrayRef<double> values) {
  double sum = 0;
  for (double value : values)
    sum += value * value;
  return std::sqrt(sum);
}

} // namespace

FailureOr<std::vector<double>> driver::roundingError(const CompileOptions &options,
                                                     const std::string &dtype, DeviceOptions device,
                                                     const GoldenTask &task,
                                                     const Session &session) {
  device.device = "reference";
  device.emulate = false;
  device.ptx.clear();
  Session errors = session.errorsOnly();
  Compiler compiler(options, errors);
  Runner runner(compiler, device);
  if (failed(compiler.open()) || failed(runner.open()))
    return failure();
  reference::Tensor input;
  input.shape.push_back(task.batch);
  llvm::append_range(input.shape, runner.model().input.perImage);
  input.values.assign(task.input.begin(), task.input.end());
  auto exact = compute(compiler, runner.weights(), input);
  if (failed(exact))
    return failure();

  double unit = unitOf(dtype);
  std::vector<double> sums(exact->size());
  for (int sample = 0; sample != samples; ++sample) {
    if (failed(session.checkStop()))
      return failure();
    if (session.progress)
      session.progress("estimating rounding", sample, samples);
    PerturbedSource source(runner.weights(), unit, sample + 1);
    reference::Tensor off = input;
    Noise noise(sample + 1);
    if (!runner.model().input.bytes) // nothing rounds these
      for (double &value : off.values)
        value *= 1 + unit * noise.next();
    auto outputs = compute(compiler, source, std::move(off));
    if (failed(outputs))
      return failure();
    for (auto [sum, a, b] : llvm::zip_equal(sums, *exact, *outputs))
      for (auto [x, y] : llvm::zip_equal(a.tensor.values, b.tensor.values))
        sum += (x - y) * (x - y) / samples;
  }
  for (auto [sum, output] : llvm::zip_equal(sums, *exact)) {
    double size = norm(output.tensor.values);
    sum = size > 0 ? std::sqrt(sum) / size : 0; // nothing excuses an error where zero is right
  }
  return sums;
}

LogicalResult driver::allowForRounding(const CompileOptions &options, const std::string &dtype,
                                       const DeviceOptions &device, const GoldenTask &task,
                                       const Session &session, CheckReport &report) {
  auto isInDoubt = [](const OutputCheck &output) {
    return !output.ok && output.values <= fewValues && std::isfinite(output.error);
  };
  if (llvm::none_of(report.outputs, isInDoubt))
    return success();
  FailureOr<std::vector<double>> errors = roundingError(options, dtype, device, task, session);
  if (failed(errors))
    return failure();
  for (auto [output, reference] : llvm::zip_equal(report.outputs, task.references))
    if (isInDoubt(output)) {
      output.tolerance = std::max(output.tolerance, deviations * (*errors)[reference.output]);
      output.ok = output.error <= output.tolerance;
    }
  return success();
}
