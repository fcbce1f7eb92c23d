func.func @main(%x: tensor<11xf32> {lazy.name = "x", lazy.gradient}, %g: tensor<3x3xf32> {lazy.name = "g"}) -> (tensor<f32> {lazy.name = "y"}) {
  %w = lazy.window %x, axes [0] sizes [3] strides [3] dilations [2] : tensor<11xf32> -> tensor<3x3xf32>
  %m = lazy.mul %w, %g : tensor<3x3xf32>
  %y = lazy.reduce add, %m, [0,1] : tensor<3x3xf32> -> tensor<f32>
  return %y : tensor<f32>
}
