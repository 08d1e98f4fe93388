// A row that is computed, normalised and used again. With 1280 columns of f32 a lane has 40 of them, which do
// not fit in 48 registers beside the rest: they are read and computed again. ptxas confirms it; kept at any
// price they spill, and with 128 registers there is room.
// RUN: vitc build %s --emit=kernels --register-budget=48 | FileCheck %s --check-prefix=AGAIN
// RUN: vitc build %s -o %t.again --name again --register-budget=48
// RUN: vitc build %s --emit=kernels --register-budget=128 | FileCheck %s --check-prefix=KEEP
// RUN: vitc build %s -o %t.keep --name keep --register-budget=128
// RUN: not vitc build %s -o %t.spill --name spill --register-budget=48 --fuse-policy=keep 2>&1 | FileCheck %s --check-prefix=SPILL

// AGAIN: vit.kernel @{{.*}} attributes {schedules = [{{.*}}recompute = true registers = 48>
// KEEP:  vit.kernel @{{.*}} attributes {schedules = [#vit.norm_schedule<{{[^>]*}}registers = 128>
// SPILL: spilled
func.func @forward(%x: tensor<?x1280xf32> {vit.name = "x"}) -> (tensor<?x1280xf32> {vit.name = "z"}) {
  %scale = vit.weight "norm.weight" : tensor<1280xf32>
  %shift = vit.weight "norm.bias" : tensor<1280xf32>
  %y = vit.scale %x by 0.5 : tensor<?x1280xf32> -> tensor<?x1280xf32> loc("half")
  %n = vit.layer_norm %y, %scale, %shift eps 1.0e-6 : tensor<?x1280xf32>, tensor<1280xf32>, tensor<1280xf32> -> tensor<?x1280xf32> loc("norm")
  %z = vit.add %n, %y : tensor<?x1280xf32>, tensor<?x1280xf32> -> tensor<?x1280xf32> loc("sum")
  return %z : tensor<?x1280xf32>
}
