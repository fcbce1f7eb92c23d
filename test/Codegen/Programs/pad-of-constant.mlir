// The padded value is constant: nothing is read, and still the loops over the
// padded axes must not be fused.
func.func @main(%x: tensor<16x1xf32>) -> (tensor<19x2xf32>, tensor<16x1xf32>) {
  %five = lazy.splat 5.0 : f32 : tensor<16x1xf32>
  %p = lazy.pad %five, [1, 0], [2, 1], 1.0 : f32 : tensor<16x1xf32> -> tensor<19x2xf32>
  %y = lazy.add %x, %five : tensor<16x1xf32>
  return %p, %y : tensor<19x2xf32>, tensor<16x1xf32>
}
