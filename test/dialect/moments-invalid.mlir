// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @moments_c1(%x: tensor<?x17x96xf16>) {
  // expected-error @below {{'vit.moments' op expected groups of equally many columns of 96, but got groups of 36}}
  %0 = vit.moments %x group 36 : tensor<?x17x96xf16> -> tensor<?x17x6xf32>
  return
}

// -----

func.func @moments_c1_none(%x: tensor<?x17x96xf16>) {
  // expected-error @below {{'vit.moments' op expected groups of equally many columns of 96, but got groups of 0}}
  %0 = vit.moments %x group 0 : tensor<?x17x96xf16> -> tensor<?x17x6xf32>
  return
}

// -----

func.func @moments_c2(%x: tensor<?x17x96xf16>) {
  // expected-error @below {{'vit.moments' op expected a result of shape ?x17x6, but got ?x17x3}}
  %0 = vit.moments %x group 32 : tensor<?x17x96xf16> -> tensor<?x17x3xf32>
  return
}

// -----

func.func @moments_c2_type(%x: tensor<?x17x96xf16>) {
  // expected-error @below {{'vit.moments' op expected a result of element type 'f32', but got 'f16'}}
  %0 = vit.moments %x group 32 : tensor<?x17x96xf16> -> tensor<?x17x6xf16>
  return
}
