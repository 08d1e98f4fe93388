// RUN: vitc-opt %s -split-input-file -verify-diagnostics

vit.kernel @kernel_c1(%x: tensor<?x8xf32>, %w: tensor<8x8xf32>) -> tensor<?x8xf32> {
  %0 = vit.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  // expected-error @below {{'vit.linear' op expected one root in a kernel, or linears of one input with weights of one type, or a norm and a quantize, but it follows 'vit.linear'}}
  %1 = vit.linear %0, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  vit.yield %1 : tensor<?x8xf32>
}

// -----

vit.kernel @kernel_c1_weights(%x: tensor<?x8xf32>, %w: tensor<8x8xf32>, %v: tensor<16x8xf32>) -> (tensor<?x8xf32>, tensor<?x16xf32>) {
  %0 = vit.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  // expected-error @below {{'vit.linear' op expected one root in a kernel, or linears of one input with weights of one type, or a norm and a quantize, but it follows 'vit.linear'}}
  %1 = vit.linear %x, %v : tensor<?x8xf32>, tensor<16x8xf32> -> tensor<?x16xf32>
  vit.yield %0, %1 : tensor<?x8xf32>, tensor<?x16xf32>
}

// -----

vit.kernel @kernel_c1_kinds(%x: tensor<?x8xf32>, %w: tensor<8x8xf32>, %g: tensor<8xf32>) -> tensor<?x8xf32> {
  %0 = vit.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  // expected-error @below {{'vit.layer_norm' op expected one root in a kernel, or linears of one input with weights of one type, or a norm and a quantize, but it follows 'vit.linear'}}
  %1 = vit.layer_norm %0, %g, %g eps 1.0e-06 : tensor<?x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  vit.yield %1 : tensor<?x8xf32>
}

// -----

// expected-error @below {{'vit.kernel' op expected a vit.yield of the result types 'tensor<?x8xf16>'}}
vit.kernel @kernel_c2(%x: tensor<?x8xf32>) -> tensor<?x8xf16> {
  vit.yield %x : tensor<?x8xf32>
}

// -----

// expected-error @below {{'vit.kernel' op expected a vit.yield of the result types 'tensor<?x8xf32>'}}
vit.kernel @kernel_c2_terminator(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  llvm.unreachable
}

// -----

vit.kernel @kernel_c3(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // expected-error @below {{'arith.constant' op expected an elementwise op or a root in a kernel}}
  %c = arith.constant 1.0 : f32
  vit.yield %x : tensor<?x8xf32>
}

// -----

// expected-error @below {{'vit.kernel' op expected a use of every argument, but argument 1 has none}}
vit.kernel @kernel_c4(%x: tensor<?x8xf32>, %w: tensor<8x8xf32>) -> tensor<?x8xf32> {
  vit.yield %x : tensor<?x8xf32>
}

// -----

// expected-error @below {{'vit.kernel' op region #0 ('body') failed to verify constraint: region with 1 blocks}}
vit.kernel @kernel_body(tensor<?x8xf32>) -> tensor<?x8xf32>

// -----

#schedule = #vit.elementwise_schedule<batch = 1 to 64, elements = 128, warp = 64>
// expected-error @below {{attribute 'schedules' failed to satisfy constraint: schedules}}
vit.kernel @kernel_schedules() attributes {schedules = [#schedule, 3]} {
  vit.yield
}

// -----

// expected-error @below {{expected at least one result, found none}}
vit.kernel @kernel_c5() {
  vit.yield
}
