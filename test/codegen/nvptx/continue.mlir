// Lowered IR reads back and continues to the same PTX; kernels that have code keep it.
// RUN: vitc-opt %s --vit-lower-kernels -o %t.mlir
// RUN: vitc-opt %s --vit-lower-kernels --vit-print-ptx="ptxas=none" -o /dev/null > %t.once
// RUN: vitc-opt %t.mlir --vit-lower-kernels --vit-print-ptx="ptxas=none" -o /dev/null > %t.twice
// RUN: cmp %t.once %t.twice
// RUN: FileCheck %s < %t.mlir
// CHECK: vit.kernel @scale
// CHECK: gpu.module @scale_module
// CHECK-NEXT: llvm.func @scale(%{{.*}}: !llvm.ptr<1> {llvm.align = 16 : i64, llvm.noalias, llvm.readonly}, %{{.*}}: !llvm.ptr<1> {llvm.align = 16 : i64, llvm.noalias, llvm.writeonly}, %{{.*}}: i32)
// CHECK-SAME: nvvm.kernel
// CHECK-NOT: gpu.module
vit.kernel @scale(%x: tensor<?x197x96xf16>) -> tensor<?x197x96xf16>
    attributes {schedules = [#vit.elementwise_schedule<batch = 1 to 64, elements = 1024, warp = 256>]} {
  %0 = vit.scale %x by 5.0e-01 : tensor<?x197x96xf16> -> tensor<?x197x96xf16>
  vit.yield %0 : tensor<?x197x96xf16>
}
