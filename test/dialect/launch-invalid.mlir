// RUN: vitc-opt %s -split-input-file -verify-diagnostics

func.func @launch_c1(%x: tensor<?x8xf32>) {
  // expected-error @below {{'vit.launch' op expected a vit.kernel named @relu}}
  %0 = vit.launch @relu(%x) : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func private @relu(tensor<?x8xf32>) -> tensor<?x8xf32>
func.func @launch_c1_function(%x: tensor<?x8xf32>) {
  // expected-error @below {{'vit.launch' op expected a vit.kernel named @relu}}
  %0 = vit.launch @relu(%x) : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return
}

// -----

vit.kernel @relu(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = vit.relu %x : tensor<?x8xf32> -> tensor<?x8xf32>
  vit.yield %0 : tensor<?x8xf32>
}
func.func @launch_c2(%x: tensor<?x9xf32>) {
  // expected-error @below {{'vit.launch' op expected operands and results of '(tensor<?x8xf32>) -> tensor<?x8xf32>', but got '(tensor<?x9xf32>) -> tensor<?x8xf32>'}}
  %0 = vit.launch @relu(%x) : (tensor<?x9xf32>) -> tensor<?x8xf32>
  return
}

// -----

vit.kernel @relu(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = vit.relu %x : tensor<?x8xf32> -> tensor<?x8xf32>
  vit.yield %0 : tensor<?x8xf32>
}
func.func @launch_c2_number(%x: tensor<?x8xf32>) {
  // expected-error @below {{'vit.launch' op expected operands and results of '(tensor<?x8xf32>) -> tensor<?x8xf32>', but got '(tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>'}}
  %0 = vit.launch @relu(%x, %x) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return
}

// -----

vit.kernel @relu(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = vit.relu %x : tensor<?x8xf32> -> tensor<?x8xf32>
  vit.yield %0 : tensor<?x8xf32>
}
func.func @launch_c2_result(%x: tensor<?x17x8xf32>) {
  // expected-error @below {{'vit.launch' op expected operands and results of '(tensor<?x8xf32>) -> tensor<?x8xf32>', but got '(tensor<?x17x8xf32>) -> tensor<?x17x8xf16>'}}
  %0 = vit.launch @relu(%x) : (tensor<?x17x8xf32>) -> tensor<?x17x8xf16>
  return
}

// -----

vit.kernel @relu(%x: tensor<?x17x8xf32>) -> tensor<?x17x8xf32> {
  %0 = vit.relu %x : tensor<?x17x8xf32> -> tensor<?x17x8xf32>
  vit.yield %0 : tensor<?x17x8xf32>
}
func.func @launch_c2_not_collapsed(%x: tensor<?x3x8xf32>) {
  // expected-error @below {{'vit.launch' op expected operands and results of '(tensor<?x17x8xf32>) -> tensor<?x17x8xf32>', but got '(tensor<?x3x8xf32>) -> tensor<?x3x8xf32>'}}
  %0 = vit.launch @relu(%x) : (tensor<?x3x8xf32>) -> tensor<?x3x8xf32>
  return
}

// -----

vit.kernel @relu(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = vit.relu %x : tensor<?x8xf32> -> tensor<?x8xf32>
  vit.yield %0 : tensor<?x8xf32>
}
func.func @launch_c3(%x: tensor<?x8xf32>) {
  // expected-error @below {{'vit.launch' op expected 1 places, one for each result, but got 2}}
  %0 = vit.launch @relu(%x) places [0, 256] : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return
}
