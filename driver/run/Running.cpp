//===- Running.cpp - Batches of any size through a model -------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#include "driver/run/Golden.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace vitc::driver {

int64_t ValueShape::count() const {
  return std::accumulate(perImage.begin(), perImage.end(), int64_t(1), std::multiplies<>());
}

Result<void> runChunks(const RunnableModel &model, std::span<const float> input, int64_t batch,
                       const RunFunction &run,
                       const std::function<void(int64_t first, int64_t count,
                                                std::span<const std::vector<double>>)> &take,
                       const ProgressFunction &progress) {
  if (model.batchAxis && batch > model.maxBatch)
    return Error{"batch is " + std::to_string(batch) + ", but the model holds at most " +
                 std::to_string(model.maxBatch) +
                 " and cannot run in parts: its images attend to each other"};
  int64_t perImage = model.input.count();
  int64_t chunks = (batch + model.maxBatch - 1) / model.maxBatch;
  std::vector<std::vector<double>> outputs(model.outputs.size());
  for (int64_t chunk = 0; chunk != chunks; ++chunk) {
    if (progress)
      progress(chunk, chunks);
    int64_t first = chunk * model.maxBatch, count = std::min(model.maxBatch, batch - first);
    for (size_t i = 0; i != outputs.size(); ++i)
      outputs[i].assign(size_t(count * model.outputs[i].count()), std::nan(""));
    if (auto done =
            run(count, input.subspan(size_t(first * perImage), size_t(count * perImage)), outputs);
        !done)
      return done;
    take(first, count, outputs);
  }
  if (progress)
    progress(chunks, chunks);
  return {};
}

Result<RunResults> runAll(const RunnableModel &model, const InputBatch &input,
                          const RunFunction &run, const ProgressFunction &progress) {
  RunResults results;
  results.batch = input.batch;
  results.outputs.resize(model.outputs.size());
  auto take = [&](int64_t, int64_t, std::span<const std::vector<double>> outputs) {
    for (size_t i = 0; i != outputs.size(); ++i)
      for (double value : outputs[i])
        results.outputs[i].push_back(float(value));
  };
  if (auto done = runChunks(model, input.values, input.batch, run, take, progress); !done)
    return done.takeError();
  return results;
}

Result<void> checkResultsFile(const std::string &path) {
  if (auto writable = vitrt::checkWritable(path); !writable)
    return Error{"output " + writable.error()};
  return {};
}

Result<void> writeResults(const std::string &path, const RunnableModel &model,
                          const RunResults &results) {
  std::vector<vitrt::NewTensor> tensors;
  for (size_t i = 0; i != model.outputs.size(); ++i) {
    std::vector<int64_t> shape = {results.batch};
    const ValueShape &output = model.outputs[i];
    shape.insert(shape.end(), output.perImage.begin(), output.perImage.end());
    tensors.push_back({output.name, vitrt::FileType::F32, shape, results.outputs[i].data()});
  }
  if (auto written = vitrt::writeSafetensors(path, tensors); !written)
    return Error{"output " + written.error()};
  return {};
}

std::vector<RankedClass> topClasses(std::span<const float> logits, size_t count) {
  std::vector<RankedClass> classes;
  double largest = -HUGE_VAL, sum = 0;
  for (float logit : logits)
    largest = std::max(largest, double(logit));
  for (size_t i = 0; i != logits.size(); ++i) {
    classes.push_back({int64_t(i), std::exp(double(logits[i]) - largest)});
    sum += classes.back().probability;
  }
  for (RankedClass &ranked : classes)
    ranked.probability /= sum;
  std::stable_sort(classes.begin(), classes.end(), [](const RankedClass &a, const RankedClass &b) {
    return a.probability > b.probability;
  });
  classes.resize(std::min(count, classes.size()));
  return classes;
}

int64_t argmax(std::span<const double> values) {
  int64_t best = -1;
  for (size_t i = 0; i != values.size(); ++i) {
    if (std::isnan(values[i]))
      return -1;
    if (best < 0 || values[i] > values[best])
      best = int64_t(i);
  }
  return best;
}

} // namespace vitc::driver
