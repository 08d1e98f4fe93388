// A row that is computed anew needs few registers, whatever compilers could do to keep it: under a
// bound of 48 it does not spill, and a row of 1280 that is kept does. Under 128 that fits too.
// RUN: vitc-opt %s --vit-lower-kernels --vit-print-ptx="text=false" -o /dev/null | FileCheck %s
// RUN: vitc-opt %s --vit-lower-kernels --vit-print-ptx="ptxas=none" -o /dev/null | FileCheck %s --check-prefix=PTX

// CHECK: kernel anew:{{.*}} registers {{([1-3]?[0-9]|4[0-8])}}, spill stores 0, spill loads 0, stack 0,
// PTX-LABEL: .visible .entry anew(
// PTX: .maxnreg 48
// The row is read three times: for the mean, the variance and the result.
// PTX: ld.global.nc.v4
// PTX: shfl.sync.bfly
// PTX: ld.global.nc.v4
// PTX: rsqrt
// PTX: ld.global.nc.v4
// PTX: st.global.v4
vit.kernel @anew(%x: tensor<?x1280xf32>, %g: tensor<1280xf32>, %b: tensor<1280xf32>) -> tensor<?x1280xf32>
    attributes {schedules = [#vit.norm_schedule<batch = 1 to 64, rows = 4, warp = 1 recompute = true registers = 48>]} {
  %0 = vit.scale %x by 5.0e-01 : tensor<?x1280xf32> -> tensor<?x1280xf32>
  %1 = vit.layer_norm %0, %g, %b eps 1.0e-06 : tensor<?x1280xf32>, tensor<1280xf32>, tensor<1280xf32> -> tensor<?x1280xf32>
  %2 = vit.add %1, %0 : tensor<?x1280xf32>, tensor<?x1280xf32> -> tensor<?x1280xf32>
  vit.yield %2 : tensor<?x1280xf32>
}

// CHECK: kernel kept:{{.*}} registers 48, spill stores {{[1-9][0-9]*}},
vit.kernel @kept(%x: tensor<?x1280xf32>, %g: tensor<1280xf32>, %b: tensor<1280xf32>) -> tensor<?x1280xf32>
    attributes {schedules = [#vit.norm_schedule<batch = 1 to 64, rows = 4, warp = 1 registers = 48>]} {
  %0 = vit.scale %x by 5.0e-01 : tensor<?x1280xf32> -> tensor<?x1280xf32>
  %1 = vit.layer_norm %0, %g, %b eps 1.0e-06 : tensor<?x1280xf32>, tensor<1280xf32>, tensor<1280xf32> -> tensor<?x1280xf32>
  %2 = vit.add %1, %0 : tensor<?x1280xf32>, tensor<?x1280xf32> -> tensor<?x1280xf32>
  vit.yield %2 : tensor<?x1280xf32>
}

// CHECK: kernel roomy:{{.*}} registers {{([1-9]?[0-9]|1[01][0-9]|12[0-8])}}, spill stores 0, spill loads 0, stack 0,
vit.kernel @roomy(%x: tensor<?x1280xf32>, %g: tensor<1280xf32>, %b: tensor<1280xf32>) -> tensor<?x1280xf32>
    attributes {schedules = [#vit.norm_schedule<batch = 1 to 64, rows = 4, warp = 1 registers = 128>]} {
  %0 = vit.scale %x by 5.0e-01 : tensor<?x1280xf32> -> tensor<?x1280xf32>
  %1 = vit.layer_norm %0, %g, %b eps 1.0e-06 : tensor<?x1280xf32>, tensor<1280xf32>, tensor<1280xf32> -> tensor<?x1280xf32>
  %2 = vit.add %1, %0 : tensor<?x1280xf32>, tensor<?x1280xf32> -> tensor<?x1280xf32>
  vit.yield %2 : tensor<?x1280xf32>
}
