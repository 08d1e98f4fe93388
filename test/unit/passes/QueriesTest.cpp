//===- QueriesTest.cpp - What passes ask about a model --------------------===//
// Part of vitc, under the Apache License v2.0 with LLVM Exceptions.
//===----------------------------------------------------------------------===//

#include "frontend/checkpoint/Import.h"
#include "passes/Kernels.h"
#include "passes/Passes.h"
#include "vitc/graph/Metrics.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <catch2/catch.hpp>

using namespace mlir;
using namespace vitc;

namespace {
struct Module {
  explicit Module(const std::string &text) {
    context.loadDialect<vit::VitDialect, func::FuncDialect>();
    module = parseSourceString<ModuleOp>(text, &context);
    REQUIRE(module);
  }
  func::FuncOp model() { return llvm::cantFail(vit::findModel(*module)); }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};
} // namespace

TEST_CASE("a graph, its IR and its kernels have the same FLOPs") {
  for (const char *name : {"hf-vit", "kernelbench-small", "kernelbench-batch5",
                           "kernelbench-batch-first", "wide-b16-224-full"}) {
    INFO(name);
    auto import =
        checkpoint::importCheckpoint(VITC_SOURCE_DIR "/test/golden/models/" + std::string(name));
    INFO(import.error());
    REQUIRE(import);
    Module ir(import->mlir());
    for (int64_t batch : {1, 5}) {
      CHECK(countFlops(ir.model(), batch) == graph::flops(import->graph, batch));
      CHECK(countFlops(ir.model(), batch) > 0);
    }
    int64_t before = countFlops(ir.model(), 5);
    PassManager manager(&ir.context);
    manager.addPass(createFormKernels());
    manager.addPass(createFuse());
    manager.addPass(createShareKernels()); // on rows
    REQUIRE(succeeded(manager.run(*ir.module)));
    CHECK(countFlops(ir.model(), 5) == before);
  }
}

TEST_CASE("tokens that a block reads") {
  Module ir(R"(
    func.func @f(%image: tensor<?x3x16x16xf32>, %x: tensor<?x4x8xf32>, %keys: tensor<?x4x8xf32>,
                 %cls: tensor<1x8xf32>, %table: tensor<5x8xf32>) -> tensor<?x8xf32> {
      %y = vit.prepend %cls, %x : tensor<1x8xf32>, tensor<?x4x8xf32> -> tensor<?x5x8xf32>
      %z = vit.position %y, %table : tensor<?x5x8xf32>, tensor<5x8xf32> -> tensor<?x5x8xf32>
      %r = vit.select %z token 3 : tensor<?x5x8xf32> -> tensor<?x8xf32>
      %a = vit.attention %r, %keys, %keys heads 1 head_dim 8 scale 1.0 axis tokens offsets [0, 0, 0]
          : tensor<?x8xf32>, tensor<?x4x8xf32>, tensor<?x4x8xf32> -> tensor<?x8xf32>
      return %a : tensor<?x8xf32>
    })");
  SmallVector<llvm::BitVector> read = tokensRead(ir.model().getBody().front());
  CHECK(read[0].none());
  CHECK((read[1].count() == 1 && read[1].test(2))); // one of the five comes before
  CHECK(read[2].all());
  CHECK(read[3].none());
  CHECK(outputDependence(ir.model()) == std::vector<std::vector<unsigned>>{{1, 2, 4}});
}
