// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @weight_c1() {
  // expected-error @below {{'vit.weight' op expected file_shape with 12 elements, as in the result, but got 6}}
  %0 = vit.weight "w" file_shape [2, 3] : tensor<4x3xf32>
  return
}

// -----

func.func @weight_c2() {
  // expected-error @below {{'vit.weight' op expected a 2-D tensor in the file for a transposed name, but got rank 1}}
  %0 = vit.weight "w" transposed ["v"] : tensor<4xf32>
  return
}

// -----

func.func @weight_c2_file_shape() {
  // expected-error @below {{'vit.weight' op expected a 2-D tensor in the file for a transposed name, but got rank 4}}
  %0 = vit.weight "w" transposed ["v"] file_shape [2, 3, 1, 1] : tensor<2x3xf32>
  return
}

// -----

func.func @weight_type() {
  // expected-error @below {{result #0 must be static tensor (no size 0, 2^40 elements at most) of f16, bf16, tf32 or f32 values, but got 'tensor<?x4xf32>'}}
  %0 = vit.weight "w" : tensor<?x4xf32>
  return
}

// -----

func.func @weight_c3() {
  // expected-error @below {{'vit.weight' op expected file_shape with sizes that are not 0, but got [-2, -4]}}
  %0 = vit.weight "w" file_shape [-2, -4] : tensor<8xf32>
  return
}

// -----

func.func @weight_c4() {
  // expected-note @below {{the first weight of that name}}
  %0 = vit.weight "w" : tensor<8x4xf32>
  // expected-error @below {{'vit.weight' op expected one shape of "w" in the file, but got 4x8 after 8x4}}
  %1 = vit.weight "w" : tensor<4x8xf32>
  return
}

// -----

// Whichever name it is, and seen from the shape that the file has.
func.func @weight_c4_aliases(%x: tensor<?x4xf32>) {
  %y = vit.relu %x : tensor<?x4xf32> -> tensor<?x4xf32>
  // expected-note @below {{the first weight of that name}}
  %0 = vit.weight "a" aliases ["w"] : tensor<8x4xf32>
  %1 = vit.weight "b" transposed ["w"] : tensor<4x8xf32>
  %2 = vit.weight "c" aliases ["w"] file_shape [8, 4] : tensor<32xf32>
  // expected-error @below {{'vit.weight' op expected one shape of "w" in the file, but got 1x8x4 after 8x4}}
  %3 = vit.weight "w" file_shape [1, 8, 4] : tensor<8x4xf32>
  return
}

// -----

func.func @weight_zero() {
  // expected-error @below {{result #0 must be static tensor (no size 0, 2^40 elements at most) of f16, bf16, tf32 or f32 values, but got 'tensor<8x0xf32>'}}
  %0 = vit.weight "w" : tensor<8x0xf32>
  return
}

// -----

func.func @weight_large() {
  // expected-error @below {{result #0 must be static tensor (no size 0, 2^40 elements at most)}}
  %0 = vit.weight "w" : tensor<1048576x1048577xf32>
  return
}
