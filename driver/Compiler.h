//===- Compiler.h - From MODEL to code, step by step ------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// What all work on a model shares: reading it from a checkpoint or from .mlir
// text of any level, and lowering it as far as is needed. Compilers of different
// threads share nothing.
//
//===----------------------------------------------------------------------===//
#ifndef DRIVER_COMPILER_H
#define DRIVER_COMPILER_H

#include "codegen/cpu/CpuCode.h"
#include "codegen/library/LibraryData.h"
#include "codegen/nvptx/Codegen.h"
#include "codegen/report/Report.h"
#include "driver/Options.h"
#include "driver/Session.h"
#include "frontend/checkpoint/Import.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/SourceMgr.h"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace vitc::driver {

/// The name of a model's directory or file, made a C identifier.
std::string modelName(llvm::StringRef model);

/// Functions that fail have told the session why.
class Compiler {
public:
  enum Level { model, vit, kernels, llvm };

  Compiler(CompileOptions options, const Session &session);
  ~Compiler();

  /// Reads the model. Only the first error of a checkpoint is reported, for it is one line.
  mlir::LogicalResult open();
  /// Runs the passes up to `level`; does nothing if the text was there already.
  mlir::LogicalResult lowerTo(Level level);
  /// A copy of a module that was only read, after the passes of the level vit: without what they
  /// prune. NULL after an error.
  mlir::OwningOpRef<mlir::ModuleOp> pruned();
  /// What ptxas, if there is one, has to say about schedules: nothing, so that the first of every
  /// range of batches are taken; or which of the alternatives is taken. If even the last one
  /// spills, it is taken with a warning, or the build fails.
  enum class Oracle { none, advises, decides };
  /// Lowers to code for each target: PTX of every kernel function, and machine code where ptxas was
  /// asked; functions of a CPU.
  mlir::LogicalResult generate(Oracle oracle);
  /// Only this target, whatever the options say: for a run in this process.
  void setTarget(vit_target_kind kind) { targets = {kind}; }
  /// Adds what a library holds when nobody says what: code for CPUs, if the model was read as one.
  void addDefaultTarget();
  /// Keeps the model for generateForCpus(), before it is lowered to kernels for GPUs.
  mlir::LogicalResult copyForCpus();
  /// The code for CPUs, if there is to be some, of the kept model; where nobody asked for it and
  /// the model has ops of which none can be made, there is none, with a warning.
  mlir::LogicalResult generateForCpus();
  bool hasTarget(vit_target_kind kind) const { return ::llvm::is_contained(targets, kind); }
  /// After generate: the module whose launches are those of a target.
  mlir::ModuleOp launched(vit_target_kind kind) const {
    return kind == VIT_TARGET_CPU ? *native().cpuRoot : *root;
  }
  /// After generate. NULL after an error.
  std::unique_ptr<codegen::LibraryData> link(const std::string &name);

  mlir::ModuleOp module() const { return root.get(); }
  mlir::func::FuncOp function() const;
  /// As given; after open() its dtype is that of kernels which are in the text.
  const CompileOptions &settings() const { return options; }
  const Session &session() const { return caller; }
  const std::vector<codegen::KernelCode> &code() const { return settled.functions; }
  /// Schedules that ptxas, or a profile, refuted before those that code() has.
  const std::vector<codegen::RefutedSchedule> &refuted() const { return refutedSchedules; }
  bool isRefuted(llvm::StringRef kernel, vit::ScheduleAttr schedule) const;
  void refute(codegen::RefutedSchedule schedule) {
    refutedSchedules.push_back(std::move(schedule));
  }
  /// The schedules of a kernel before anything was refuted.
  llvm::ArrayRef<vit::ScheduleAttr> alternatives(llvm::StringRef kernel) const;
  /// Gives a kernel other schedules and forgets its code, which generate writes anew.
  void reschedule(vit::KernelOp kernel, llvm::ArrayRef<vit::ScheduleAttr> schedules);
  const std::vector<codegen::FusionNote> &fusions() const { return notes; }
  /// What schedules are chosen by.
  mlir::FailureOr<cost::Preferences> preferences() const;
  /// After generate: every decision with its numbers.
  codegen::Report report() const;
  /// "ptxas V13.0.88", or empty if there is none.
  const std::string &assembler() const { return ptxasName; }
  /// The checkpoint, if the model is one.
  const vitc::checkpoint::Import *checkpoint() const { return import ? &*import : nullptr; }
  /// Names of classes in the order of the logits, as --labels or the checkpoint has them.
  const std::vector<std::string> &labels() const { return classLabels; }
  /// The model's directory, or that of its .mlir file.
  std::string directory() const;
  /// The architecture that kernels are written for.
  std::string arch() const;
  /// The largest batch: what was asked for, else what the kernels were scheduled for, else 64.
  uint32_t maxBatch() const;

