// RUN: vitc-opt %s --vit-read-bytes="scale=0.5 deviation=1e-300" --verify-diagnostics

// expected-error @below {{expected a normalisation of channel 0 that f32 holds, but got scale 5.000000e-01, mean 0.000000e+00 and deviation 1.000000e-300}}
func.func @keeps_what_f32_does_not_hold(%x: tensor<?x1x4x4xf32>) -> tensor<?x4x5xf32> {
  %p = vit.patchify %x conv [2, 2] : tensor<?x1x4x4xf32> -> tensor<?x4x4xf32>
  %w = vit.weight "w" : tensor<5x4xf32>
  %y = vit.linear %p, %w : tensor<?x4x4xf32>, tensor<5x4xf32> -> tensor<?x4x5xf32>
  return %y : tensor<?x4x5xf32>
}
