// A long sum of few results, shared by the items of a group.
func.func @main(%x: tensor<1x517xf32> {lazy.name = "x"}, %w: tensor<5x517xf32> {lazy.name = "w"}) -> (tensor<1x5xf32> {lazy.name = "y"}) {
  %y = lazy.contract %x, %w, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<1x517xf32>, tensor<5x517xf32> -> tensor<1x5xf32>
  return %y : tensor<1x5xf32>
}
