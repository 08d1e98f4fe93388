//===- DropUnused.cpp - Drop ops that no output needs ---------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//
//
// Other passes drop what they leave unused, too, and MLIR's do so without a word. What the text of
// a model itself left unused goes here first, because the names of such weights must stay known:
// the checkpoint has them, and the library that is built must not call them strangers.
//
//   func.func @f(...)                          func.func @f(...) attributes {vit.ignored = ["u"]}
//     %u = vit.weight "u"                =>      return %y
//     return %y
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "passes/Queries.h"

namespace vitc {
#define GEN_PASS_DEF_DROPUNUSED
#include "passes/Passes.h.inc"

namespace {
struct DropUnused : impl::DropUnusedBase<DropUnused> {
  using Base::Base;

  void runOnOperation() override {
    for (mlir::func::FuncOp model : vit::modelFunctions(getOperation()))
      eraseDeadOps(model);
  }
};
} // namespace
} // namespace vitc
