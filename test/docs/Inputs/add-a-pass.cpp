// What tablegen makes of the pass in docs/add-a-pass.md, in short.
#include "passes/Model.h"
#include "passes/Passes.h"

using namespace mlir;

namespace vitc::impl {
template <typename Derived> struct VerbNounBase : OperationPass<ModuleOp> {
  using Base = VerbNounBase;
  VerbNounBase() : OperationPass(TypeID::get<Derived>()) {}
  StringRef getName() const override { return "VerbNoun"; }
  std::unique_ptr<Pass> clonePass() const override { return nullptr; }
};
} // namespace vitc::impl
static void rewrite(func::FuncOp) {}

@SNIPPET @
