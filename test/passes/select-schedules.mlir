// RUN: vitc-opt %s --vit-select-schedules | FileCheck %s
// RUN: vitc-opt %s --vit-select-schedules=max-batch=1 | FileCheck %s --check-prefix=ONE
// RUN: vitc-opt %s --vit-select-schedules=tile=128x64x64/32x32/2 | FileCheck %s --check-prefix=TILE
// RUN: vitc-opt %s --vit-select-schedules="gpu=rtx4060 max-batch=8" | FileCheck %s --check-prefix=SMALL
// RUN: vitc-opt %s --vit-select-schedules=tile-policy=classic | FileCheck %s --check-prefix=CLASSIC
// RUN: vitc-opt %s --vit-select-schedules=batch-invariant | FileCheck %s --check-prefix=SAME
// RUN: not vitc-opt %s --vit-select-schedules=tuned="{fc1 0123456789abcdef 4 64x64x32/32x32/3}" 2>&1 | FileCheck %s --check-prefix=STALE
// RUN: not vitc-opt %s --vit-select-schedules=tuned="{gone 0123456789abcdef 4 64x64x32/32x32/3}" 2>&1 | FileCheck %s --check-prefix=GONE
// RUN: vitc-opt %s --vit-select-schedules=tuned="{fc1 974cc7a7353bd8fb 8 128x64x32/64x32/3 registers 128;fc1 974cc7a7353bd8fb 4 64x64x32/32x32/3}" | FileCheck %s --check-prefix=TUNED
// RUN: vitc-opt %s --vit-select-schedules="register-budget=96 tuned={fc1 974cc7a7353bd8fb 8 128x64x32/64x32/3 registers 128;fc1 974cc7a7353bd8fb 4 64x64x32/32x32/3}" 2>&1 | FileCheck %s --check-prefix=BOUND
// RUN: not vitc-opt %s --vit-select-schedules="batch-invariant tuned={fc1 974cc7a7353bd8fb 8 128x64x32/64x32/3 registers 128;fc1 974cc7a7353bd8fb 4 64x64x32/32x32/3 splits 2}" 2>&1 | FileCheck %s --check-prefix=SPLITS
// RUN: vitc-opt %s --vit-select-schedules="batch-invariant tuned={fc1 974cc7a7353bd8fb 8 128x64x32/64x32/3 splits 2 registers 128;fc1 974cc7a7353bd8fb 4 64x64x32/32x32/3 splits 2}" | FileCheck %s --check-prefix=EQUAL

