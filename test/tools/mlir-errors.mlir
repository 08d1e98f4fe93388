// Errors in .mlir text show the line and point at the place, whatever verb reads it.
// RUN: not vitc build %s -o %t.out 2>&1 | FileCheck %s
// RUN: not vitc inspect %s 2>&1 | FileCheck %s
// CHECK:      mlir-errors.mlir:[[@LINE+5]]:{{[0-9]+}}: error: 'vit.linear' op expected
// CHECK-NEXT: %y = vit.linear %x, %w
// CHECK-NEXT: {{^ *\^}}
func.func @forward(%x: tensor<?x16xf32> {vit.name = "x"}) -> (tensor<?x8xf32> {vit.name = "y"}) {
  %w = vit.weight "w" : tensor<8x24xf32>
  %y = vit.linear %x, %w : tensor<?x16xf32>, tensor<8x24xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
