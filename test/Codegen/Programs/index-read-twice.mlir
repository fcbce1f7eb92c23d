// An index that the same kernel reads as a number too.
func.func @main(%x: tensor<6xf32>, %i: tensor<16xi64>) -> tensor<16xf32> {
  %zero = lazy.splat 0 : i64 : tensor<16xi64>
  %none = lazy.splat 0.000000e+00 : f32 : tensor<16xf32>
  %0 = lazy.cmp gt, %i, %zero : tensor<16xi64> -> tensor<16xi1>
  %1 = lazy.gather %x, %i, 0 : tensor<6xf32>, tensor<16xi64> -> tensor<16xf32>
  %2 = lazy.where %0, %1, %none : tensor<16xi1>, tensor<16xf32>
  return %2 : tensor<16xf32>
}
