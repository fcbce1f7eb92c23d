// A sum that two items of a work-group share, with the border of the padded
// tensor in the same launch: the barrier stood under a condition, and PoCL 3.1
// kept a wrong partial sum across it.
func.func @main(%x: tensor<1x32x6x6xf32>, %w: tensor<3x32x1x1xf32>) -> tensor<1x4x3x3xf32> {
  %0 = lazy.contract %x, %w, [affine_map<(n, o, h, w, c, i, j) -> (n, c, h * 2 + i, w * 2 + j)>, affine_map<(n, o, h, w, c, i, j) -> (o, c, i, j)>, affine_map<(n, o, h, w, c, i, j) -> (n, o, h, w)>] : tensor<1x32x6x6xf32>, tensor<3x32x1x1xf32> -> tensor<1x3x3x3xf32>
  %1 = lazy.pad %0, [0, 0, 1, 1], [0, 0, 1, 1], 0.0 : f32 : tensor<1x3x3x3xf32> -> tensor<1x3x5x5xf32>
  %2 = lazy.splat 1.0 : f32 : tensor<4x3x3x3xf32>
  %3 = lazy.contract %1, %2, [affine_map<(n, o, h, w, c, i, j) -> (n, c, h + i, w + j)>, affine_map<(n, o, h, w, c, i, j) -> (o, c, i, j)>, affine_map<(n, o, h, w, c, i, j) -> (n, o, h, w)>] : tensor<1x3x5x5xf32>, tensor<4x3x3x3xf32> -> tensor<1x4x3x3xf32>
  return %3 : tensor<1x4x3x3xf32>
}
