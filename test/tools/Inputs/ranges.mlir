// Rows of 128 through a product, with other schedules for batches 1 and 2 than for more, and with
// alternatives that ptxas may make necessary.
#fast = #vit.gemm_schedule<batch = 1 to 2, tile = [32, 32, 64], warp = [16, 16], stages = 2>
#even = #vit.gemm_schedule<batch = 1 to 2, tile = [64, 64, 32], warp = [32, 32], stages = 2>
#last = #vit.gemm_schedule<batch = 1 to 2, tile = [32, 32, 32], warp = [16, 16], stages = 2>
#more = #vit.gemm_schedule<batch = 3 to 16, tile = [64, 64, 32], warp = [32, 32], stages = 2>
#less = #vit.gemm_schedule<batch = 3 to 16, tile = [32, 32, 32], warp = [16, 16], stages = 2>
vit.kernel @cast(%x: tensor<?x6x128xf32>) -> tensor<?x6x128xf16>
    attributes {schedules = [#vit.elementwise_schedule<batch = 1 to 16, elements = 1024, warp = 256>]} {
  %0 = vit.cast %x : tensor<?x6x128xf32> -> tensor<?x6x128xf16>
  vit.yield %0 : tensor<?x6x128xf16>
}
vit.kernel @fc(%x: tensor<?x128xf16>, %w: tensor<48x128xf16>, %b: tensor<48xf32>) -> tensor<?x48xf32>
    attributes {schedules = [#fast, #even, #last, #more, #less]} {
  %0 = vit.linear %x, %w : tensor<?x128xf16>, tensor<48x128xf16> -> tensor<?x48xf32>
  %1 = vit.bias_add %0, %b : tensor<?x48xf32>, tensor<48xf32> -> tensor<?x48xf32>
  vit.yield %1 : tensor<?x48xf32>
}
func.func @prepare() -> (tensor<48x128xf16>, tensor<48xf32>) {
  %0 = vit.weight "fc.weight" : tensor<48x128xf32>
  %1 = vit.cast %0 : tensor<48x128xf32> -> tensor<48x128xf16>
  %2 = vit.weight "fc.bias" : tensor<48xf32>
  return %1, %2 : tensor<48x128xf16>, tensor<48xf32>
}
func.func @model(%x: tensor<?x6x128xf32> {vit.name = "pixel_values"}) -> (tensor<?x6x48xf32> {vit.name = "y"}) {
  %0 = vit.launch @cast(%x) places [0] : (tensor<?x6x128xf32>) -> tensor<?x6x128xf16>
  %w = vit.prepared 0 : tensor<48x128xf16>
  %b = vit.prepared 1 : tensor<48xf32>
  %1 = vit.launch @fc(%0, %w, %b) places [-1] : (tensor<?x6x128xf16>, tensor<48x128xf16>, tensor<48xf32>) -> tensor<?x6x48xf32>
  return %1 : tensor<?x6x48xf32>
}
