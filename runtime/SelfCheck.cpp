//===- SelfCheck.cpp - Does a device compute what it should? ---------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// A library with code for GPUs and for CPUs has two independent ways to its
// outputs: other kernels, other layouts of the weights, other memory. One image
// goes both; what a driver miscompiles, a GPU miscomputes or its memory has lost
// shows as a difference. On a CPU the forms of the code are such ways, of one
// weight arena.
//===----------------------------------------------------------------------===//
#include "runtime/SelfCheck.h"
#include "runtime/ElementAt.h"
#include "runtime/TestInput.h"
#include "runtime/Tolerance.h"
#include "runtime/cpu/Machine.h"
#include "runtime/cpu/Run.h"
#include "weights/Float.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

namespace vitrt {
namespace {

using Tensors = std::vector<std::vector<uint8_t>>;

double valueAt(const uint8_t *bytes, uint64_t i, uint32_t dtype) {
  switch (dtype) {
  case VIT_F64:
    return elementAt<double>(bytes, i);
  case VIT_F16:
    return halfToFloat(elementAt<uint16_t>(bytes, i));
  case VIT_BF16:
    return bfloatToFloat(elementAt<uint16_t>(bytes, i));
  case VIT_U8:
    return bytes[i];
  default:
    return elementAt<float>(bytes, i);
  }
}

/// Makes each value off by a random part of `unit`. Only f32 and bf16, which are what code for CPUs
/// reads weights and pixels in; bytes of pixels are exact, and products of i8 have no rounding in
/// which two forms could differ.
void perturb(uint8_t *bytes, uint64_t size, uint32_t dtype, double unit, Noise &noise) {
  if (dtype == VIT_F32)
    for (uint64_t i = 0; i != size / sizeof(float); ++i) {
      float value = float(elementAt<float>(bytes, i) * (1 + unit * noise.next()));
      std::memcpy(bytes + i * sizeof value, &value, sizeof value);
    }
  else if (dtype == VIT_BF16)
    for (uint64_t i = 0; i != size / sizeof(uint16_t); ++i) {
      double value = bfloatToFloat(elementAt<uint16_t>(bytes, i)) * (1 + unit * noise.next());
      uint16_t bits = doubleToBfloat(value);
      std::memcpy(bytes + i * sizeof bits, &bits, sizeof bits);
    }
}

/// The less exact of two types.
vit_dtype coarser(vit_dtype a, vit_dtype b) { return toleranceOf(a) < toleranceOf(b) ? b : a; }

const vit_target &targetOf(const vit_model &model) { return model.library.targets[model.target]; }

ArenaPart arenaOf(const vit_model &model) { return arenaPart(model.library, targetOf(model)); }

/// What products read says in what a model computes: the least exact type of its weights. Steps of
/// i8 are no such type here: their sums are exact, so what is held against each other, two forms
/// with the same steps, is as near as all else that they compute, in f32.
vit_dtype computesIn(const vit_model &model) {
  const vit_library &library = model.library;
  vit_dtype dtype = VIT_F32;
  ArenaPart part = arenaOf(model);
  for (const vit_prepared &weight : std::span(library.weights, library.weight_count))
    if (weight.bytes && weight.dtype != VIT_I8 && part.has(weight))
      dtype = coarser(dtype, vit_dtype(weight.dtype));
  return dtype;
}

bool hasTarget(const vit_library &library, vit_target_kind kind) {
  return std::any_of(library.targets, library.targets + library.target_count,
                     [&](const vit_target &target) { return target.kind == uint32_t(kind); });
}

/// One image of the library's own size, in a workspace that goes with the call.
Status runImage(const vit_model &model, const Tensors &inputs, Tensors &outputs) {
  std::unique_ptr<vit_workspace> workspace;
  if (Status created = createWorkspace(model, 1, {}, workspace); !created)
    return created;
  std::vector<const void *> from;
  for (const std::vector<uint8_t> &input : inputs)
    from.push_back(input.data());
  std::vector<void *> to;
  outputs.resize(model.library.output_count);
  for (uint32_t i = 0; i != model.library.output_count; ++i) {
    outputs[i].assign(workspace->sized.outputBytes(model.library, i, 1), 0);
    to.push_back(outputs[i].data());
  }
  if (Status selected = workspace->select(1); !selected)
    return selected;
  return model.backend->runHost(workspace->request(from.data(), to.data(), nullptr));
}

class SelfCheck {
public:
  SelfCheck(const vit_model &model, WeightSource *again, std::string &report)
      : model(model), library(model.library), again(again), report(report) {}

