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

#include "dialect/ModelFunction.h"
#include "driver/Quantized.h"
#include "weights/Float.h"

#include "llvm/ADT/DenseMap.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace vitc;
using namespace vitc::codegen;
using namespace vitc::driver;

/// Stored values as f64.
static std::vector<double> decode(const std::vector<uint8_t> &bytes, RankedTensorType stored) {
  Type type = stored.getElementType();
  if (type.isInteger(8))
    return decodeRows(bytes, stored.getShape().back());
  auto size = size_t(vit::bytesOf(type));
  std::vector<double> values(bytes.size() / size);
  for (size_t i = 0; i < values.size(); ++i) {
    if (size == 4) { // tf32, too
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

/// What the launches of one run wrote, each beside what it should have written.
class Replay {
public:
  Replay(Runner &runner, std::span<const float> input, int64_t batch)
      : runner(runner), input(input), batch(batch),
        reference(runner.launched(), referenceWeights(runner.weights()), runner.jobs()) {
    for (auto launch : model().getOps<vit::LaunchOp>())
      launches.push_back(launch);
    for (size_t i = 0; i < launches.size(); ++i)
      for (Value operand : launches[i].getOperands_())
        lastUse[operand] = i;
  }
  virtual ~Replay() = default;

  /// Runs the images; an error of judge() ends it.
  Result<void> run() {
    values[model().getArgument(0)].assign(input.begin(), input.end());
    auto workspace = runner.workspace();
    if (!workspace)
      return workspace.takeError();
    std::vector<uint8_t> bytes;
    const void *inputs[] = {asStored(runner.model().input, input, bytes)};
    std::vector<std::vector<float>> outputs;
    std::vector<void *> pointers;
    for (const ValueShape &output : runner.model().outputs) {
      outputs.emplace_back(size_t(batch * output.count()));
      pointers.push_back(outputs.back().data());
    }
    return vitrt::runHostObserved(*workspace, int(batch), inputs, 1, pointers.data(),
                                  int(pointers.size()),
                                  [&](const vitrt::StepView &view) { return launched(view); });
  }

protected:
  using Written = std::vector<std::vector<double>>; ///< of each result of a launch
  virtual Result<void> judge(uint32_t index, vit::LaunchOp launch, const vitrt::StepView &view,
                             const Written &found) = 0;

  Type elementType(vit::LaunchOp launch, size_t result) {
    return cast<RankedTensorType>(launch.getResults_()[result].getType()).getElementType();
  }

private:
  Result<void> launched(const vitrt::StepView &view) {
    uint32_t index = view.step->launch;
    if (index >= launches.size())
      return vitrt::Error{"the library has more launches than the module"};
    if (view.written.empty()) // a later part finishes what this one began
      return {};
    vit::LaunchOp launch = launches[index];
    Written found;
    for (size_t i = 0; i < launch.getResults_().size(); ++i)
      found.push_back(decode(view.written.at(i).bytes,
                             cast<RankedTensorType>(launch.getResults_()[i].getType())));
    if (auto good = judge(index, launch, view, found); !good)
      return good;
    for (auto [result, written] : llvm::zip_equal(launch.getResults_(), found))
      values[result] = std::move(written);
    for (Value operand : launch.getOperands_())
      if (lastUse[operand] == index)
        values.erase(operand);
    return {};
  }

protected:
  /// The launch's kernel in f64, on what the launch read.
  Result<std::vector<reference::Tensor>> compute(vit::LaunchOp launch) {
    auto kernel = runner.launched().lookupSymbol<vit::KernelOp>(launch.getKernel());
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

  /// What a launch reads.
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
    if (auto type = prepared.getType(); type.getElementType().isInteger(8))
      *computed = decodePanels(*computed, type.getDimSize(1), type.getDimSize(2));
    return &(values[value] = std::move(*computed));
  }

private:
  func::FuncOp model() { return llvm::cantFail(vit::findModel(runner.launched())); }

  Runner &runner;
  std::span<const float> input;
  int64_t batch;
  reference::Interpreter reference;
  std::vector<vit::LaunchOp> launches;
  llvm::DenseMap<Value, size_t> lastUse;
  llvm::DenseMap<Value, std::vector<double>> values;
};

class Bisection : public Replay {
public:
  Bisection(Runner &runner, std::span<const float> input, int64_t batch, double tolerance,
            const std::function<void(const std::string &)> &say)
      : Replay(runner, input, batch), tolerance(tolerance), say(say) {}

  struct Suspect {
    uint32_t index;
    std::string label, kernel;
    double error;
  };
  std::optional<Suspect> first;

private:
  Result<void> judge(uint32_t index, vit::LaunchOp launch, const vitrt::StepView &view,
                     const Written &found) override {
    auto expected = compute(launch);
    if (!expected)
      return expected.takeError();
    double worst = 0;
    for (auto [written, wanted] : llvm::zip_equal(found, *expected)) {
      double error = relativeError(written, wanted.values);
      worst = worst >= error ? worst : error; // a NaN stays
    }
    bool jumps = !(worst <= tolerance);
    say(fmt::format("launch {} '{}' kernel {} error {:.2e}{}\n", index, view.step->label,
                    view.kernel->name, worst, jumps ? " JUMPS" : ""));
    if (jumps && !first)
      first = {index, view.step->label, view.kernel->name, worst};
    return {};
  }

  double tolerance;
  const std::function<void(const std::string &)> &say;
};

/// Whether a value of a model has the type of the residual stream: it is part of it, or joins it.
bool isResidual(vit::LaunchOp launch, size_t result, vit::KernelOp kernel) {
  auto producer = kernel.getBody().front().getTerminator()->getOperand(result).getDefiningOp();
  auto storage = dyn_cast_or_null<vit::StorageInterface>(producer);
  if (storage && storage.getResultStorage() == vit::Storage::Residual)
    return true;
  for (OpOperand &use : launch.getResults_()[result].getUses()) {
    auto user = dyn_cast<vit::LaunchOp>(use.getOwner());
    if (!user)
      continue;
    auto next = kernel->getParentOfType<ModuleOp>().lookupSymbol<vit::KernelOp>(user.getKernel());
    for (OpOperand &inner : next.getBody().front().getArgument(use.getOperandNumber()).getUses()) {
      auto reader = dyn_cast<vit::StorageInterface>(inner.getOwner());
      if (reader && reader.getOperandStorage(inner.getOperandNumber()) == vit::Storage::Residual)
        return true;
    }
  }
  return false;
}

class OverflowSearch : public Replay {
public:
  using Replay::Replay;
  std::optional<Overflow> first;
  static constexpr const char *ended = "an overflow was found";

private:
  Result<void> judge(uint32_t, vit::LaunchOp launch, const vitrt::StepView &view,
                     const Written &found) override {
    for (auto [i, written] : llvm::enumerate(found)) {
      if (llvm::all_of(written, [](double value) { return std::isfinite(value); }))
        continue;
      auto expected = compute(launch);
      if (!expected)
        return expected.takeError();
      auto kernel =
          launch->getParentOfType<ModuleOp>().lookupSymbol<vit::KernelOp>(launch.getKernel());
      std::string type;
      llvm::raw_string_ostream(type) << elementType(launch, i);
      Overflow &overflow = first.emplace();
      overflow = {view.step->label, view.kernel->name, type, largestOf((*expected)[i].values),
                  isResidual(launch, i, kernel)};
      kernel.walk([&](Operation *op) {
        overflow.norm |= isa<vit::NormInterface, vit::MomentsOp, vit::NormalizeOp>(op);
        overflow.attention |= isa<vit::AttentionOp>(op);
      });
      for (Value operand : launch.getOperands_()) {
        auto values = read(operand);
        if (!values)
          return values.takeError();
        overflow.read = std::max(overflow.read, largestOf(**values));
      }
      return vitrt::Error{ended};
    }
    return {};
  }

  /// The largest magnitude; NaN if there is one.
  static double largestOf(ArrayRef<double> values) {
    double largest = 0;
    for (double value : values)
      largest = std::isnan(value) || std::fabs(value) > largest ? std::fabs(value) : largest;
    return largest;
  }
};

/// What is wrong and what to do about it.
std::string describe(const Overflow &overflow) {
  std::string text = fmt::format("'{}' (kernel {}) ", overflow.label, overflow.kernel);
  if (!std::isfinite(overflow.largest))
    return text + "reads or makes values that are not finite in f64 either; repair the weights";
  double limit = overflow.type == "f16" ? 65504 : 3.3895e38;
  constexpr double mostToSquare = 0x1p59; // sums of a row of squares may leave f32 beyond it
  if (overflow.norm && overflow.read > mostToSquare)
    return text +
           fmt::format("reads values up to {:g}, whose squares are too large for f32, in which "
                       "norms compute; repair the weights, no type holds them",
                       overflow.read);
  if (overflow.largest <= limit && overflow.attention && overflow.type == "f16")
    return text +
           "gives values that are no numbers, as scores too large for f16 do; use --dtype bf16";
  if (overflow.largest <= limit)
    return text +
           fmt::format("gives values that are no numbers where {:g} is the largest; check it "
                       "with vitc check --bisect",
                       overflow.largest);
  text += fmt::format("comes to {:g}, too large for {}; ", overflow.largest, overflow.type);
  if (overflow.type != "f16")
    return text + "repair the weights, no type holds it";
  return text + (overflow.residual ? "use --residual f32" : "use --dtype bf16");
}

} // namespace

Result<bool> driver::bisect(Runner &runner, std::span<const float> input, int64_t batch,
                            double tolerance, const std::function<void(const std::string &)> &say) {
  Bisection bisection(runner, input, batch, tolerance, say);
  if (auto done = bisection.run(); !done)
    return done.takeError();
  if (const auto &suspect = bisection.first)
    say(fmt::format("bisect: the error jumps at launch {} '{}', kernel '{}': {:.2e}, expected at "
                    "most {:g}\n",
                    suspect->index, suspect->label, suspect->kernel, suspect->error, tolerance));
  else
    say(fmt::format("bisect: no kernel's error is above {:g}\n", tolerance));
  return bisection.first.has_value();
}

Result<std::optional<Overflow>> driver::findOverflow(Runner &runner, std::span<const float> input,
                                                     int64_t batch) {
  OverflowSearch search(runner, input, batch);
  if (auto done = search.run(); !done && !search.first)
    return done.takeError();
  return search.first;
}

Result<std::string> driver::explainNonfinite(Runner &runner, const Nonfinite &found) {
  std::string text = found.text();
  if (runner.isReference())
    return text + ", in f64 too; repair the weights";
  if (runner.takesAnySize())
    return text + "; to see where, run it as a build for that size, --image-size HxW";
  auto overflow = findOverflow(runner, found.input, found.batch);
  if (!overflow)
    return overflow.takeError();
  if (!*overflow)
    return text + "; a second run of the same images has none: the device does not repeat itself";
  return text + ": " + describe(**overflow);
}
