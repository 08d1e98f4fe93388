// What an op answers is all that passes ask: rms_norm is pruned to one token, is a kernel of the norm
// family and feeds linears in the type of the kernels.
// RUN: vitc-opt %s --vit-prune-tokens | FileCheck %s --check-prefix=PRUNE
// RUN: vitc-opt %s --vit-kernel-pipeline="max-batch=4 no-fold-norm" | FileCheck %s
// RUN: vitc-opt %s --vit-kernel-pipeline=max-batch=4 | FileCheck %s --check-prefix=FOLDED --implicit-check-not=vit.rms_norm
// RUN: vitc check %s --random-weights --emulate --max-batch 2 | FileCheck %s --check-prefix=ERROR
// RUN: vitc check %s --random-weights --emulate --max-batch 2 --dtype bf16 --residual bf16 | FileCheck %s --check-prefix=ERROR
// RUN: vitc check %s --random-weights --emulate --max-batch 2 --residual f32 | FileCheck %s --check-prefix=ERROR

// PRUNE: vit.rms_norm {{.*}} : tensor<?x64xf32>, tensor<64xf32> -> tensor<?x64xf32>
// CHECK:      vit.kernel @norm_f16({{.*}}: tensor<?x64xf16>, {{.*}}) -> tensor<?x64xf16> attributes {schedules = [#vit.norm_schedule<
// CHECK-NEXT: vit.rms_norm
// FOLDED: vit.moments
// FOLDED: vit.normalize
// ERROR: y error {{.*}} ok
func.func @f(%x: tensor<?x17x64xf32> {vit.name = "x"}) -> (tensor<?x64xf32> {vit.name = "y"}) {
  %w = vit.weight "w" : tensor<64x64xf32>
  %g = vit.weight "norm.weight" : tensor<64xf32>
  %v = vit.weight "v" : tensor<64x64xf32>
  %0 = vit.linear %x, %w : tensor<?x17x64xf32>, tensor<64x64xf32> -> tensor<?x17x64xf32> loc("w")
  %1 = vit.add %0, %x : tensor<?x17x64xf32>, tensor<?x17x64xf32> -> tensor<?x17x64xf32> loc("sum")
  %2 = vit.rms_norm %1, %g eps 1.0e-6 : tensor<?x17x64xf32>, tensor<64xf32> -> tensor<?x17x64xf32> loc("norm")
  %3 = vit.linear %2, %v : tensor<?x17x64xf32>, tensor<64x64xf32> -> tensor<?x17x64xf32> loc("v")
  %4 = vit.select %3 token 0 : tensor<?x17x64xf32> -> tensor<?x64xf32> loc("token")
  return %4 : tensor<?x64xf32>
}
