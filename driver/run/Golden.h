//===- Golden.h - Run models over files and compare with references --------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//
// What `vitc run`, `vitc check` and `vit-run` share: a batch of any size goes
// through a model in chunks, results go to a file or are compared with golden
// values. How one chunk is computed is a function: on a GPU, on the emulator or
// by the reference interpreter.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_RUN_GOLDEN_H
#define DRIVER_RUN_GOLDEN_H

#include "vit/runtime.h"
#include "weights/Result.h"
#include "weights/Safetensors.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vitc::driver {

using vitrt::Error;
using vitrt::Result;

/// An input or output: its name, and its shape without the batch.
struct ValueShape {
  std::string name;
  std::vector<int64_t> perImage;
  bool bytes = false; ///< u8, which are floats from 0 to 255 until they are given to a library
  int64_t count() const;
};

/// What running needs to know of a model. All values are f32 but those of the reference and bytes.
struct RunnableModel {
  ValueShape input;
  std::vector<ValueShape> outputs;
  int64_t maxBatch = 1;
  bool batchAxis = false; // images of a batch attend to each other: no chunks
};

/// Computes `batch` images, at most maxBatch: `input` has batch * input.count() values; outputs[i]
/// comes with batch * outputs[i].count() elements, which it overwrites.
using RunFunction = std::function<Result<void>(int64_t batch, std::span<const float> input,
                                               std::span<std::vector<double>> outputs)>;
/// Called with the chunks done and all chunks, before each and after the last.
using ProgressFunction = std::function<void(int64_t done, int64_t all)>;

/// Calls `run` for chunk after chunk of `batch` images and hands each chunk's outputs to `take`.
Result<void> runChunks(const RunnableModel &model, std::span<const float> input, int64_t batch,
                       const RunFunction &run,
                       const std::function<void(int64_t first, int64_t count,
                                                std::span<const std::vector<double>>)> &take,
                       const ProgressFunction &progress = {});

/// The input tensor of a file and how many images it holds.
struct InputBatch {
  int64_t batch = 0;
  std::vector<float> values;
};
Result<InputBatch> readInput(const std::string &path, const ValueShape &input);

/// The values of an input as a library reads them: `values` itself, or bytes that `memory` holds.
const void *asStored(const ValueShape &input, std::span<const float> values,
                     std::vector<uint8_t> &memory);

/// Height and width of the images in a file, `pixel_values` [batch, channels, height, width], or
/// [batch, height, width, channels] of bytes; nothing where there are none that could be read,
/// which whoever reads them says.
std::optional<std::pair<int64_t, int64_t>> imageSizeIn(const std::string &path, bool bytes);

/// All outputs of a run.
struct RunResults {
  int64_t batch = 0;
  std::vector<std::vector<float>> outputs; // as model.outputs
};
Result<RunResults> runAll(const RunnableModel &model, const InputBatch &input,
                          const RunFunction &run, const ProgressFunction &progress = {});
/// Whether writeResults could write there, before anything is computed.
Result<void> checkResultsFile(const std::string &path);
/// Writes f32 tensors under the outputs' names.
Result<void> writeResults(const std::string &path, const RunnableModel &model,
                          const RunResults &results);

/// A class and its probability (softmax of the logits).
struct RankedClass {
  int64_t index;
  double probability;
};
/// The `count` likeliest classes, best first; ties by index.
std::vector<RankedClass> topClasses(std::span<const float> logits, size_t count);
/// Index of the largest value; -1 if there is a NaN.
int64_t argmax(std::span<const double> values);

/// A golden file: references `X.f64` (or `X`) of outputs X, maybe `pixel_values`, maybe `labels`.
class Golden {
public:
  /// `path` is the file, or a directory that holds it as io.safetensors.
  static Result<Golden> open(const std::string &path);
  const std::string &path() const { return file.path(); }
  int64_t batch() const { return images; }
  /// Outputs it has references of, sorted. Not all need be outputs of a model: side data looks the
  /// same.
  const std::vector<std::string> &outputNames() const { return names; }
  /// The reference of an output, NULL if there is none.
  const vitrt::FileTensor *reference(std::string_view output) const;
  const vitrt::FileTensor *labels() const;
  /// Its tensor of the input's name, else its pixel_values, else what the hash rule makes.
  Result<std::vector<float>> input(const ValueShape &input) const;

private:
  explicit Golden(vitrt::Safetensors file) : file(std::move(file)) {}
  vitrt::Safetensors file;
  std::vector<std::string> names;
  int64_t images = 0;
};

/// Pixels by the hash rule, the same everywhere.
std::vector<float> hashInput(const ValueShape &input, int64_t batch);

struct OutputCheck {
  std::string name;
  double error; // norm of the difference over norm of the reference; NaN if there is one
  double tolerance;
  bool ok;
  int64_t values = 0; // that the norms are of
};
struct CheckReport {
  std::vector<OutputCheck> outputs;
  int64_t right = 0, labelled = 0; // labelled is 0 without labels
  int64_t noClass = 0;             // labelled images whose logits have a NaN
  std::vector<std::string> notes;  // references that are no outputs
  /// Every output is within its tolerance and no logits are NaN. Where there are labels alone,
  /// something must be right.
  bool ok() const;
};

/// What a check asks of a model: values of a golden file, or those of the reference, with the
/// shapes of the model.
struct GoldenTask {
  struct Reference {
    size_t output; // of the model
    std::vector<double> values;
  };
  int64_t batch = 0;
  std::vector<Reference> references;
  std::vector<double> labels;
  std::vector<float> input;
  std::vector<std::string> notes; // references that are no outputs
};
/// An error if the file is not one of this model, to know before anything is compiled.
Result<GoldenTask> readTask(const Golden &golden, const RunnableModel &model);

/// Runs the golden input and compares every output that has a reference.
Result<CheckReport> checkGolden(const GoldenTask &task, const RunnableModel &model,
                                const RunFunction &run, double tolerance,
                                const ProgressFunction &progress = {});
/// The same with the task of `golden`.
Result<CheckReport> checkGolden(const Golden &golden, const RunnableModel &model,
                                const RunFunction &run, double tolerance,
                                const ProgressFunction &progress = {});
/// "NAME error E tolerance T ok|FAIL" for each output, "356 of 360 right", notes.
std::string reportText(const CheckReport &report);

/// What a model computes in, of `--dtype` f32, f16, tf32, bf16, or "reference"; nothing for another
/// word.
std::optional<vit_dtype> dtypeNamed(std::string_view dtype);
/// Of the same words.
std::optional<double> defaultTolerance(std::string_view dtype);

/// How a case without weights makes them, as its meta.json says.
struct HashCase {
  std::vector<std::pair<std::string, double>> add;
};
/// Reads `directory`/meta.json; nothing if there is none, or it does not name the hash rule.
Result<std::optional<HashCase>> readHashCase(const std::string &directory);

} // namespace vitc::driver
#endif // DRIVER_RUN_GOLDEN_H
