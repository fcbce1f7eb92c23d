func.func @main(%x: tensor<11xf32> {lazy.name = "x", lazy.gradient}, %g: tensor<3x4xf32> {lazy.name = "g"}) -> (tensor<f32> {lazy.name = "y"}) {
  %w = lazy.window %x, axes [0] sizes [4] strides [2] dilations [2] : tensor<11xf32> -> tensor<3x4xf32>
  %m = lazy.mul %w, %g : tensor<3x4xf32>
  %y = lazy.reduce add, %m, [0,1] : tensor<3x4xf32> -> tensor<f32>
  return %y : tensor<f32>
}
