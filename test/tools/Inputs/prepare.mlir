func.func @forward(%x: tensor<?x6x64xf32> {vit.name = "x"})
    -> (tensor<?x6x64xf32> {vit.name = "y"}, tensor<?x64xf32> {vit.name = "token"}) {
  // Rows of a head regrouped, then scaled in both directions.
  %w = vit.weight "w" : tensor<64x64xf32>
  %split = vit.reshape %w : tensor<64x64xf32> -> tensor<2x2x16x64xf32>
  %turned = vit.permute %split [0, 2, 1, 3] : tensor<2x2x16x64xf32> -> tensor<2x16x2x64xf32>
  %joined = vit.reshape %turned : tensor<2x16x2x64xf32> -> tensor<64x64xf32>
  %g = vit.weight "g" : tensor<64xf32>
  %rows = vit.scale %joined rows %g : tensor<64xf32> by 3.0 : tensor<64x64xf32> -> tensor<64x64xf32>
  %columns = vit.scale %rows columns %g : tensor<64xf32> by 1.0 : tensor<64x64xf32> -> tensor<64x64xf32>
  // More parts than any op of a model has.
  %a = vit.slice %columns rows 48 : tensor<64x64xf32> -> tensor<16x64xf32>
  %b = vit.slice %columns rows 0 : tensor<64x64xf32> -> tensor<16x64xf32>
  %all = vit.concat %a, %b, %a, %columns, %b, %b : (tensor<16x64xf32>, tensor<16x64xf32>, tensor<16x64xf32>, tensor<64x64xf32>, tensor<16x64xf32>, tensor<16x64xf32>) -> tensor<144x64xf32>
  %half = vit.scale %all by 5.0e-01 : tensor<144x64xf32> -> tensor<144x64xf32>
  %h = vit.linear %x, %half : tensor<?x6x64xf32>, tensor<144x64xf32> -> tensor<?x6x144xf32>
  %back = vit.permute %all [1, 0] : tensor<144x64xf32> -> tensor<64x144xf32>
  %y = vit.linear %h, %back : tensor<?x6x144xf32>, tensor<64x144xf32> -> tensor<?x6x64xf32>
  // One row is left of this table.
  %table = vit.weight "table" : tensor<6x64xf32>
  %p = vit.position %x, %table : tensor<?x6x64xf32>, tensor<6x64xf32> -> tensor<?x6x64xf32>
  %token = vit.select %p token 3 : tensor<?x6x64xf32> -> tensor<?x64xf32>
  return %y, %token : tensor<?x6x64xf32>, tensor<?x64xf32>
}
