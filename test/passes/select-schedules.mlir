// RUN: vitc-opt %s --vit-select-schedules | FileCheck %s
// RUN: vitc-opt %s --vit-select-schedules=max-batch=1 | FileCheck %s --check-prefix=ONE
// RUN: vitc-opt %s --vit-select-schedules=tile=128x64x64/32x32/2 | FileCheck %s --check-prefix=TILE
// RUN: vitc-opt %s --vit-select-schedules=max-batch=8 | FileCheck %s --check-prefix=EIGHT
// RUN: vitc-opt %s --vit-select-schedules="gpu=rtx4060 max-batch=8" | FileCheck %s --check-prefix=SMALL

// Few rows get small tiles, many rows large ones; M is that of the largest batch.
// CHECK-DAG: vit.kernel @fc1_128x128x32({{.*}}schedules = [#vit.schedule<batch = 1 to 64, block = [128, 128, 32], warp = [64, 32], stages = 3>]
// ONE-DAG:   vit.kernel @fc1_32x64x32({{.*}}schedules = [#vit.schedule<batch = 1 to 1, block = [32, 64, 32], warp = [32, 16], stages = 3>]
// TILE-DAG:  vit.kernel @fc1_128x64x64({{.*}}schedules = [#vit.schedule<batch = 1 to 64, block = [128, 64, 64], warp = [32, 32], stages = 2>]
// A small device is full with fewer tiles.
// EIGHT-DAG: vit.kernel @fc1_64x64x32(
// SMALL-DAG: vit.kernel @fc1_128x64x32(
vit.kernel @fc1(%x: tensor<?x768xf16>, %w: tensor<768x768xf16>) -> tensor<?x768xf16> {
  %y = vit.linear %x, %w : tensor<?x768xf16>, tensor<768x768xf16> -> tensor<?x768xf16>
  vit.yield %y : tensor<?x768xf16>
}
// CHECK-DAG: vit.kernel @norm({{.*}}schedules = [#vit.schedule<batch = 1 to 64, block = [8], warp = [1], stages = 1>]
// ONE-DAG:   vit.kernel @norm({{.*}}schedules = [#vit.schedule<batch = 1 to 1, block = [1], warp = [1], stages = 1>]
vit.kernel @norm(%x: tensor<?x768xf16>, %s: tensor<768xf32>) -> tensor<?x768xf16> {
  %y = vit.layer_norm %x, %s, %s eps 1.0e-5 : tensor<?x768xf16>, tensor<768xf32>, tensor<768xf32> -> tensor<?x768xf16>
  vit.yield %y : tensor<?x768xf16>
}
// CHECK-DAG: vit.kernel @attn({{.*}} block = [208, 197], warp = [16], stages = 1>]
// ONE-DAG:   vit.kernel @attn({{.*}} block = [32, 197], warp = [16], stages = 1>]
vit.kernel @attn(%x: tensor<?x197x768xf16>) -> tensor<?x197x768xf16> {
  %y = vit.attention %x, %x, %x heads 12 head_dim 64 scale 1.0 axis tokens offsets [0, 0, 0] : tensor<?x197x768xf16>, tensor<?x197x768xf16>, tensor<?x197x768xf16> -> tensor<?x197x768xf16>
  vit.yield %y : tensor<?x197x768xf16>
}
// 256 threads, each with what one access takes: 8 columns, or what divides the row.
// CHECK-DAG: vit.kernel @relu({{.*}} block = [2048], warp = [256], stages = 1>]
vit.kernel @relu(%x: tensor<?x768xf16>) -> tensor<?x768xf16> {
  %y = vit.relu %x : tensor<?x768xf16> -> tensor<?x768xf16>
  vit.yield %y : tensor<?x768xf16>
}
// CHECK-DAG: vit.kernel @odd({{.*}} block = [256], warp = [32], stages = 1>]
vit.kernel @odd(%x: tensor<?x7xf16>) -> tensor<?x7xf16> {
  %y = vit.relu %x : tensor<?x7xf16> -> tensor<?x7xf16>
  vit.yield %y : tensor<?x7xf16>
}
// CHECK-DAG: vit.kernel @patches({{.*}} block = [512], warp = [64], stages = 1>]
vit.kernel @patches(%x: tensor<?x3x28x28xf32>) -> tensor<?x4x592xf16> {
  %y = vit.patchify %x conv [14, 14] : tensor<?x3x28x28xf32> -> tensor<?x4x592xf16>
  vit.yield %y : tensor<?x4x592xf16>
}
// What has a schedule keeps it, and its name.
// CHECK-DAG: vit.kernel @mine({{.*}} block = [64, 64, 32], warp = [32, 32], stages = 2>]
// TILE-DAG:  vit.kernel @mine({{.*}} block = [64, 64, 32], warp = [32, 32], stages = 2>]
vit.kernel @mine(%x: tensor<?x768xf16>, %w: tensor<8x768xf16>) -> tensor<?x8xf16> attributes {schedules = [#vit.schedule<batch = 1 to 8, block = [64, 64, 32], warp = [32, 32], stages = 2>]} {
  %y = vit.linear %x, %w : tensor<?x768xf16>, tensor<8x768xf16> -> tensor<?x8xf16>
  vit.yield %y : tensor<?x8xf16>
}
// CHECK: vit.launch @fc1_128x128x32(
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
