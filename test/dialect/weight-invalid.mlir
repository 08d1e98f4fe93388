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
  // expected-error @below {{result #0 must be static tensor of f16, bf16 or f32 values, but got 'tensor<?x4xf32>'}}
  %0 = vit.weight "w" : tensor<?x4xf32>
  return
}
