//===- Codegen.h - From kernels in IR to machine code -----------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Three steps, each usable by itself: vit.kernel -> gpu.module with an llvm.func for each schedule
// (lowerKernels), llvm.func -> PTX text (translateToPtx), PTX -> machine code and its resource use
// (assemble).
//
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_CODEGEN_H
#define CODEGEN_CODEGEN_H

#include "dialect/VitOps.h"
#include "passes/cost/Geometry.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace vitc::codegen {

/// How a function is launched: what its cost::Geometry was. Its grid's `count` is the function's
/// last parameter. Attributes of its llvm.func: vit.threads, vit.dynamic_smem,
/// vit.grid = array<i64: perCount, divisor, times, (y) ..., (z) ...>; beside them vit.schedule,
/// which says what it is.
struct LaunchShape {
  uint32_t threads = 0;     ///< per block, in x
  uint32_t dynamicSmem = 0; ///< bytes
  cost::Extent grid[3];
};

/// What ptxas said about a kernel.
struct Resources {
  int registers = 0, spillStores = 0, spillLoads = 0, stack = 0; ///< per thread; bytes
  int staticSmem = 0;                                            ///< bytes per block
  std::string log;
};

struct MachineCode {
  std::string arch; ///< "sm_89"
  std::string image;
  Resources resources;
};

/// One function: a kernel as one of its schedules has it.
struct KernelCode {
  std::string name;   ///< of the function
  std::string kernel; ///< symbol of the vit.kernel
  vit::ScheduleAttr schedule;
  /// Batches it serves, first to last, ascending; neighbours are joined.
  std::vector<std::pair<int64_t, int64_t>> batches;
  LaunchShape launch;
  std::string ptx;
  std::vector<MachineCode> codes; ///< empty without ptxas
};

/// Adds beside each vit.kernel @k a gpu.module @k_module with an llvm.func (nvvm.kernel) for each
/// active schedule. Parameters: a !llvm.ptr<1> for each argument, then each result, then scratch
/// memory and counters if K is split, then i32 `count`. Kernels whose module exists already are
/// left alone, so IR that was lowered before continues from there. Errors are diagnostics that name
/// the kernel and what is not supported.
mlir::LogicalResult lowerKernels(mlir::ModuleOp module);
std::unique_ptr<mlir::Pass> createLowerKernelsPass(); ///< "vit-lower-kernels"
void registerCodegenPasses();
/// The dialects that kernels are written in.
void registerCodegenDialects(mlir::DialectRegistry &registry);

/// The schedules of a kernel that get code, by range: the first alternative of each range of
/// batches. Fails with a diagnostic where there is none or where ranges overlap.
mlir::FailureOr<std::vector<vit::ScheduleAttr>> activeSchedules(vit::KernelOp kernel);
/// True if both give the same code: all but the range of batches is equal.
bool sameCode(vit::ScheduleAttr a, vit::ScheduleAttr b);

/// All of a schedule that decides about the code, as text: "128x128x32/64x32/3", then " buffers 2",
/// " splits 4", " registers 96", " recompute" where they are not what they are by default.
std::string scheduleText(vit::ScheduleAttr schedule);

/// The gpu.module with the code of a kernel after lowerKernels, or null.
mlir::Operation *moduleOf(vit::KernelOp kernel);
/// Whether any kernel has code.
bool hasCode(mlir::ModuleOp module);
/// The functions of a lowered kernel, without PTX. Fails with a diagnostic where one is missing or
/// was written for another schedule.
mlir::FailureOr<std::vector<KernelCode>> readFunctions(vit::KernelOp kernel);

/// Writes the PTX for `arch` ("sm_89") of all that have none, with the threads of the context.
/// Checks what must never happen: a local depot, .extern .func.
mlir::LogicalResult translateToPtx(mlir::ModuleOp module, llvm::StringRef arch,
                                   std::vector<KernelCode> &functions);

/// The ptxas to use: `request` ("" = search: $VITC_PTXAS, PATH, $CUDA_HOME/bin,
/// /usr/local/cuda/bin, the nvidia-cuda-nvcc wheel of python3; "none" = do without), as a path, or
/// "" if there is none. `error` is set if a path was requested that cannot be run.
std::string findPtxas(llvm::StringRef request, std::string &error);
/// First lines of `ptxas --version` folded to one: "ptxas V13.0.88".
std::string ptxasIdentity(llvm::StringRef ptxas);

/// Makes machine code and says what it needs.
struct Assembler {
  std::string ptxas;              ///< findPtxas
  std::vector<std::string> archs; ///< "sm_89"
  unsigned jobs = 1;              ///< ptxas processes at a time
  /// Bytes of shared memory a block may have.
  int64_t sharedLimit = cost::largestSmemPerBlock();
  std::function<void(size_t, size_t)> progress; ///< (done, total), from the calling thread
  std::stop_token stop;                         ///< ends processes; assemble then fails
};

/// Assembles all functions that have no machine code for every arch. Fails with the function's name
/// and ptxas' log in `error`.
mlir::LogicalResult assemble(const Assembler &assembler, std::vector<KernelCode> &functions,
                             std::string &error);

/// A schedule whose code needs what no kernel may: spills, stack, registers beyond the schedule's
/// bound, too much shared memory.
struct RefutedSchedule {
  std::string kernel, function;
  vit::ScheduleAttr schedule;
  int registers = 0, spillBytes = 0; ///< of ptxas
  std::string problem;               ///< "ptxas for sm_89 spilled 40 bytes at 128 registers"
};

struct SettledCode {
  std::vector<KernelCode> functions; ///< of all kernels, in their order, with PTX and machine code
  std::vector<RefutedSchedule> dropped;
  std::vector<RefutedSchedule> left; ///< these had no alternative; their code is in `functions`
};

/// Of a lowered module: assembles the PTX for `arch` of what kernels would run, and where ptxas
/// refutes a schedule, takes the next alternative, until none is refuted or nothing is left.
/// Afterwards kernels have the chosen schedules only. Fails after diagnostics, or with `error` if
/// ptxas fails.
mlir::LogicalResult settleSchedules(mlir::ModuleOp module, llvm::StringRef arch,
                                    const Assembler &assembler, SettledCode &result,
                                    std::string &error);

} // namespace vitc::codegen

#endif // CODEGEN_CODEGEN_H
