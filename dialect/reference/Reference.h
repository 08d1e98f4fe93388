//===- Reference.h - What a program means, in f64 ---------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// The oracle of every test: runs a model, a model cut into kernels, or one kernel, in f64 and
// without any rounding, whatever the types say. Each op is the plain loop of its description in
// VitOps.td.
//
//===----------------------------------------------------------------------===//
#ifndef DIALECT_REFERENCE_H
#define DIALECT_REFERENCE_H

#include "dialect/VitOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace vitc::reference {

/// Values in row-major order; dimension 0 of an activation is the number of images.
struct Tensor {
  std::vector<int64_t> shape;
  std::vector<double> values;
};

/// The same, owned by someone else.
struct View {
  llvm::ArrayRef<int64_t> shape;
  llvm::ArrayRef<double> values;
};

struct Output {
  std::string name; ///< `vit.name` of the result, or its number
  Tensor tensor;
};

/// What a vit.weight asks for. The file has the tensor under `key`, under one of `aliases`, or with
/// its two dimensions exchanged under one of `transposed`.
struct Weight {
  static Weight of(vit::WeightOp op); ///< which must outlive it
  llvm::StringRef key;
  std::vector<llvm::StringRef> aliases, transposed;
  llvm::ArrayRef<int64_t> fileShape; ///< under `key` and `aliases`
  llvm::ArrayRef<int64_t> shape;     ///< of the result
};

/// Runs functions and kernels of one module, which must outlive it and not change. Verified IR is
/// expected. One run at a time; each run uses `threads` threads (0: one per core).
class Interpreter {
public:
  /// Fills `values` in the order of the result's elements (so a transposed tensor is transposed
  /// back) and returns an empty string, or returns what is wrong.
  using Weights = std::function<std::string(const Weight &, std::vector<double> &values)>;

  /// Called after every op of a function, launches included, but not for the ops inside kernels.
  /// The views are valid during the call.
  using Observer = std::function<void(mlir::Operation *, llvm::ArrayRef<View> results)>;

  Interpreter(mlir::ModuleOp module, Weights weights, unsigned threads = 0);
  ~Interpreter();
  Interpreter(Interpreter &&) noexcept;
  Interpreter &operator=(Interpreter &&) noexcept;

  void setObserver(Observer observer);

  /// Runs the one model of the module on `inputs`, in the order of its arguments, all with one
  /// number of images.
  llvm::Expected<std::vector<Output>> run(std::vector<Tensor> inputs);
  llvm::Expected<std::vector<Output>> run(mlir::func::FuncOp function, std::vector<Tensor> inputs);

  /// Runs one kernel. `rows` is dimension 0 of its results; it need only be given (not 0) where no
  /// argument has it.
  llvm::Expected<std::vector<Tensor>> runKernel(vit::KernelOp kernel, std::vector<Tensor> arguments,
                                                int64_t rows = 0);

  /// How `op` is called in messages: the name in its location; else, for a launch, its kernel; else
  /// the kind of op.
  static std::string nameOf(mlir::Operation *op);

private:
  struct Impl;
  std::unique_ptr<Impl> impl;
};

} // namespace vitc::reference

#endif // DIALECT_REFERENCE_H