  /// The module with names in locations, which the next reader needs: kernels are named after them.
  std::string print() const;
  /// One PTX module with all kernels.
  std::string ptx() const;

private:
  /// Whether the library takes images of any size: then it is put together of others.
  bool takesAnySize() const { return options.imageSize == "any" && !options.forAnySize; }
  mlir::LogicalResult openParts();
  mlir::LogicalResult generateCuda(Oracle oracle);
  mlir::LogicalResult generateParts(Oracle oracle);
  int64_t mostTokens() const; ///< patches of an image at most, for --image-size any
  /// That of the config's size, which has a plan of its own.
  const Compiler &native() const { return nativePart ? *nativePart : *this; }
  /// Those that have a plan in the library: the native one, then that for any size if there is one.
  std::vector<Compiler *> parts();
  mlir::LogicalResult markAnySize();
  mlir::LogicalResult readCheckpoint();
  mlir::LogicalResult readText();
  mlir::LogicalResult readLabels();
  mlir::LogicalResult readBytes();
  mlir::FailureOr<std::optional<vitc::checkpoint::Size>> imageSize() const;
  mlir::LogicalResult checkImageSize();
  mlir::LogicalResult checkScheduled();
  mlir::LogicalResult checkLateOptions();
  int64_t scheduledBatch() const;
  mlir::LogicalResult runPasses(Level level, mlir::ModuleOp module);
  mlir::LogicalResult readTuned(std::vector<std::string> &schedules);
  mlir::LogicalResult readProfile(std::vector<std::string> &schedules);
  mlir::FailureOr<std::vector<vit_isa>> cpuIsas();
  mlir::LogicalResult copyForCpu();
  mlir::LogicalResult generateCpu(const codegen::CpuCode *beside = nullptr);
  void rememberAlternatives();
  mlir::LogicalResult translateAll();
  mlir::LogicalResult settleAll(const std::string &ptxas, Oracle oracle);
  mlir::LogicalResult judgeLeft(Oracle oracle) const;
  bool isRequired(::llvm::StringRef what) const;
  void collectFusions();
  void report(mlir::Diagnostic &diagnostic);

  CompileOptions options;
  std::set<std::string> said; ///< warnings: each is said once, whichever plan it is about
  Session caller;
  mlir::MLIRContext context;
  ::llvm::SourceMgr sources;
  /// Shared, because it remembers the destructor: that of the base is not virtual.
  std::shared_ptr<mlir::ScopedDiagnosticHandler> handler;
  std::optional<vitc::checkpoint::Import> import;
  std::vector<std::string> classLabels;
  mlir::OwningOpRef<mlir::ModuleOp> root;
  Level level = model;
  std::vector<vit_target_kind> targets;
  codegen::SettledCode settled;
  mlir::OwningOpRef<mlir::ModuleOp> cpuRoot; ///< the kernels of a CPU; null before generate
  codegen::CpuCode cpu;
  std::vector<codegen::KernelAlternatives> allAlternatives;
  std::vector<codegen::RefutedSchedule> refutedSchedules;
  std::vector<codegen::FusionNote> notes;
  std::string ptxasName;
  std::unique_ptr<Session> partsSession; ///< without notes, which this one has said
  /// The plans of a library for any size: that of the config, unless this is its compiler, and that
  /// for all others.
  std::unique_ptr<Compiler> nativePart, anyPart;
  bool reported = false;
};

} // namespace vitc::driver

#endif // DRIVER_COMPILER_H
