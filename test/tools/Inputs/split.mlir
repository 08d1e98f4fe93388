func.func @forward(%x: tensor<?x5x3072xf32> {vit.name = "x"}) -> (tensor<?x5x96xf32> {vit.name = "y"}) {
  %w = vit.weight "fc.weight" : tensor<96x3072xf32>
  %b = vit.weight "fc.bias" : tensor<96xf32>
  %h = vit.linear %x, %w : tensor<?x5x3072xf32>, tensor<96x3072xf32> -> tensor<?x5x96xf32> loc("fc")
  %y = vit.bias_add %h, %b : tensor<?x5x96xf32>, tensor<96xf32> -> tensor<?x5x96xf32> loc("fc")
  return %y : tensor<?x5x96xf32>
}