// Few rows get small tiles, many rows large ones. Each range of batches has the best first and then a smaller one;
// all have a bound on registers that lets the predicted number of blocks live together, but the last, which is the
// one before it with all the registers that a thread may have.
// CHECK-DAG: vit.kernel @fc1({{.*}}schedules = [#vit.gemm_schedule<batch = 1 to 1, tile = [32, {{.*}}registers = {{.*}}#vit.gemm_schedule<batch = {{[0-9]+}} to 64, tile = [{{64|80|128}}, {{96|128}}, {{32|64}}]
// ONE-DAG:   vit.kernel @fc1({{.*}}schedules = [#vit.gemm_schedule<batch = 1 to 1, {{.*}}, #vit.gemm_schedule<batch = 1 to 1, {{[^#]*}}>]}
// TILE-DAG:  vit.kernel @fc1({{.*}}schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [128, 64, 64], warp = [32, 32], stages = 2 {{[^#]*}}>, #vit.gemm_schedule<batch = 1 to 64, tile = [128, 64, 64], warp = [32, 32], stages = 2 {{[^#]*}}>, #vit.gemm_schedule<batch = 1 to 64, tile = [128, 64, 64], warp = [32, 32], stages = 2 {{[^#]*}}registers = 255>]}
// CLASSIC-DAG: vit.kernel @fc1({{.*}}schedules = [#vit.gemm_schedule<batch = 1 to 64, tile = [64, 64, 32], warp = [32, 32], stages = 3 registers = {{[0-9]+}}>, #vit.gemm_schedule<batch = 1 to 64, tile = [64, 32, 32], warp = [32, 16], stages = 3 registers = {{[0-9]+}}>, #vit.gemm_schedule<batch = 1 to 64, tile = [32, 32, 32], warp = [16, 16], stages = 3 registers = {{[0-9]+}}>]
// A small device is full with fewer tiles: batch 1 is not apart.
// SMALL-DAG: vit.kernel @fc1({{.*}}schedules = [#vit.gemm_schedule<batch = 1 to {{[2-8]}}, {{.*}} to 8, tile = [{{64|80|96|112|128|160}}, {{64|96|128|160}},
// SAME-NOT: splits =
// STALE: error: tuned schedule of 'fc1': it was measured for kernel 0123456789abcdef, but the model's is {{[0-9a-f]+}}; run vitc tune again
// GONE: error: tuned schedule of 'gone': the model has no such kernel; run vitc tune again
// Each serves up to the batch it was measured at, the last all that follow.
// TUNED-DAG: vit.kernel @fc1({{.*}}schedules = [#vit.gemm_schedule<batch = 1 to 4, tile = [64, 64, 32], warp = [32, 32], stages = 3>, #vit.gemm_schedule<batch = 5 to 64, tile = [128, 64, 32], warp = [64, 32], stages = 3 registers = 128>]}
// A budget bounds them; where that cannot do, it is said. Sums that no batch may change have the same parts for all.
// BOUND: warning: kernel 'fc1': predicted {{1[0-9][0-9]}} registers, budget 96
// BOUND-DAG: vit.kernel @fc1({{.*}}schedules = [#vit.gemm_schedule<batch = 1 to 4, tile = [64, 64, 32], warp = [32, 32], stages = 3 registers = 96>, #vit.gemm_schedule<batch = 5 to 64, tile = [128, 64, 32], warp = [64, 32], stages = 3 registers = 96>]}
// SPLITS: error: tuned schedule of 'fc1': batch-invariant sums need the same splits for all batches, but it has 2 at batch 4 and 1 at batch 8; run vitc tune again with --batch-invariant
// EQUAL: vit.kernel @fc1({{.*}}splits = 2{{.*}}splits = 2
vit.kernel @fc1(%x: tensor<?x768xf16>, %w: tensor<768x768xf16>) -> tensor<?x768xf16> {
  %y = vit.linear %x, %w : tensor<?x768xf16>, tensor<768x768xf16> -> tensor<?x768xf16>
  vit.yield %y : tensor<?x768xf16>
}
// CHECK-DAG: vit.kernel @norm({{.*}} rows = 8, warp = 1>]
// CLASSIC-DAG: vit.kernel @norm({{.*}}schedules = [#vit.norm_schedule<batch = 1 to 64, rows = 8, warp = 1>]
vit.kernel @norm(%x: tensor<?x768xf16>, %s: tensor<768xf32>) -> tensor<?x768xf16> {
  %y = vit.layer_norm %x, %s, %s eps 1.0e-5 : tensor<?x768xf16>, tensor<768xf32>, tensor<768xf32> -> tensor<?x768xf16>
  vit.yield %y : tensor<?x768xf16>
}
// Blocks get equal shares of the 13 groups of 16 rows: 4 blocks of 4 where heads are few, 2 of 7 where they are many.
// CHECK-DAG: vit.kernel @attn({{.*}} rows = 112, keys = 197{{.*}} registers = 128>, {{.*}}registers = 255>]
// ONE-DAG:   vit.kernel @attn({{.*}} rows = {{16|32|48}}, keys = 197{{.*}} registers = {{[0-9]+}}>]
vit.kernel @attn(%x: tensor<?x197x768xf16>) -> tensor<?x197x768xf16> {
  %y = vit.attention %x, %x, %x heads 12 head_dim 64 scale 1.0 axis tokens offsets [0, 0, 0] : tensor<?x197x768xf16>, tensor<?x197x768xf16>, tensor<?x197x768xf16> -> tensor<?x197x768xf16>
  vit.yield %y : tensor<?x197x768xf16>
}
// 128 to 512 threads, each with what one access takes: 8 columns, or what divides the row.
// CLASSIC-DAG: vit.kernel @relu({{.*}}schedules = [#vit.elementwise_schedule<batch = 1 to 64, elements = 4096, warp = 256>, #vit.elementwise_schedule<batch = 1 to 64, elements = 2048, warp = 256>]
// CHECK-DAG: vit.kernel @relu({{.*}} elements = {{1024|2048|4096}}, warp = 256>]
vit.kernel @relu(%x: tensor<?x768xf16>) -> tensor<?x768xf16> {
  %y = vit.relu %x : tensor<?x768xf16> -> tensor<?x768xf16>
  vit.yield %y : tensor<?x768xf16>
}
// CHECK-DAG: vit.kernel @odd({{.*}} elements = {{256|512}}, warp = 32>]
vit.kernel @odd(%x: tensor<?x7xf16>) -> tensor<?x7xf16> {
  %y = vit.relu %x : tensor<?x7xf16> -> tensor<?x7xf16>
  vit.yield %y : tensor<?x7xf16>
}
// CHECK-DAG: vit.kernel @patches({{.*}} elements = {{256|512|1024}}, warp = 64>]
vit.kernel @patches(%x: tensor<?x3x28x28xf32>) -> tensor<?x4x592xf16> {
  %y = vit.patchify %x conv [14, 14] : tensor<?x3x28x28xf32> -> tensor<?x4x592xf16>
  vit.yield %y : tensor<?x4x592xf16>
}
// What has a schedule keeps it, and its name.
// CHECK-DAG: vit.kernel @mine({{.*}} tile = [64, 64, 32], warp = [32, 32], stages = 2>]
// TILE-DAG:  vit.kernel @mine({{.*}} tile = [64, 64, 32], warp = [32, 32], stages = 2>]
vit.kernel @mine(%x: tensor<?x768xf16>, %w: tensor<8x768xf16>) -> tensor<?x8xf16> attributes {schedules = [#vit.gemm_schedule<batch = 1 to 8, tile = [64, 64, 32], warp = [32, 32], stages = 2>]} {
  %y = vit.linear %x, %w : tensor<?x768xf16>, tensor<8x768xf16> -> tensor<?x8xf16>
  vit.yield %y : tensor<?x8xf16>
}
func.func @forward(%x: tensor<?x197x768xf16>, %w: tensor<768x768xf16>, %s: tensor<768xf32>, %i: tensor<?x3x28x28xf32>, %c: tensor<?x7xf16>, %h: tensor<8x768xf16>) -> tensor<?x197x768xf16> {
  %0 = vit.launch @fc1(%x, %w) : (tensor<?x197x768xf16>, tensor<768x768xf16>) -> tensor<?x197x768xf16>
  %1 = vit.launch @norm(%0, %s) : (tensor<?x197x768xf16>, tensor<768xf32>) -> tensor<?x197x768xf16>
  %2 = vit.launch @attn(%1) : (tensor<?x197x768xf16>) -> tensor<?x197x768xf16>
  %3 = vit.launch @relu(%2) : (tensor<?x197x768xf16>) -> tensor<?x197x768xf16>
  %4 = vit.launch @odd(%c) : (tensor<?x7xf16>) -> tensor<?x7xf16>
  %5 = vit.launch @patches(%i) : (tensor<?x3x28x28xf32>) -> tensor<?x4x592xf16>
  %6 = vit.launch @mine(%3, %h) : (tensor<?x197x768xf16>, tensor<8x768xf16>) -> tensor<?x197x8xf16>
  return %3 : tensor<?x197x768xf16>
}
