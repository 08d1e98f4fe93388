// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @rope_table_c1() {
  // expected-error @below {{'vit.rope_table' op expected a grid of two positive sizes, but got [2, 0]}}
  %0 = vit.rope_table grid [2, 0] origin [0.0, 0.0] step [1.0, 1.0] rows [1.0, 0.0] columns [0.0, 1.0] : tensor<6x4xf32>
  return
}

// -----

func.func @rope_table_c1_origin() {
  // expected-error @below {{'vit.rope_table' op expected origin of two finite numbers, but got [0.000000e+00]}}
  %0 = vit.rope_table grid [2, 3] origin [0.0] step [1.0, 1.0] rows [1.0, 0.0] columns [0.0, 1.0] : tensor<6x4xf32>
  return
}

// -----

func.func @rope_table_c1_step() {
  // expected-error @below {{'vit.rope_table' op expected step of two finite numbers, but got [1.000000e+00, INF]}}
  %0 = vit.rope_table grid [2, 3] origin [0.0, 0.0] step [1.0, 0x7FF0000000000000] rows [1.0, 0.0] columns [0.0, 1.0] : tensor<6x4xf32>
  return
}

// -----

func.func @rope_table_c2() {
  // expected-error @below {{'vit.rope_table' op expected rows with a finite number for each pair of the 4 columns of the result, but got [1.000000e+00]}}
  %0 = vit.rope_table grid [2, 3] origin [0.0, 0.0] step [1.0, 1.0] rows [1.0] columns [0.0, 1.0] : tensor<6x4xf32>
  return
}

// -----

func.func @rope_table_c2_odd() {
  // expected-error @below {{'vit.rope_table' op expected rows with a finite number for each pair of the 3 columns of the result, but got [1.000000e+00]}}
  %0 = vit.rope_table grid [2, 3] origin [0.0, 0.0] step [1.0, 1.0] rows [1.0] columns [1.0] : tensor<6x3xf32>
  return
}

// -----

func.func @rope_table_c2_columns() {
  // expected-error @below {{'vit.rope_table' op expected columns with a finite number for each pair of the 4 columns of the result, but got [0.000000e+00, nan]}}
  %0 = vit.rope_table grid [2, 3] origin [0.0, 0.0] step [1.0, 1.0] rows [1.0, 0.0] columns [0.0, 0x7FF8000000000000] : tensor<6x4xf32>
  return
}

// -----

func.func @rope_table_c3() {
  // expected-error @below {{'vit.rope_table' op expected a result with a row for each of 6 tokens behind 1, but got 6x4}}
  %0 = vit.rope_table grid [2, 3] origin [0.0, 0.0] step [1.0, 1.0] rows [1.0, 0.0] columns [0.0, 1.0] lead 1 : tensor<6x4xf32>
  return
}
