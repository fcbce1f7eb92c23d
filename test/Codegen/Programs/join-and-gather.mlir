// A value joined in place and, in the same kernel, one that a gather reads.
func.func @main(%x: tensor<4xf32>, %y: tensor<4xf32>, %z: tensor<2xf32>, %i: tensor<2xi64>) -> (tensor<6xf32>, tensor<2xf32>) {
  %0 = lazy.sqrt %x : tensor<4xf32>
  %3 = lazy.min %0, %y : tensor<4xf32>
  %4 = lazy.abs %3 : tensor<4xf32>
  %5 = lazy.gather %4, %i, 0 : tensor<4xf32>, tensor<2xi64> -> tensor<2xf32>
  %1 = lazy.concat %0, %z axis 0 : (tensor<4xf32>, tensor<2xf32>) -> tensor<6xf32>
  return %1, %5 : tensor<6xf32>, tensor<2xf32>
}
