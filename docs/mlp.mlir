func.func @mlp(%x: tensor<?x197x768xf32> {vit.name = "x"}) -> (tensor<?x197x3072xf32> {vit.name = "y"}) {
  %w = vit.weight "fc1.weight" : tensor<3072x768xf32>
  %b = vit.weight "fc1.bias" : tensor<3072xf32>
  %0 = vit.linear %x, %w : tensor<?x197x768xf32>, tensor<3072x768xf32> -> tensor<?x197x3072xf32> loc("fc1")
  %1 = vit.bias_add %0, %b : tensor<?x197x3072xf32>, tensor<3072xf32> -> tensor<?x197x3072xf32> loc("fc1")
  %2 = vit.gelu erf %1 : tensor<?x197x3072xf32> -> tensor<?x197x3072xf32> loc("gelu")
  return %2 : tensor<?x197x3072xf32>
}
