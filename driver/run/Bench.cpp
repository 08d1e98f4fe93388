//===- Bench.cpp - Times of a library on this machine ----------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// Device time between events, many repetitions, median and the 10th to 90th
// percentile. Every line names what ran where: a time without driver, device
// and kind of code says little.
//===----------------------------------------------------------------------===//
#include "driver/run/Bench.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fmt/format.h>
#include <optional>
#include <span>

namespace vitc::driver {
namespace {

using namespace vitrt;

/// Columns and summed length of a step's largest matrix of weights.
struct MatrixShape {
  int64_t n = 0, k = 0;
};

MatrixShape largestMatrix(const vit_library &library, const vit_step &step) {
  MatrixShape best;
  for (const vit_arg &arg : std::span(step.args, step.arg_count)) {
    if (arg.kind != VIT_ARG_WEIGHT)
      continue;
    const vit_recipe_step &value = library.recipe[library.weights[arg.index].value];
    if (value.rank == 2 && value.shape[0] * value.shape[1] > best.n * best.k)
      best = {value.shape[0], value.shape[1]};
  }
  return best;
}

/// The rows per image of a step: what its counted argument multiplies the batch with.
std::optional<int64_t> rowsPerImage(const vit_step &step) {
  for (const vit_arg &arg : std::span(step.args, step.arg_count))
    if (arg.kind == VIT_ARG_COUNT && arg.count.per_image)
      return int64_t(arg.count.per_image);
  return std::nullopt;
}

/// What `name` runs with the batch that `rows` asks for, in its first launch: of a function one
/// step, of a kernel, whatever its schedule, all parts.
Result<std::vector<uint32_t>> findSteps(const vit_library &library, const vit_plan &plan,
                                        const std::string &name, int64_t rows, int &batch) {
  std::string why, known;
  const vit_target &target = library.targets[plan.target];
  for (uint32_t i = 0; i != target.kernel_count; ++i)
    known += (i ? ", " : "") + std::string(target.kernels[i].name);
  for (uint32_t i = 0; i != plan.step_count; ++i) {
    const vit_step &step = plan.steps[i];
    const vit_kernel &kernel = target.kernels[step.kernel];
    if (kernel.name != name && kernel.base != name)
      continue;
    int64_t perImage = rowsPerImage(step).value_or(1);
    int64_t images = rows / perImage;
    if (rows % perImage)
      why = "--rows is " + std::to_string(rows) + ", expected a multiple of " +
            std::to_string(perImage) + ", the rows of one image";
    else if (images < 1 || images > library.max_batch)
      why = "--rows is " + std::to_string(rows) + ", a batch of " + std::to_string(images) +
            ", but the library holds at most " + std::to_string(library.max_batch);
    else if (images < step.min_batch || images > step.max_batch)
      why = "kernel " + quoted(name) + " does not run with batch " + std::to_string(images) +
            ", only with " + std::to_string(step.min_batch) + " to " +
            std::to_string(step.max_batch);
    else {
      batch = int(images);
      std::vector<uint32_t> steps = {i};
      for (uint32_t j = i + 1; kernel.name != name && j != plan.step_count; ++j)
        if (const vit_step &next = plan.steps[j];
            next.launch == step.launch && images >= next.min_batch && images <= next.max_batch)
          steps.push_back(j);
      return steps;
    }
  }
  return Error{why.empty() ? "no kernel " + quoted(name) + ", the library has " + known : why};
}

} // namespace

Result<TimedBatch> prepareBatch(const vit_model *model, int batch, ImageSize size) {
  auto begin = std::chrono::steady_clock::now();
  auto workspace = createWorkspace(model, batch, size);
  if (!workspace)
    return workspace.takeError();
  std::chrono::duration<double, std::milli> created = std::chrono::steady_clock::now() - begin;
  auto tensors = makeTensors(workspace->get(), batch);
  if (!tensors)
    return tensors.takeError();
  return TimedBatch{std::move(*workspace), std::move(*tensors), created.count()};
}

Result<std::string> benchModel(const vit_library &library, const vit_model *model, int batch,
                               int repetitions, bool graph, ImageSize size) {
  auto prepared = prepareBatch(model, batch, size);
  if (!prepared)
    return prepared.takeError();
  if (graph)
    if (auto made = prepareRuns(prepared->workspace.get(), batch); !made)
      return Error{made.error() + "; --no-graph times plain launches"};
  auto launches = countLaunches(prepared->workspace.get(), batch);
  if (!launches)
    return launches.takeError();
  auto times = timeRuns(prepared->workspace.get(), batch, prepared->tensors, repetitions / 10 + 1,
                        repetitions);
  if (!times)
    return times.takeError();
  Spread spread = spreadOf(std::move(*times));
  std::string of, created;
  if (size.height) {
    of = fmt::format(" of {}x{}", size.height, size.width);
    created = fmt::format(", workspace in {:.2f} ms", prepared->created);
  }
  return fmt::format("{} batch {}{}: median {:.1f} us ({:.1f} to {:.1f}), {:.0f} images/s, {} "
                     "launches {} a graph{}; {}\n",
                     library.name, batch, of, spread.median, spread.low, spread.high,
                     1e6 * batch / spread.median, *launches, graph ? "in" : "without", created,
                     imageText(model));
}

Result<std::string> benchKernel(const vit_library &library, const vit_model *model,
                                const std::string &name, int64_t rows, double flops,
                                int repetitions) {
  int batch = 0;
  const vit_plan &plan = nativePlan(model);
  auto steps = findSteps(library, plan, name, rows, batch);
  if (!steps)
    return steps.takeError();
  auto prepared = prepareBatch(model, batch);
  if (!prepared)
    return prepared.takeError();
  constexpr int group = 8;
  auto times =
      timeSteps(prepared->workspace.get(), batch, *steps, prepared->tensors, group, repetitions);
  if (!times)
    return times.takeError();
  const vit_step &first = plan.steps[steps->front()];
  MatrixShape matrix = largestMatrix(library, first);
  std::string functions;
  for (uint32_t step : *steps)
    functions += (functions.empty() ? "" : "+") +
                 std::string(kernelOf(library, plan, plan.steps[step]).name);
  std::string shape = std::to_string(rows);
  if (matrix.n) {
    shape += "x" + std::to_string(matrix.n) + "x" + std::to_string(matrix.k);
    if (flops == 0)
      flops = 2.0 * double(rows) * double(matrix.n) * double(matrix.k);
  }
  Spread spread = spreadOf(std::move(*times));
  std::string text = fmt::format("{} {}: median {:.2f} us ({:.2f} to {:.2f})", functions, shape,
                                 spread.median, spread.low, spread.high);
  if (flops > 0)
    text += fmt::format(", {:.1f} TFLOP/s", flops / spread.median * 1e-6);
  return text + fmt::format("; step '{}', {}\n", first.label, imageText(model));
}

Spread spreadOf(std::vector<double> values) {
  if (values.empty())
    return {NAN, NAN, NAN};
  std::sort(values.begin(), values.end());
  auto at = [&](double part) { // linear between neighbours
    double place = part * double(values.size() - 1);
    size_t low = size_t(place), high = std::min(low + 1, values.size() - 1);
    return values[low] + (values[high] - values[low]) * (place - double(low));
  };
  return {at(0.5), at(0.1), at(0.9)};
}

} // namespace vitc::driver
