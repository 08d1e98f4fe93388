// RUN: vitc-opt %s | vitc-opt | FileCheck %s
// RUN: vitc-opt %s --mlir-print-op-generic | vitc-opt | FileCheck %s

// CHECK-LABEL: func.func @forward(
// CHECK-SAME: {vit.name = "pixel_values"}) -> (tensor<?x3x32x32xf32> {vit.name = "logits"})
// CHECK-SAME: attributes {vit.ignored = ["mask_token", "pooler.*"]}
func.func @forward(%x: tensor<?x3x32x32xf32> {vit.name = "pixel_values"})
    -> (tensor<?x3x32x32xf32> {vit.name = "logits"})
    attributes {vit.ignored = ["mask_token", "pooler.*"]} {
  return %x : tensor<?x3x32x32xf32>
}
