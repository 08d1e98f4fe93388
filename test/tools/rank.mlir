// A number in a message is a number.
// RUN: not vitc build %s -o %t.out --name mm 2>&1 | FileCheck %s
// CHECK: error: expected argument 0 to be a batch tensor of rank 4 at most, but got 'tensor<?x2x3x4x5xf32>'
func.func @forward(%x: tensor<?x2x3x4x5xf32> {vit.name = "x"}) -> (tensor<?x2x3x4x5xf32> {vit.name = "y"}) {
  %h = vit.tanh %x : tensor<?x2x3x4x5xf32> -> tensor<?x2x3x4x5xf32>
  return %h : tensor<?x2x3x4x5xf32>
}
