// RUN: vitc-opt %s --vit-plan-memory=max-batch=4096 --split-input-file --verify-diagnostics
// RUN: not vitc-opt %s --split-input-file --vit-plan-memory=max-batch=0 2>&1 | FileCheck %s --check-prefix=BATCH
// BATCH: error: max-batch must be at least 1, but is 0

vit.kernel @fc1(%x: tensor<?x768xf16>, %w: tensor<3072x768xf16>) -> tensor<?x3072xf16> {
  %y = vit.linear %x, %w : tensor<?x768xf16>, tensor<3072x768xf16> -> tensor<?x3072xf16>
  vit.yield %y : tensor<?x3072xf16>
}
func.func @activation_too_large(%x: tensor<?x197x768xf16>, %w: tensor<3072x768xf16>) -> tensor<?x197x3072xf16> {
  // expected-error @below {{'fc1' has 1210368 bytes per image, 4728 MiB at max-batch 4096; kernels address at most 2047 MiB of one activation, so max-batch can be at most 1774}}
  %y = vit.launch @fc1(%x, %w) : (tensor<?x197x768xf16>, tensor<3072x768xf16>) -> tensor<?x197x3072xf16>
  return %y : tensor<?x197x3072xf16>
}

// -----

// expected-error @below {{input 'pixels' has 602112 bytes per image, 2352 MiB at max-batch 4096; kernels address at most 2047 MiB of one activation, so max-batch can be at most 3566}}
func.func @input_too_large(%x: tensor<?x3x224x224xf32> {vit.name = "pixels"}) {
  return
}

// -----

// expected-error @below {{expected output 'y' as a result of a launch of its own: run vit-form-kernels}}
func.func @output_is_input(%x: tensor<?x32xf32>) -> (tensor<?x32xf32> {vit.name = "y"}) {
  return %x : tensor<?x32xf32>
}

// -----

vit.kernel @relu(%x: tensor<?x32xf16>) -> tensor<?x32xf16> {
  %y = vit.relu %x : tensor<?x32xf16> -> tensor<?x32xf16>
  vit.yield %y : tensor<?x32xf16>
}
// expected-error @below {{expected output '1' as a result of a launch of its own: run vit-form-kernels}}
func.func @output_twice(%x: tensor<?x32xf16>) -> (tensor<?x32xf16>, tensor<?x32xf16>) {
  %a = vit.launch @relu(%x) : (tensor<?x32xf16>) -> tensor<?x32xf16>
  return %a, %a : tensor<?x32xf16>, tensor<?x32xf16>
}

// -----

vit.kernel @relu(%x: tensor<?x32xf16>) -> tensor<?x32xf16> {
  %y = vit.relu %x : tensor<?x32xf16> -> tensor<?x32xf16>
  vit.yield %y : tensor<?x32xf16>
}
func.func @op_between(%x: tensor<?x32xf16>) -> tensor<?x32xf16> {
  %a = vit.launch @relu(%x) : (tensor<?x32xf16>) -> tensor<?x32xf16>
  // expected-error @below {{expected only launches to read activations, but got 'vit.relu': run vit-form-kernels}}
  %b = vit.relu %a : tensor<?x32xf16> -> tensor<?x32xf16>
  %c = vit.launch @relu(%b) : (tensor<?x32xf16>) -> tensor<?x32xf16>
  return %c : tensor<?x32xf16>
}
