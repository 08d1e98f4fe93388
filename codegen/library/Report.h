//===- Report.h - What was built, and why so --------------------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_LIBRARY_REPORT_H
#define CODEGEN_LIBRARY_REPORT_H

#include "codegen/Codegen.h"

#include "vit/library.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vitc {

/// A fusion that vit-fuse made or refused.
struct FusionNote {
  std::string ops;      ///< "linear+bias_add+gelu"
  std::string location; ///< names in the model
  bool made = false;
  std::string reason; ///< of a refusal
};

/// A tile that could have been chosen for a linear.
struct Candidate {
  std::string tile;
  int predictedRegisters;
  double predictedMicroseconds;
};

/// One kernel, and the launch of it that has the most rows, at the largest batch.
struct KernelReport {
  std::string name;
  std::string root;            ///< "linear"; "elementwise" where no op is more than that
  std::string ops;             ///< all of them, joined by '+'
  int64_t m = 0, n = 0, k = 0; ///< rows, columns, summed length (of attention: keys)
  std::string dtype;           ///< of its first activation
  std::string tile;            ///< "128x128x32/64x32", or "4" rows of a block
  int stages = 0;
  std::vector<Candidate> candidates;
  uint32_t launches = 0;
  std::optional<int> predictedRegisters, registers; ///< registers: of ptxas
  int spillBytes = 0, stackBytes = 0;
  int64_t smemBytes = 0; ///< static and dynamic, per block
  std::optional<double> predictedMicroseconds;
  std::string limit; ///< what bounds the blocks on one SM
};

struct Report {
  std::string gpu;
  std::vector<KernelReport> kernels; ///< in the order of their first launch
  std::vector<FusionNote> fusions;
};

/// From a module after lowering, and the code of its kernels.
Report makeReport(mlir::ModuleOp module, llvm::ArrayRef<KernelCode> codes,
                  llvm::ArrayRef<FusionNote> fusions, llvm::StringRef gpu, uint32_t maxBatch);

/// The form of INTERFACE.md, with the library's identity and sizes if there is one. Equal builds
/// give equal text.
std::string reportJson(const Report &report, const vit_library *library);
/// For people.
std::string reportTable(const Report &report);

} // namespace vitc

#endif // CODEGEN_LIBRARY_REPORT_H
