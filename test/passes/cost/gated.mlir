// A gated MLP: one kernel with two sets of sums where the tile leaves room for them; two kernels, with the
// numbers, where a warp tile of 64x64 is asked for; and what ptxas says if they are joined all the same.
// RUN: vitc build %s --emit=kernels | FileCheck %s --check-prefix=ONE
// RUN: vitc build %s -o %t.one --name one
// RUN: vitc build %s --emit=kernels --tile=128x128x32/64x64/3 | FileCheck %s --check-prefix=TWO
// RUN: vitc explain %s --tile=128x128x32/64x64/3 --ptxas none 2>/dev/null | FileCheck %s --check-prefix=WHY
// RUN: not vitc build %s -o %t.forced --name forced --tile=128x128x32/64x64/3 --force-fuse 2>&1 | FileCheck %s --check-prefix=FORCED

// ONE: vit.kernel @gate_silu_mul_f16(
// ONE-NOT: vit.kernel {{.*}}vit.linear
// ONE: vit.launch @gate_silu_mul_f16(
// TWO: vit.launch @gate_silu_f16(
// TWO: vit.launch @up_mul_f16(
// WHY: at most 160 accumulators in a thread, found 256
// FORCED: spilled
func.func @forward(%x: tensor<?x197x768xf32> {vit.name = "x"}) -> (tensor<?x197x2048xf32> {vit.name = "y"}) {
  %w = vit.weight "gate.weight" : tensor<2048x768xf32>
  %v = vit.weight "up.weight" : tensor<2048x768xf32>
  %a = vit.linear %x, %w : tensor<?x197x768xf32>, tensor<2048x768xf32> -> tensor<?x197x2048xf32> loc("mlp.gate")
  %s = vit.silu %a : tensor<?x197x2048xf32> -> tensor<?x197x2048xf32> loc("mlp.act")
  %b = vit.linear %x, %v : tensor<?x197x768xf32>, tensor<2048x768xf32> -> tensor<?x197x2048xf32> loc("mlp.up")
  %m = vit.mul %s, %b : tensor<?x197x2048xf32>, tensor<?x197x2048xf32> -> tensor<?x197x2048xf32> loc("mlp.product")
  return %m : tensor<?x197x2048xf32>
}
