// Items that add to columns of their own, in parts of the rows, and narrow the
// sums behind; the index is a symbolic number of rows.
func.func @main(%x: tensor<?x5xf16, #lazy.dims<["N"], [6]>> {lazy.name = "x"}, %i: tensor<?xi64, #lazy.dims<["N"], [6]>> {lazy.name = "i"})
    -> (tensor<7x5xf16> {lazy.name = "y"}) {
  %y = lazy.scatter %x, %i, 0 : tensor<?x5xf16, #lazy.dims<["N"], [6]>>, tensor<?xi64, #lazy.dims<["N"], [6]>> -> tensor<7x5xf16>
  return %y : tensor<7x5xf16>
}
