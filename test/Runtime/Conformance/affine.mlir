// y = 2 x + w with w[j] = 2 j, and the sums of the rows of y.
func.func @main(%x: tensor<4x3xf32>) -> (tensor<4x3xf32>, tensor<4xf32>) {
  %i = lazy.iota 0 : tensor<3xf32>
  %w = lazy.add %i, %i : tensor<3xf32>
  %r = lazy.reshape %w : tensor<3xf32> -> tensor<1x3xf32>
  %e = lazy.expand %r : tensor<1x3xf32> -> tensor<4x3xf32>
  %d = lazy.add %x, %x : tensor<4x3xf32>
  %y = lazy.add %d, %e : tensor<4x3xf32>
  %s = lazy.reduce add, %y, [1] : tensor<4x3xf32> -> tensor<4xf32>
  return %y, %s : tensor<4x3xf32>, tensor<4xf32>
}
