// RUN: vitc-opt %s --vit-drop-unused --split-input-file | FileCheck %s
// RUN: vitc-opt %s --vit-model-pipeline --split-input-file | FileCheck %s --check-prefix=ALL
// RUN: vitc-opt %s --vit-model-pipeline=no-prune --split-input-file | FileCheck %s --check-prefix=ALL
// RUN: vitc-opt %s --vit-hoist-weights --split-input-file | FileCheck %s --check-prefix=ALL

// All names of what goes are ignored, but not one that another weight has too; what was ignored stays.
// CHECK-LABEL: func.func @unused(
// CHECK-SAME:    vit.ignored = ["mask", "u", "v", "old.v", "v.turned"]
// CHECK-COUNT-1: vit.weight "w" aliases ["old.w"]
// CHECK-NOT:     vit.weight
// ALL: vit.ignored = ["mask", "u", "v", "old.v", "v.turned"]
func.func @unused(%x: tensor<?x8xf32> {vit.name = "x"}) -> (tensor<?x8xf32> {vit.name = "y"}) attributes {vit.ignored = ["mask", "u"]} {
  %u = vit.weight "u" : tensor<8x8xf32>
  %w = vit.weight "w" aliases ["old.w"] : tensor<8x8xf32>
  %v = vit.weight "v" aliases ["old.v", "old.w"] transposed ["v.turned"] : tensor<8x8xf32>
  %s = vit.slice %v rows 0 : tensor<8x8xf32> -> tensor<8xf32>
  %b = vit.bias_add %x, %s : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  %z = vit.linear %b, %u : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %y = vit.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// CHECK-LABEL: func.func @all_used(
// CHECK-NOT:     vit.ignored
func.func @all_used(%x: tensor<?x8xf32> {vit.name = "x"}) -> (tensor<?x8xf32> {vit.name = "y"}) {
  %w = vit.weight "w" : tensor<8x8xf32>
  %y = vit.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