  Status check() {
    report = "device: " + model.description + "\n";
    bool onCpu = targetOf(model).kind == VIT_TARGET_CPU;
    if (!onCpu && !hasTarget(library, VIT_TARGET_CPU))
      return badArgument("library " + quoted(library.name) +
                         " has no code for CPUs, which a check holds the GPU's outputs against; "
                         "build it with --target cuda,cpu");
    if (Status run = runModel(); !run)
      return run;
    if (Status done = onCpu ? againstOtherForms() : againstCpu(); !done)
      return done;
    return std::move(failure);
  }

private:
  /// The model's own outputs of an image that follows from nothing but its size.
  Status runModel() {
    SizedPlan native;
    if (Status chosen = choosePlan(library, model.target, {}, native); !chosen)
      return chosen;
    inputs.resize(library.input_count);
    for (uint32_t i = 0; i != library.input_count; ++i)
      if (Status made = makeTestInput(library, native, i, 1, inputs[i]); !made)
        return made;
    return runImage(model, inputs, outputs);
  }

  Status againstCpu() {
    std::unique_ptr<vit_model> cpu;
    if (Status loaded = loadForCpu(cpu); !loaded)
      return loaded;
    return compareWith(*cpu, "");
  }

  /// Loads the CPU's part of the weights from where the model has its own.
  Status loadForCpu(std::unique_ptr<vit_model> &out) {
    LoadOptions options;
    options.allowNonfinite = model.allowNonfinite;
    if (again || model.isEmbedded)
      return loadModel(&library, again, "cpu", options, out);
    if (model.files.empty())
      return badArgument("the model's weights came from a function, which may be gone, and a check "
                         "reads them again; load the model from a file, or build with "
                         "--embed-weights");
    auto file = Safetensors::open(model.files.path());
    if (Status same = model.files.checkUnchanged(); !same) // what is open now is what is looked at
      return same;
    if (!file)
      return badFile("weights " + file.error());
    FileSource source(*file);
    return loadModel(&library, &source, "cpu", options, out);
  }

  /// Every form that runs here but the model's own, on its weights; without one, other threads.
  Status againstOtherForms() {
    const BackendText &own = model.backend->text();
    std::vector<std::string> forms = usableForms(targetOf(model));
    std::erase(forms, own.isa);
    for (const std::string &form : forms)
      if (Status done = againstForm(form, own.threads, ""); !done)
        return done;
    if (!forms.empty())
      return {};
    return againstForm(own.isa, own.threads == 1 ? 2 : 1,
                       ": the only form of the code that runs on this processor, with other "
                       "threads");
  }

  Status againstForm(const std::string &form, int threads, const char *note) {
    std::unique_ptr<vit_model> other;
    if (Status loaded = loadForm(form, threads, weightsOf(model), other); !loaded)
      return loaded;
    return compareWith(*other, note);
  }

  /// Of a model on a CPU, whose weights are the program's memory.
  static const uint8_t *weightsOf(const vit_model &cpu) {
    return reinterpret_cast<const uint8_t *>(cpu.backend->weights());
  }

  Status loadForm(const std::string &form, int threads, const uint8_t *arena,
                  std::unique_ptr<vit_model> &out) const {
    LoadOptions options;
    options.isa = form;
    options.arena = arena;
    return loadModel(&library, nullptr, ("cpu:" + std::to_string(threads)).c_str(), options, out);
  }

