// RUN: vitc-opt %s --vit-select-schedules --split-input-file --verify-diagnostics
// RUN: echo 'module {}' > %t.mlir
// RUN: not vitc-opt %t.mlir --vit-select-schedules=gpu=rtx9999 2>&1 | FileCheck %s --check-prefix=GPU
// RUN: not vitc-opt %t.mlir --vit-select-schedules=register-budget=8 2>&1 | FileCheck %s --check-prefix=BUDGET
// RUN: not vitc-opt %t.mlir --vit-select-schedules=fuse-policy=never 2>&1 | FileCheck %s --check-prefix=FUSE
// RUN: not vitc-opt %t.mlir --vit-select-schedules=tile-policy=best 2>&1 | FileCheck %s --check-prefix=POLICY
// RUN: not vitc-opt %t.mlir --vit-select-schedules=tuned="{fc1 1234}" 2>&1 | FileCheck %s --check-prefix=ENTRY
// RUN: not vitc-opt %t.mlir --vit-select-schedules=max-batch=0 2>&1 | FileCheck %s --check-prefix=BATCH
// RUN: not vitc-opt %t.mlir --vit-select-schedules=max-batch=1048577 2>&1 | FileCheck %s --check-prefix=MANY
// RUN: not vitc-opt %t.mlir --vit-select-schedules=tile=128x128 2>&1 | FileCheck %s --check-prefix=FORM
// RUN: not vitc-opt %t.mlir --vit-select-schedules=tile=128x128x32/64x32/3x 2>&1 | FileCheck %s --check-prefix=END
// RUN: not vitc-opt %t.mlir --vit-select-schedules=tile=0x128x32/64x32/3 2>&1 | FileCheck %s --check-prefix=ZERO
// RUN: not vitc-opt %t.mlir --vit-select-schedules=tile=128x128x48/64x32/3 2>&1 | FileCheck %s --check-prefix=BK
// RUN: not vitc-opt %t.mlir --vit-select-schedules=tile=128x128x32/24x32/3 2>&1 | FileCheck %s --check-prefix=WARP
// RUN: not vitc-opt %t.mlir --vit-select-schedules=tile=128x128x32/48x32/3 2>&1 | FileCheck %s --check-prefix=DIVIDE
// RUN: not vitc-opt %t.mlir --vit-select-schedules=tile=256x256x32/32x32/3 2>&1 | FileCheck %s --check-prefix=WARPS
// RUN: not vitc-opt %t.mlir --vit-select-schedules=tile=128x128x32/64x32/1 2>&1 | FileCheck %s --check-prefix=STAGES
// RUN: not vitc-opt %t.mlir --vit-select-schedules=tile=128x128x64/64x32/4 2>&1 | FileCheck %s --check-prefix=SMEM
// RUN: vitc-opt %t.mlir --vit-select-schedules="tile=128x128x64/64x32/4 gpu=h200"
// RUN: not vitc-opt %t.mlir --vit-select-schedules=tile=128x128x32/128x64/3 2>&1 | FileCheck %s --check-prefix=REGS
// RUN: not vitc-opt %t.mlir --vit-select-schedules=tile=8192x128x32/64x32/3 2>&1 | FileCheck %s --check-prefix=LARGE

// GPU:    error: no device named 'rtx9999'; known are rtx4090, rtx4080, rtx4060ti, rtx4060, l4, l40s, rtx6000ada, rtx3090, rtx5090, a100, h100, h200
// BUDGET: error: register-budget must be 24 to 255, but is 8
// FUSE:   error: no fuse-policy named 'never'; known are auto, keep, recompute
// POLICY: error: no tile-policy named 'best'; known are model, classic, tuned
// ENTRY:  error: tuned schedule of 'fc1': expected KERNEL HASH BATCH SCHEDULE, but got 'fc1 1234'
// BATCH:  error: max-batch must be at least 1, but is 0
// MANY:   error: max-batch must be at most 1048576, but is 1048577
// FORM:   error: expected a tile BMxBNxBK/WMxWN/STAGES such as 128x128x32/64x32/3, but got '128x128'
// END:    error: expected a tile BMxBNxBK/WMxWN/STAGES such as 128x128x32/64x32/3, but got '128x128x32/64x32/3x'
// ZERO:   error: expected a tile BMxBNxBK/WMxWN/STAGES such as 128x128x32/64x32/3, but got '0x128x32/64x32/3'
// BK:     error: tile '128x128x48/64x32/3': expected BK of 32 or 64, found 48
// WARP:   error: tile '128x128x32/24x32/3': expected a warp tile of 16s by 8s that divides the block tile 128x128, found 24x32
// DIVIDE: error: tile '128x128x32/48x32/3': expected a warp tile of 16s by 8s that divides the block tile 128x128, found 48x32
// WARPS:  error: tile '256x256x32/32x32/3': expected 1 to 32 whole warps per block, found 2048 threads: choose another block or warp tile
// STAGES: error: tile '128x128x32/64x32/1': expected 2 to 8 stages, found 1
// SMEM:   error: tile '128x128x64/64x32/4': expected at most 101376 bytes of shared memory per block on rtx4090, found 131072: choose a smaller tile or fewer stages
// REGS:   error: tile '128x128x32/128x64/3': expected at most 160 accumulators in a thread, found 256 of 1 linear with a warp tile of 128x64: choose a smaller one
// LARGE:  error: tile '8192x128x32/64x32/3': expected 1 to 32 whole warps per block, found 16384 threads: choose another block or warp tile

vit.kernel @attn(%x: tensor<?x577x780xf16>) -> tensor<?x577x780xf16> {
  // expected-error @unknown {{kernel 'attn' (attention) of 'blocks.0.attn': expected an even head_dim from 2 to 256, found 65}}
  %y = vit.attention %x, %x, %x heads 12 head_dim 65 scale 1.0 axis tokens offsets [0, 0, 0] : tensor<?x577x780xf16>, tensor<?x577x780xf16>, tensor<?x577x780xf16> -> tensor<?x577x780xf16> loc("blocks.0.attn")
  vit.yield %y : tensor<?x577x780xf16>
}
func.func @odd_heads(%x: tensor<?x577x780xf16>) -> tensor<?x577x780xf16> {
  %0 = vit.launch @attn(%x) : (tensor<?x577x780xf16>) -> tensor<?x577x780xf16>
  return %0 : tensor<?x577x780xf16>
}

// -----

vit.kernel @attn(%x: tensor<?x5x258xf16>) -> tensor<?x5x258xf16> {
  // expected-error @below {{kernel 'attn' (attention) of 'vit.attention': expected an even head_dim from 2 to 256, found 258}}
  %y = vit.attention %x, %x, %x heads 1 head_dim 258 scale 1.0 axis tokens offsets [0, 0, 0] : tensor<?x5x258xf16>, tensor<?x5x258xf16>, tensor<?x5x258xf16> -> tensor<?x5x258xf16>
  vit.yield %y : tensor<?x5x258xf16>
}
func.func @head_too_large(%x: tensor<?x5x258xf16>) -> tensor<?x5x258xf16> {
  %0 = vit.launch @attn(%x) : (tensor<?x5x258xf16>) -> tensor<?x5x258xf16>
  return %0 : tensor<?x5x258xf16>
}
