// Rows less their mean, by their deviation.
func.func @main(%x: tensor<2x70xf32> {lazy.name = "x"}) -> (tensor<2x70xf32> {lazy.name = "y"}) {
  %n = lazy.splat 7.000000e+01 : f32 : tensor<2x1xf32>
  %s = lazy.reduce add, %x, [1] : tensor<2x70xf32> -> tensor<2xf32>
  %sr = lazy.reshape %s : tensor<2xf32> -> tensor<2x1xf32>
  %mean = lazy.div %sr, %n : tensor<2x1xf32>
  %me = lazy.expand %mean : tensor<2x1xf32> -> tensor<2x70xf32>
  %d = lazy.sub %x, %me : tensor<2x70xf32>
  %q = lazy.mul %d, %d : tensor<2x70xf32>
  %v = lazy.reduce add, %q, [1] : tensor<2x70xf32> -> tensor<2xf32>
  %vr = lazy.reshape %v : tensor<2xf32> -> tensor<2x1xf32>
  %var = lazy.div %vr, %n : tensor<2x1xf32>
  %dev = lazy.sqrt %var : tensor<2x1xf32>
  %de = lazy.expand %dev : tensor<2x1xf32> -> tensor<2x70xf32>
  %y = lazy.div %d, %de : tensor<2x70xf32>
  return %y : tensor<2x70xf32>
}