  Status compareWith(const vit_model &cpu, const char *note) {
    report += "held against: " + cpu.description + note + "\n";
    Tensors wanted;
    if (Status run = runImage(cpu, inputs, wanted); !run)
      return run;
    vit_dtype dtype = coarser(computesIn(model), computesIn(cpu));
    std::vector<double> rounding; // of each output; empty: not known yet
    for (uint32_t i = 0; i != library.output_count; ++i) {
      double error = errorOf(i, outputs[i], wanted[i]);
      double tolerance = toleranceOf(coarser(dtype, vit_dtype(library.outputs[i].dtype)));
      if (!(error <= tolerance) && std::isfinite(error) && countOf(i) <= fewValues) {
        if (rounding.empty())
          if (Status known = measureRounding(cpu, wanted, dtype, rounding); !known)
            return known;
        tolerance = std::max(tolerance, roundingDeviations * rounding[i]);
      }
      judge(i, error, tolerance, cpu);
    }
    return {};
  }

  /// A NaN is never within the tolerance.
  void judge(uint32_t index, double error, double tolerance, const vit_model &cpu) {
    bool ok = error <= tolerance;
    report += errorLine(library.outputs[index].name, error, tolerance, ok);
    if (ok || !failure)
      return;
    char numbers[96];
    snprintf(numbers, sizeof numbers, "error %.3e, tolerance %g", std::fabs(error), tolerance);
    failure = {VIT_DEVICE_ERROR, outputText(library, index) + " of " + model.description +
                                     " is not that of " + cpu.description + ": " + numbers +
                                     "; use another device or driver, and find the first kernel "
                                     "that differs with vitc check --bisect"};
  }

  int64_t countOf(uint32_t index) const {
    return int64_t(outputs[index].size() / sizeOf(library.outputs[index].dtype));
  }

  double errorOf(uint32_t index, const std::vector<uint8_t> &values,
                 const std::vector<uint8_t> &wanted) const {
    uint32_t dtype = library.outputs[index].dtype;
    OutputError error;
    for (uint64_t i = 0; i != values.size() / sizeOf(dtype); ++i)
      error.add(valueAt(values.data(), i, dtype), valueAt(wanted.data(), i, dtype));
    return error.value();
  }

  /// For each output how far rounding to `dtype` moves it, as a part of its norm. It is asked of
  /// the code that the model is held against: one that is wrong does not excuse itself.
  Status measureRounding(const vit_model &cpu, const Tensors &exact, vit_dtype dtype,
                         std::vector<double> &errors) const {
    ArenaPart part = arenaOf(cpu);
    HostMemory weights;
    if (Status room = HostMemory::allocate(part.bytes(), " for weights", weights); !room)
      return room;
    const BackendText &own = cpu.backend->text();
    std::unique_ptr<vit_model> off;
    if (Status loaded = loadForm(own.isa, own.threads, weights.data(), off); !loaded)
      return loaded;
    double unit = roundingUnit(dtype);
    errors.assign(library.output_count, 0);
    for (int run = 0; run != roundingRuns; ++run) {
      Noise noise(uint64_t(run) + 1);
      perturbWeights(weightsOf(cpu), part, unit, noise, weights.data());
      Tensors images = inputs, moved;
      for (uint32_t i = 0; i != library.input_count; ++i)
        perturb(images[i].data(), images[i].size(), library.inputs[i].dtype, unit, noise);
      if (Status done = runImage(*off, images, moved); !done)
        return done;
      for (uint32_t i = 0; i != library.output_count; ++i) {
        double error = errorOf(i, moved[i], exact[i]);
        errors[i] += error * error / roundingRuns;
      }
    }
    // Where zero is right nothing excuses an error.
    for (double &error : errors)
      error = std::isfinite(error) ? std::sqrt(error) : 0;
    return {};
  }

  void perturbWeights(const uint8_t *from, ArenaPart part, double unit, Noise &noise,
                      uint8_t *to) const {
    std::copy_n(from, part.bytes(), to);
    for (const vit_prepared &weight : std::span(library.weights, library.weight_count))
      if (weight.bytes && part.has(weight))
        perturb(to + (weight.offset - part.begin), weight.bytes, weight.dtype, unit, noise);
  }

  const vit_model &model;
  const vit_library &library;
  WeightSource *again;
  std::string &report;
  Tensors inputs, outputs; // of the model
  Status failure;          // the first output that differs
};

} // namespace

Status checkModel(const vit_model &model, WeightSource *again, std::string &report) {
  return SelfCheck(model, again, report).check();
}

} // namespace vitrt
