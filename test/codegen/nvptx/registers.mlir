// A schedule's bound on registers reaches the PTX of every family, takes the place of a demand for
// blocks, and ptxas keeps it. (Of the products, see gemm.mlir.)
// RUN: vitc-opt %s --vit-lower-kernels --vit-print-ptx="text=false" -o /dev/null | FileCheck %s --check-prefix=PTXAS
// RUN: vitc-opt %s --vit-lower-kernels --vit-print-ptx="ptxas=none" -o /dev/null | FileCheck %s \
// RUN:   --implicit-check-not=.minnctapersm

// PTXAS: kernel elements:{{.*}} registers {{([12]?[0-9]|3[0-2])}},
// CHECK-LABEL: .visible .entry elements(
// CHECK: .reqntid 256, 1, 1
// CHECK: .maxnreg 32
vit.kernel @elements(%x: tensor<?x768xf16>, %y: tensor<?x768xf16>) -> tensor<?x768xf16>
    attributes {schedules = [#vit.elementwise_schedule<batch = 1 to 64, elements = 2048, warp = 256 registers = 32>]} {
  %0 = vit.gelu erf %x : tensor<?x768xf16> -> tensor<?x768xf16>
  %1 = vit.add %0, %y : tensor<?x768xf16>, tensor<?x768xf16> -> tensor<?x768xf16>
  vit.yield %1 : tensor<?x768xf16>
}

// PTXAS: kernel norm:{{.*}} registers {{([1-5]?[0-9]|6[0-4])}},
// CHECK-LABEL: .visible .entry norm(
// CHECK: .reqntid 128, 1, 1
// CHECK: .maxnreg 64
vit.kernel @norm(%x: tensor<?x768xf16>, %g: tensor<768xf32>, %b: tensor<768xf32>) -> tensor<?x768xf16>
    attributes {schedules = [#vit.norm_schedule<batch = 1 to 64, rows = 4, warp = 1 registers = 64>]} {
  %0 = vit.layer_norm %x, %g, %b eps 1.0e-06 : tensor<?x768xf16>, tensor<768xf32>, tensor<768xf32> -> tensor<?x768xf16>
  vit.yield %0 : tensor<?x768xf16>
}

// Without the bound two blocks are demanded.
// PTXAS: kernel attention:{{.*}} registers {{([1-9]?[0-9]|1[01][0-9]|120)}},
// CHECK-LABEL: .visible .entry attention(
// CHECK: .reqntid 224, 1, 1
// CHECK: .maxnreg 120
vit.kernel @attention(%x: tensor<?x197x384xf16>) -> tensor<?x197x128xf16>
    attributes {schedules = [#vit.attention_schedule<batch = 1 to 64, rows = 112, keys = 197 registers = 120>]} {
  %0 = vit.attention %x, %x, %x heads 2 head_dim 64 scale 1.25e-01 axis tokens offsets [0, 128, 256]
      : tensor<?x197x384xf16>, tensor<?x197x384xf16>, tensor<?x197x384xf16> -> tensor<?x197x128xf16>
  vit.yield %0 : tensor<?x197x128xf16>
}

// PTXAS: kernel patches:{{.*}} registers {{([1-3]?[0-9]|40)}},
// CHECK-LABEL: .visible .entry patches(
// CHECK: .maxnreg 40
vit.kernel @patches(%x: tensor<?x3x224x224xf32>) -> tensor<?x196x768xf16>
    attributes {schedules = [#vit.tokens_schedule<batch = 1 to 64, elements = 2048, warp = 256 registers = 40>]} {
  %0 = vit.patchify %x conv [16, 16] : tensor<?x3x224x224xf32> -> tensor<?x196x768xf16>
  vit.yield %0 : tensor<?x196x768xf16>
}

// PTXAS: kernel token:{{.*}} registers {{([12]?[0-9]|3[0-2])}},
// CHECK-LABEL: .visible .entry token(
// CHECK: .maxnreg 32
vit.kernel @token(%x: tensor<?x197x768xf16>) -> tensor<?x768xf16>
    attributes {schedules = [#vit.tokens_schedule<batch = 1 to 64, elements = 2048, warp = 256 registers = 32>]} {
  %0 = vit.select %x token 0 : tensor<?x197x768xf16> -> tensor<?x768xf16>
  vit.yield %0 : tensor<?x768xf16>
}
