//===- library.cpp - Damaged plans and recipes ----------------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// The input is a list of patches to the numbers of a sound library: which
// number, and what to do to it. What checkLibrary() takes is loaded and run on
// the emulator, batch by batch. Lengths of lists only shrink: nobody can check
// how many elements a pointer has behind it.
//===----------------------------------------------------------------------===//
#include "runtime/Plan.h"
#include "runtime/cuda/Driver.h"
#include "test/fuzz/Mutate.h"
#include "test/tools/vit-run/tiny.h"
#include "vit/runtime.h"

#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

/// A library whose numbers can be patched.
struct Library {
  std::vector<vit_tensor> inputs{tinyInputs, tinyInputs + 1}, outputs{tinyOutputs, tinyOutputs + 1};
  std::vector<vit_cuda_code> codes;
  std::vector<vit_kernel> kernels{tinyKernels, tinyKernels + 3};
  std::vector<vit_arg> affine{tinyAffineArgs, tinyAffineArgs + 5},
      relu{tinyReluArgs, tinyReluArgs + 3};
  std::vector<vit_step> steps{tinySteps, tinySteps + 3};
  std::vector<vit_buffer> buffers{tinyBuffers, tinyBuffers + 2};
  std::vector<vit_count> inputValues{tinyCounts, tinyCounts + 1},
      outputValues{tinyCounts, tinyCounts + 1};
  std::vector<vit_recipe_step> recipe{tinyRecipe, tinyRecipe + 4};
  std::vector<double> angles = std::vector<double>(12, 0.5);
  std::vector<uint32_t> sum{tinySum, tinySum + 2};
  std::vector<vit_prepared> weights{tinyWeights, tinyWeights + 2};
  vit_target target = tinyTargets[0];
  vit_plan plans[2] = {tinyPlans[0], tinyPlans[0]}; // the second for images of any size
  vit_plan &plan = plans[0], &any = plans[1];
  vit_library root = TINY_LIBRARY(nullptr);

  struct Field {
    void *at;
    size_t bytes;
    bool length; ///< of a list: may only shrink
  };
  std::vector<Field> fields;

  template <class T> void number(T &value) { fields.push_back({&value, sizeof(T), false}); }
  void length(uint32_t &value) { fields.push_back({&value, sizeof value, true}); }
  void count(vit_count &c) {
    number(c.constant), number(c.per_image), number(c.per_length), number(c.per_token);
  }
  void tensor(vit_tensor &t) {
    number(t.dtype), number(t.rank);
    for (int64_t &size : t.shape)
      number(size);
  }

  Library() {
    for (vit_kernel &kernel : kernels)
      codes.push_back(*static_cast<const vit_cuda_code *>(kernel.code));
    for (size_t i = 0; i < kernels.size(); ++i)
      kernels[i].code = &codes[i];
    steps[0].args = affine.data();
    steps[1].args = steps[2].args = relu.data();
    recipe[2].operands = sum.data();
    for (vit_recipe_step &step : recipe)
      step.numbers = angles.data(), step.number_count = static_cast<uint32_t>(angles.size());
    plan.steps = steps.data(), plan.buffers = buffers.data();
    plan.input_values = inputValues.data(), plan.output_values = outputValues.data();
    target.kernels = kernels.data();
    root.inputs = inputs.data(), root.outputs = outputs.data();
    root.targets = &target, root.plans = plans, root.plan_count = 2;
    root.recipe = recipe.data(), root.weights = weights.data();
    any = plan;
    any.patch_height = any.patch_width = 2, any.max_tokens = 8;
    listCode(), listPlan(), listRecipe(), listRoot(), listAnySize();
  }
  Library(const Library &) = delete;

  void listCode() {
    for (vit_cuda_code &code : codes)
      number(code.threads), number(code.dynamic_smem), length(code.code_count);
    for (vit_kernel &kernel : kernels)
      number(kernel.hash);
    number(target.kind), length(target.kernel_count);
    number(target.weight_begin), number(target.weight_end);
  }
  void listPlan() {
    number(plan.target), number(plan.height), number(plan.width);
    number(plan.patch_height), number(plan.patch_width), number(plan.max_tokens);
    length(plan.step_count), length(plan.buffer_count);
    count(plan.workspace_bytes), count(plan.scratch_bytes), count(plan.counter_bytes);
    count(inputValues[0]), count(outputValues[0]);
    for (vit_buffer &buffer : buffers)
      count(buffer.offset), count(buffer.bytes);
    for (vit_step &step : steps) {
      number(step.kernel), number(step.min_batch), number(step.max_batch), number(step.launch);
      length(step.arg_count);
      for (vit_extent &extent : step.grid)
        count(extent.count), number(extent.divisor), number(extent.times);
    }
    for (std::vector<vit_arg> *args : {&affine, &relu})
      for (vit_arg &arg : *args)
        number(arg.kind), number(arg.index), number(arg.written), count(arg.count);
  }
  void listAnySize() {
    for (vit_step &step : steps)
      count(step.measure);
    number(any.target), number(any.height), number(any.width);
    number(any.patch_height), number(any.patch_width), number(any.max_tokens);
    length(any.step_count), length(any.buffer_count);
    count(any.workspace_bytes), count(any.scratch_bytes), count(any.counter_bytes);
  }
  void listRecipe() {
    for (vit_recipe_step &step : recipe) {
      number(step.op), length(step.operand_count), number(step.rank), number(step.first);
      for (int64_t &size : step.grid)
        number(size);
      number(step.filter), number(step.antialias), length(step.number_count);
      for (int64_t &size : step.shape)
        number(size);
      for (int64_t &size : step.file_shape)
        number(size);
      for (uint32_t &dimension : step.order)
        number(dimension);
      number(step.factor), number(step.axis), number(step.dtype), number(step.file_rank);
      length(step.key_count);
    }
    number(sum[0]), number(sum[1]);
    for (vit_prepared &weight : weights)
      number(weight.value), number(weight.dtype), number(weight.offset), number(weight.bytes);
  }
  void listRoot() {
    number(root.abi), number(root.size), number(root.max_batch), number(root.batch_axis);
    for (uint32_t *list :
         {&root.input_count, &root.output_count, &root.target_count, &root.plan_count,
          &root.recipe_count, &root.weight_count, &root.ignored_count, &root.label_count})
      length(*list);
    number(root.weight_bytes);
    tensor(inputs[0]), tensor(outputs[0]);
  }

