// Two elements of x; an index may be wrong.
func.func @main(%x: tensor<4xf32>, %i: tensor<2xi64>) -> tensor<2xf32> {
  %y = lazy.gather %x, %i, 0 : tensor<4xf32>, tensor<2xi64> -> tensor<2xf32>
  return %y : tensor<2xf32>
}
