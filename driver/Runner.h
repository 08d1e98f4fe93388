//===- Runner.h - Running a compiled model in this process -----*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef DRIVER_RUNNER_H
#define DRIVER_RUNNER_H

#include "codegen/library/Emit.h"
#include "dialect/reference/Reference.h"
#include "driver/Compiler.h"
#include "driver/run/Golden.h"
#include "runtime/Inspect.h"
#include "runtime/Plan.h"
#include "runtime/Recipe.h"

#include <functional>

namespace vitc::driver {

/// Where a model runs and with which weights.
struct DeviceOptions {
  std::string device = "auto", weights, ptx;
  bool emulate = false, randomWeights = false;
  /// Weights that are not finite, or that their type does not hold, are a warning, no error.
  bool allowNonfinite = false;
  std::string emulator; ///< path of its libcuda.so.1
};

/// "cpu", "cpu:8".
inline bool isCpu(const std::string &device) { return device.starts_with("cpu"); }

/// Where the weights come from. The source refers to the file.
struct OpenWeights {
  std::unique_ptr<vitrt::Safetensors> file;
  std::unique_ptr<vitrt::WeightSource> inFile; ///< what the source adds to, if it does
  std::unique_ptr<vitrt::WeightSource> source;
};
/// `path`; else, if `random`, weights made from names; else those of the model's directory, which
/// may say in its meta.json that they are made from names. A file that does not fit the model is
/// refused; of a module that is not pruned, it may lack what passes prune, which is zeros then, for
/// nothing depends on it. The compiler is open.
Result<OpenWeights> openWeights(Compiler &compiler, const std::string &path, bool random);

/// A source as the reference interpreter asks for weights, which refuses those that are not finite
/// unless they are allowed. `source` must outlive it.
reference::Interpreter::Weights referenceWeights(vitrt::WeightSource &source,
                                                 bool allowNonfinite = true);

/// How weights are loaded for code, with warnings for the session, which must outlive it.
vitrt::LoadOptions loadOptions(bool allowNonfinite, const Session &session, std::string ptx = {});

/// A model that can run: what is computed where. Not movable, for its parts refer to each other.
class Runner {
public:
  /// `announce` is told which device it is before the first run, when nothing the user gave can be
  /// wrong any more.
  Runner(Compiler &compiler, const DeviceOptions &options,
         std::function<void(const std::string &)> announce = {})
      : compiler(compiler), options(options), tell(std::move(announce)) {}
  Runner(const Runner &) = delete;

  /// Opens the weights and knows model(), but for its largest batch: what the user gave can be
  /// compared with it before anything is compiled. Errors have been reported.
  mlir::LogicalResult open();
  /// Compiles for the device, or prepares the reference, and loads the weights, after open() or
  /// with it. Errors have been reported.
  mlir::LogicalResult prepare();
  const RunnableModel &model() const { return runnable; }
  /// Computes one chunk.
  Result<void> run(int64_t batch, std::span<const float> input,
                   std::span<std::vector<double>> outputs);
  RunFunction function() {
    return [this](auto batch, auto input, auto outputs) { return run(batch, input, outputs); };
  }

  /// After open(): "auto" is decided.
  bool isCpu() const { return driver::isCpu(options.device); }
  bool takesAnySize() const { return compiler.settings().imageSize == "any"; }
  /// What products are computed in: that of the options, or of the code for CPUs.
  std::string dtype() const {
    std::string given = compiler.settings().dtype;
    return isCpu() && given != "bf16" && given != "i8" ? "f32" : given;
  }
  /// The module whose launches run, after prepare().
  mlir::ModuleOp launched() const {
    return compiler.launched(isCpu() ? VIT_TARGET_CPU : VIT_TARGET_CUDA);
  }
  unsigned jobs() const { return static_cast<unsigned>(compiler.settings().jobs); }
  bool isReference() const { return options.device == "reference"; }
  const vit_library *library() const { return data->view(); }
  const vit_model *deviceModel() const { return loaded.get(); }
  vitrt::WeightSource &weights() { return *opened.source; }
  /// A workspace for the model's largest batch, made at the first call.
  Result<vit_workspace *> workspace();

  /// Tells the device unless that was done.
  void announce();

private:
  /// Of the images that are run, where the model takes any.
  vitrt::ImageSize size() const;
  void prepareReference();
  mlir::LogicalResult prepareDevice();
  Result<void> runReference(int64_t batch, std::span<const float> input,
                            std::span<std::vector<double>> outputs);
  Result<void> runDevice(int64_t batch, std::span<const float> input,
                         std::span<std::vector<double>> outputs);

  Compiler &compiler;
  DeviceOptions options;
  std::function<void(const std::string &)> tell;
  RunnableModel runnable;
  OpenWeights opened;
  std::unique_ptr<reference::Interpreter> reference;
  std::unique_ptr<codegen::LibraryData> data;
  std::unique_ptr<codegen::LoadedObject> placedLibrary; ///< with functions of a CPU
  vitrt::ModelPtr loaded;
  vitrt::WorkspacePtr space;
  std::vector<std::vector<float>> values;
  std::vector<uint8_t> bytes; ///< of an input
  std::string description;    ///< of the device
  bool announced = false;
};

/// Reports what options of a run contradict.
mlir::LogicalResult checkDevice(const DeviceOptions &options, bool dtypeGiven,
                                const Session &session);

/// What the f64 reference computes of `images` generated images.
mlir::FailureOr<GoldenTask> referenceTask(const CompileOptions &options, DeviceOptions device,
                                          int64_t images, const Session &session);

} // namespace vitc::driver

#endif // DRIVER_RUNNER_H