  /// A patch is four bytes: number (2), operation, operand.
  void patch(const uint8_t *bytes) {
    const Field &field = fields[(bytes[0] | bytes[1] << 8) % fields.size()];
    uint64_t value = 0, operand = bytes[3];
    std::memcpy(&value, field.at, field.bytes);
    switch (bytes[2] % 8) {
    case 0:
      value = operand;
      break;
    case 1:
      value += operand;
      break;
    case 2:
      value -= operand;
      break;
    case 3:
      value = uint64_t(1) << (operand % 64);
      break;
    case 4:
      value = (uint64_t(1) << (operand % 64)) - 1;
      break;
    case 5:
      value = ~operand;
      break;
    case 6:
      value *= operand;
      break;
    case 7:
      value ^= uint64_t(1) << (operand % 64);
      break;
    }
    if (field.length) {
      uint32_t old = 0;
      std::memcpy(&old, field.at, sizeof old);
      value %= uint64_t(old) + 1;
    }
    std::memcpy(field.at, &value, field.bytes);
  }
};

vit_status readWeight(void *, const char *, uint32_t rank, const int64_t *shape, float *values) {
  size_t count = 1;
  for (uint32_t i = 0; i < rank; ++i)
    count *= size_t(shape[i]);
  for (size_t i = 0; i < count; ++i)
    values[i] = 0.25f * float(i % 7) - 0.5f;
  return VIT_OK;
}

/// Blocks of all launches. So many as a grid may have take the emulator hours.
uint64_t blocksOf(const Library &library, const vitrt::SizedPlan &plan, int batch) {
  vitrt::Launches launches(library.root, plan);
  std::vector<uint64_t> sized(library.root.weight_count);
  launches.prepare(batch, {0, 0, 0, 0, sized});
  uint64_t blocks = 0;
  for (const vitrt::LaunchRecord &record : launches.records())
    blocks += uint64_t(record.grid[0]) * record.grid[1] * record.grid[2];
  return blocks;
}

void run(vit_model *model, vit_workspace *workspace, const Library &library, int batch,
         vitrt::ImageSize image) {
  size_t in = 0, out = 0; // what the C API says the caller must bring
  vitrt::SizedPlan plan;
  if (!vitrt::choosePlan(library.root, 0, image, plan) || blocksOf(library, plan, batch) > 1000)
    return;
  if (library.root.input_count)
    in = plan.inputBytes(library.root, 0, batch);
  if (library.root.output_count)
    out = plan.outputBytes(library.root, 0, batch);
  if (in > (1 << 20) || out > (1 << 20))
    return;
  std::vector<uint8_t> x(in), y(out);
  const void *inputs[] = {x.data()};
  void *outputs[] = {y.data()};
  (void)vit_model_run_host(model, workspace, batch, inputs, int(library.root.input_count), outputs,
                           int(library.root.output_count));
}

} // namespace

extern "C" int LLVMFuzzerInitialize(int *, char ***) {
  setenv("VITC_EMULATOR", "threads=1,budget=20000", 1);
  vitrt::setDriverPath(VITC_BINARY_DIR "/lib/emulator/libcuda.so.1");
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Library library;
  for (size_t i = 0; i + 4 <= size && i < 64; i += 4)
    library.patch(data + i);
  if (!vitrt::checkLibrary(&library.root))
    return 0;
  vit_model *model = nullptr;
  vit_workspace *workspace = nullptr;
  if (library.root.weight_bytes > (1 << 24) ||
      vit_model_load_from(&library.root, readWeight, nullptr, "cuda", &model) != VIT_OK)
    return 0;
  int most = library.root.max_batch < 8 ? int(library.root.max_batch) : 8;
  for (vitrt::ImageSize image : {vitrt::ImageSize{}, {2, 7}}) {
    vitrt::SizedPlan plan; // a workspace may be as large as it says, but not here
    bool small =
        bool(vitrt::choosePlan(library.root, 0, image, plan)) &&
        vitrt::valueOf(plan.plan->workspace_bytes, uint64_t(most), plan.tokens) < (1 << 24) &&
        vitrt::scratchBytes(plan, uint64_t(most)) < (1 << 24) &&
        vitrt::counterBytes(plan, uint64_t(most)) < (1 << 24);
    vit_status made = !small         ? VIT_BAD_ARGUMENT
                      : image.height ? vit_workspace_create_sized(model, most, image.height,
                                                                  image.width, &workspace)
                                     : vit_workspace_create(model, most, &workspace);
    if (made == VIT_OK)
      for (int batch = 1; batch <= most; batch += 3)
        run(model, workspace, library, batch, image);
    vit_workspace_free(workspace);
    workspace = nullptr;
  }
  vit_model_free(model);
  return 0;
}
