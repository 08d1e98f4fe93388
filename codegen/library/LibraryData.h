//===- LibraryData.h - What a generated library holds ----------*- C++ -*-===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// The structs of vit/library.h, filled from planned modules, with the memory
// they point to. The same value runs in this process (vitc run, check, bench)
// and is written into an archive (EmitObject.h), so both do the same.
//
//===----------------------------------------------------------------------===//
#ifndef CODEGEN_LIBRARY_LIBRARYDATA_H
#define CODEGEN_LIBRARY_LIBRARYDATA_H

#include "codegen/cpu/CpuCode.h"
#include "codegen/nvptx/Codegen.h"

#include "vit/library.h"

#include "llvm/Support/Allocator.h"
#include "llvm/Support/StringSaver.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vitc::codegen {

/// A vit_library and everything it points to. Immutable once it is built; threads may share it.
class LibraryData {
public:
  LibraryData() : strings(arena) { library = {}; }
  LibraryData(const LibraryData &) = delete;

  const vit_library *view() const { return &library; }

  /// Copies, which live as long as this object; for whoever fills `library`. A text ends with a
  /// zero byte, an empty list is NULL.
  const char *keep(llvm::StringRef text) { return strings.save(text).data(); }
  template <class T> const T *keep(llvm::ArrayRef<T> list) {
    return list.empty() ? nullptr : list.copy(arena).data();
  }
  template <class T> const T *keep(const std::vector<T> &list) {
    return keep(llvm::ArrayRef<T>(list));
  }
  /// Gives the library its weights: an arena of library.weight_bytes bytes.
  void embed(std::vector<uint8_t> bytes) {
    weights = std::move(bytes);
    library.embedded = weights.data();
  }

  vit_library library;
  /// Of the functions of CPU kernels, which have no addresses before emitObject; see CpuCode. One
  /// for each plan.
  std::vector<std::string> cpuBitcode;

private:
  llvm::BumpPtrAllocator arena;
  llvm::StringSaver strings;
  std::vector<uint8_t> weights;
};

struct LibraryOptions {
  std::string name;      ///< a C identifier
  std::string assembler; ///< ptxasIdentity(), or empty: PTX only
  uint32_t maxBatch = 64;
  std::vector<std::string> labels = {};                ///< of classes, in the order of the logits
  std::optional<vit_preprocessing> preprocessing = {}; ///< none: not known
};

/// Images of a batch attend to each other in some kernel of the module.
bool attendsOverBatch(mlir::ModuleOp module);

/// A module after buildKernelPipeline, and the functions of all its vit.kernels; or one after
/// buildCpuPipeline, and its code.
struct PlanSource {
  mlir::ModuleOp module;
  llvm::ArrayRef<KernelCode> kernels;
  const CpuCode *cpu = nullptr;
};

/// The library with a plan for each source, those of a target together and the native one first:
/// one model at different image sizes. The code of a CPU's second source is generated beside that
/// of the first. Weights, steps of the recipe and functions that are equal are stored once. Errors
/// are diagnostics: no model function, memory that is not planned, arithmetic on weights that has
/// no form in a recipe, a batch that no schedule serves, activations or scratch memory beyond what
/// kernels can address, plans of different models.
mlir::FailureOr<std::unique_ptr<LibraryData>> buildLibrary(llvm::ArrayRef<PlanSource> plans,
                                                           const LibraryOptions &options);

/// The names in a location, "blocks.0.fc1+blocks.0.gelu"; empty if it has none. Never a path.
std::string labelOf(mlir::Location location);

/// "vitc 0.1.0 (sources 0123456789ab, LLVM 22.1.8)": equal for equal sources, wherever and
/// whenever they were built.
std::string compilerIdentity();

} // namespace vitc::codegen

#endif // CODEGEN_LIBRARY_LIBRARYDATA_H
