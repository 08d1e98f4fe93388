// RUN: vitc-opt %s --vit-form-kernels --vit-fuse=register-budget=48 --vit-select-schedules=register-budget=48 2>&1 | FileCheck %s
// RUN: vitc-opt %s --vit-form-kernels --vit-fuse=register-budget=128 --vit-select-schedules=register-budget=128 | FileCheck %s --check-prefix=ROOM
// RUN: vitc-opt %s --vit-form-kernels --vit-fuse --vit-select-schedules="register-budget=48 fuse-policy=keep" 2>&1 | FileCheck %s --check-prefix=KEEP
// RUN: vitc-opt %s --vit-form-kernels --vit-fuse --vit-select-schedules=fuse-policy=recompute | FileCheck %s --check-prefix=AGAIN

// A lane has 40 columns of the row, too many beside the rest for 48 registers: they are read again. Where they
// fit they are kept.
// CHECK-DAG: vit.kernel @layer_norm_scale_add_f32({{.*}}schedules = [#vit.norm_schedule<{{[^>]*}}recompute = true registers = 48>]
// ROOM-DAG:  vit.kernel @layer_norm_scale_add_f32({{.*}}schedules = [#vit.norm_schedule<{{[^>]*}}registers = 128>]
// KEEP-DAG:  vit.kernel @layer_norm_scale_add_f32({{.*}}schedules = [#vit.norm_schedule<{{[^>]*}}registers = 48>]
// AGAIN-DAG: vit.kernel @layer_norm_scale_add_f32({{.*}}schedules = [#vit.norm_schedule<{{[^>]*}}recompute = true{{[^>]*}}>]
func.func @cheap(%x: tensor<?x1280xf32>, %s: tensor<1280xf32>) -> tensor<?x1280xf32> {
  %y = vit.scale %x by 0.5 : tensor<?x1280xf32> -> tensor<?x1280xf32>
  %n = vit.layer_norm %y, %s, %s eps 1.0e-5 : tensor<?x1280xf32>, tensor<1280xf32>, tensor<1280xf32> -> tensor<?x1280xf32>
  %z = vit.add %n, %y : tensor<?x1280xf32>, tensor<?x1280xf32> -> tensor<?x1280xf32>
  return %z : tensor<?x1280xf32>
}

// A function is not computed again: the budget is given up, with a warning, for what the row needs, and if that
// is wrong for what ptxas takes.
// CHECK-DAG: warning: kernel 'layer_norm_gelu_add_f32': predicted {{[0-9]+}} registers, budget 48
// CHECK-DAG: vit.kernel @layer_norm_gelu_add_f32({{.*}}schedules = [#vit.norm_schedule<batch = 1 to 64, rows = {{[0-9]+}}, warp = 1 registers = {{1[0-9][0-9]}}>, #vit.norm_schedule<batch = 1 to 64, rows = {{[0-9]+}}, warp = 1>]
func.func @expensive(%x: tensor<?x1280xf32>, %s: tensor<1280xf32>) -> tensor<?x1280xf32> {
  %y = vit.gelu erf %x : tensor<?x1280xf32> -> tensor<?x1280xf32>
  %n = vit.layer_norm %y, %s, %s eps 1.0e-5 : tensor<?x1280xf32>, tensor<1280xf32>, tensor<1280xf32> -> tensor<?x1280xf32>
  %z = vit.add %n, %y : tensor<?x1280xf32>, tensor<?x1280xf32> -> tensor<?x1280xf32>
  return %z : tensor<?x1280xf32>
}
