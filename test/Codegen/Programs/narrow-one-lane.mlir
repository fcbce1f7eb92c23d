// One column past whole vectors, narrowed: a masked truncating store of one lane writes one element, not four bytes.
func.func @main(%x: tensor<9x17xf32>) -> tensor<9x33xi8> {
  %w = lazy.weight "w" : tensor<17x33xf32>
  %2 = lazy.contract %x, %w, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<9x17xf32>, tensor<17x33xf32> -> tensor<9x33xf32>
  %4 = lazy.cast %2 : tensor<9x33xf32> -> tensor<9x33xi8>
  return %4 : tensor<9x33xi8>
}
