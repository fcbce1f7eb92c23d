// A contraction whose operands go through local memory, no extent a multiple of
// the block's.
func.func @main(%x: tensor<37x41xf32> {lazy.name = "x"}, %w: tensor<19x41xf32> {lazy.name = "w"}) -> (tensor<37x19xf32> {lazy.name = "y"}) {
  %y = lazy.contract %x, %w, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<37x41xf32>, tensor<19x41xf32> -> tensor<37x19xf32>
  return %y : tensor<37x19xf32>
}
