// Kernels without a root: 16 bytes at a time where rows allow it, all fused values in registers.
// RUN: vitc-opt %s --vit-lower-kernels --vit-print-ptx="ptxas=none" -o /dev/null | FileCheck %s

// 8 columns a thread, 128 threads for 1024 elements.
// CHECK-LABEL: kernel residual: threads 128, dynamic shared 0
// CHECK-COUNT-2: ld.global.nc.v4.b32
// CHECK-NOT: ld.global
// CHECK: st.global.v4.b32
// CHECK-NOT: st.global
// CHECK: ret;
vit.kernel @residual(%x: tensor<?x768xf16>, %y: tensor<?x768xf16>) -> tensor<?x768xf16>
    attributes {schedules = [#vit.elementwise_schedule<batch = 1 to 64, elements = 1024, warp = 256>]} {
  %0 = vit.add %x, %y : tensor<?x768xf16>, tensor<?x768xf16> -> tensor<?x768xf16>
  %1 = vit.relu %0 : tensor<?x768xf16> -> tensor<?x768xf16>
  vit.yield %1 : tensor<?x768xf16>
}

// A value used twice is loaded and computed once.
// CHECK-LABEL: kernel twice:
// CHECK-COUNT-2: ld.global.nc.v4.b32
// CHECK-NOT: ld.global
// CHECK-COUNT-8: ex2.approx.ftz.f32
// CHECK-NOT: ex2
// CHECK: ret;
vit.kernel @twice(%x: tensor<?x768xf32>) -> (tensor<?x768xf32>, tensor<?x768xf16>)
    attributes {schedules = [#vit.elementwise_schedule<batch = 1 to 64, elements = 1024, warp = 256>]} {
  %0 = vit.silu %x : tensor<?x768xf32> -> tensor<?x768xf32>
  %1 = vit.mul %0, %x : tensor<?x768xf32>, tensor<?x768xf32> -> tensor<?x768xf32>
  %2 = vit.add %1, %0 : tensor<?x768xf32>, tensor<?x768xf32> -> tensor<?x768xf32>
  %3 = vit.cast %0 : tensor<?x768xf32> -> tensor<?x768xf16>
  vit.yield %2, %3 : tensor<?x768xf32>, tensor<?x768xf16>
}

// An odd width leaves nothing to pair; four warps take eight elements for each thread.
// CHECK-LABEL: kernel odd: threads 128, dynamic shared 0
// CHECK-NOT: .v2
// CHECK-NOT: .v4
// CHECK-COUNT-8: st.global.b16
// CHECK-NOT: st.global
// CHECK: ret;
vit.kernel @odd(%x: tensor<?x5x37xf32>) -> tensor<?x5x37xbf16>
    attributes {schedules = [#vit.elementwise_schedule<batch = 1 to 64, elements = 1024, warp = 256>]} {
  %0 = vit.cast %x : tensor<?x5x37xf32> -> tensor<?x5x37xbf16>
  vit.yield %0 : tensor<?x5x37xbf16>
}

// A kernel that copies.
// CHECK-LABEL: kernel copy:
// CHECK: ld.global.nc.v4
// CHECK: st.global.v4
vit.kernel @copy(%x: tensor<?x3x32x32xf32>) -> tensor<?x3x32x32xf32>
    attributes {schedules = [#vit.elementwise_schedule<batch = 1 to 64, elements = 1024, warp = 256>]} {
  vit.yield %x : tensor<?x3x32x32xf32>
}
