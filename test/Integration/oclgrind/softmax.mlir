// Softmax of rows that are longer than a group.
func.func @main(%x: tensor<3x133xf32> {lazy.name = "x"}) -> (tensor<3x133xf32> {lazy.name = "y"}) {
  %m = lazy.reduce max, %x, [1] : tensor<3x133xf32> -> tensor<3xf32>
  %mr = lazy.reshape %m : tensor<3xf32> -> tensor<3x1xf32>
  %me = lazy.expand %mr : tensor<3x1xf32> -> tensor<3x133xf32>
  %d = lazy.sub %x, %me : tensor<3x133xf32>
  %e = lazy.exp %d : tensor<3x133xf32>
  %s = lazy.reduce add, %e, [1] : tensor<3x133xf32> -> tensor<3xf32>
  %sr = lazy.reshape %s : tensor<3xf32> -> tensor<3x1xf32>
  %se = lazy.expand %sr : tensor<3x1xf32> -> tensor<3x133xf32>
  %y = lazy.div %e, %se : tensor<3x133xf32>
  return %y : tensor<3x133xf32>
}
