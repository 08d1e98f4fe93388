// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @prepare() -> tensor<2xf32> {
  %0 = vit.weight "w" : tensor<2xf32>
  return %0 : tensor<2xf32>
}
func.func @prepared_c1() {
  // expected-error @below {{'vit.prepared' op expected a function @prepare with more than 1 results, but got 1}}
  %0 = vit.prepared 1 : tensor<2xf32>
  return
}

// -----

func.func @prepare() -> tensor<2xf32> {
  %0 = vit.weight "w" : tensor<2xf32>
  return %0 : tensor<2xf32>
}
func.func @prepared_c1_negative() {
  // expected-error @below {{'vit.prepared' op expected a function @prepare with more than -1 results, but got 1}}
  %0 = vit.prepared -1 : tensor<2xf32>
  return
}

// -----

func.func @prepared_c1_no_function() {
  // expected-error @below {{'vit.prepared' op expected a function @prepare with more than 0 results, but got 0}}
  %0 = vit.prepared 0 : tensor<2xf32>
  return
}

// -----

func.func @prepare() -> tensor<2xf32> {
  %0 = vit.weight "w" : tensor<2xf32>
  return %0 : tensor<2xf32>
}
func.func @prepared_c2() {
  // expected-error @below {{'vit.prepared' op expected type 'tensor<2xf32>', as result 0 of @prepare, but got 'tensor<2xf16>'}}
  %0 = vit.prepared 0 : tensor<2xf16>
  return
}
