// As recompute.mlir, but what would be computed again is a function: the row is kept, above the budget if need
// be, and the build says so.
// RUN: vitc build %s --emit=kernels --register-budget=48 2>&1 | FileCheck %s
// RUN: vitc build %s -o %t --name gelu --register-budget=48

// CHECK: warning: {{.*}}predicted {{[0-9]+}} registers, budget 48
// CHECK: vit.kernel @{{.*}} attributes {schedules = [#vit.norm_schedule<batch = 1 to 64, rows = {{[0-9]+}}, warp = 1 registers = {{1[0-9][0-9]}}>
func.func @forward(%x: tensor<?x1280xf32> {vit.name = "x"}) -> (tensor<?x1280xf32> {vit.name = "z"}) {
  %scale = vit.weight "norm.weight" : tensor<1280xf32>
  %shift = vit.weight "norm.bias" : tensor<1280xf32>
  %y = vit.gelu erf %x : tensor<?x1280xf32> -> tensor<?x1280xf32> loc("gelu")
  %n = vit.layer_norm %y, %scale, %shift eps 1.0e-6 : tensor<?x1280xf32>, tensor<1280xf32>, tensor<1280xf32> -> tensor<?x1280xf32> loc("norm")
  %z = vit.add %n, %y : tensor<?x1280xf32>, tensor<?x1280xf32> -> tensor<?x1280xf32> loc("sum")
  return %z : tensor<?x1280xf32>
}
