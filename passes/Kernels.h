//===- Kernels.h - Building and naming kernels ------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef PASSES_KERNELS_H
#define PASSES_KERNELS_H

#include "passes/Queries.h"

namespace vitc {

/// A kernel with an empty block that has the arguments; not yet in a symbol table.
vit::KernelOp createKernel(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef name,
                           mlir::TypeRange arguments, mlir::TypeRange results);

/// Puts a kernel before `model` in the module; the table makes its name unique.
void insertKernel(mlir::SymbolTable &symbols, vit::KernelOp kernel, mlir::func::FuncOp model);

/// The readable name of a kernel with these ops: the last part of the name of the root's location
/// (or of the first op's), then the ops that are fused to it and not a matter of course, then the
/// storage type. "fc1_gelu_f16".
std::string kernelName(llvm::ArrayRef<mlir::Operation *> ops);
std::string kernelName(vit::KernelOp kernel);

/// The kernel that `launch` runs.
vit::KernelOp kernelOf(vit::LaunchOp launch);

/// Whether a kernel sees rows, not images, and counts them.
bool isOnRows(vit::KernelOp kernel);

/// The kernels of a module by name, and how many launches each has: for passes on models that have
/// a kernel for each op, where kernelOf would look through all of them for every launch.
class KernelTable {
public:
  explicit KernelTable(mlir::ModuleOp module);
  vit::KernelOp of(vit::LaunchOp launch) const;
  /// Puts a kernel that one launch will name in front of `model`, with a name that differs.
  void insert(vit::KernelOp kernel, mlir::func::FuncOp model);
  /// After a launch of `kernel` is gone; with the last of them the kernel goes, too.
  void release(vit::KernelOp kernel);

private:
  mlir::SymbolTable symbols;
  llvm::DenseMap<mlir::Operation *, int64_t> launches;
};

/// The launches of all models, in order.
llvm::SmallVector<vit::LaunchOp> launchesOf(mlir::ModuleOp module);

/// Floating-point operations per image of a batch of `batch`: the sum over the roots of a model,
/// also of those in the kernels it launches.
int64_t countFlops(mlir::func::FuncOp model, int64_t batch = 1);

/// The attribute of a launch by which vit-fuse says why it did not join its producer.
inline constexpr llvm::StringLiteral apartName = "apart";

/// The kernel as text: all but its name, its places in the model and its schedules.
std::string textOf(vit::KernelOp kernel);

/// A hash of what the kernel computes: its ops, their attributes, types and shapes; not of its
/// name, its places in the model or its schedules. The same wherever and whenever it is taken.
uint64_t hashOf(vit::KernelOp kernel);

/// Names of the ops in a kernel, without "vit.", for messages: "linear+bias_add+gelu".
std::string opList(vit::KernelOp kernel);

} // namespace vitc

#endif // PASSES_KERNELS_H
