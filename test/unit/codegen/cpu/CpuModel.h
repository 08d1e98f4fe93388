//===- CpuModel.h - Text of a model, run by code for CPUs -------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef TEST_UNIT_CODEGEN_CPU_CPUMODEL_H
#define TEST_UNIT_CODEGEN_CPU_CPUMODEL_H

#include "codegen/cpu/CpuCode.h"
#include "codegen/library/Emit.h"
#include "codegen/library/LibraryData.h"
#include "runtime/Inspect.h"
#include "runtime/Plan.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <string>
#include <vector>

namespace vitc::test {

/// The output that the f64 reference gives a model, whose weights are those of CpuModel.
std::vector<double> referenceOf(mlir::ModuleOp model, const std::vector<float> &input, int batch);
/// Of the same in text.
std::vector<double> referenceOf(const std::string &text, const std::vector<float> &input,
                                int batch);

/// A model of one input and one output, built as an archive holds it and loaded in this process.
class CpuModel {
public:
  /// `text`: a func.func without its module; `anySize`: the same model for images of any size, if
  /// there is a plan for those, too. Fails the test where it cannot be built.
  CpuModel(const std::string &text, std::vector<vit_isa> isas, const std::string &dtype = "f32",
           const std::string &anySize = "");

  /// The output for `batch` images by `threads` threads, of a size of their own if it is given.
  std::vector<float> run(const std::vector<float> &input, int batch, int threads = 1,
                         vitrt::ImageSize size = {});
  /// What the f64 reference makes of it.
  std::vector<double> reference(const std::vector<float> &input, int batch) {
    return referenceOf(*model, input, batch);
  }
  size_t inputValues() const; ///< of an image
  size_t outputValues() const;
  const vit_library &library() const { return *object->view(); }

private:
  struct Compiled {
    mlir::OwningOpRef<mlir::ModuleOp> kernels;
    codegen::CpuCode code;
  };
  Compiled compile(mlir::ModuleOp model, const std::vector<vit_isa> &isas, const std::string &dtype,
                   const codegen::CpuCode *beside = nullptr);

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> model;
  std::unique_ptr<codegen::LibraryData> data;
  std::unique_ptr<codegen::LoadedObject> object;
};

/// Those of the forms that this machine has.
std::vector<vit_isa> formsHere(const std::string &dtype = "f32");
/// Values in [-1, 1) times `scale`, the same for equal seeds.
std::vector<float> randomValues(size_t count, uint64_t seed, float scale = 1);
/// The norm of the difference over that of the reference, which may be all zeros.
double distance(const std::vector<float> &found, const std::vector<double> &expected);

} // namespace vitc::test

#endif // TEST_UNIT_CODEGEN_CPU_CPUMODEL_H
