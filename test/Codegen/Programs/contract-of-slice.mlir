// The slice must not be absorbed: dimension k would span 2 and 5.
#a = affine_map<(m, n, k) -> (m, k)>
#b = affine_map<(m, n, k) -> (k, n)>
#c = affine_map<(m, n, k) -> (m, n)>
func.func @main(%x: tensor<3x5xf32>, %w: tensor<5x4xf32>) -> tensor<3x4xf32> {
  %s = lazy.slice %x, [0, 0], [1, 1] : tensor<3x5xf32> -> tensor<3x2xf32>
  %v = lazy.slice %w, [1, 0], [1, 1] : tensor<5x4xf32> -> tensor<2x4xf32>
  %y = lazy.contract %s, %v, [#a, #b, #c] : tensor<3x2xf32>, tensor<2x4xf32> -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}
