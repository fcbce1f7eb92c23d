// Bytes at odd places: rows of five of an i8 table, and a status. Then a sum
// over the rows, a symbolic number of them.
func.func @main(%t: tensor<7x5xi8> {lazy.name = "t"}, %i: tensor<?xi64, #lazy.dims<["N"], [6]>> {lazy.name = "i"}, %x: tensor<?x5xf32, #lazy.dims<["N"], [6]>> {lazy.name = "x"})
    -> (tensor<?x5xi8, #lazy.dims<["N"], [6]>> {lazy.name = "y"}, tensor<5xf32> {lazy.name = "s"}) {
  %y = lazy.gather %t, %i, 0 : tensor<7x5xi8>, tensor<?xi64, #lazy.dims<["N"], [6]>> -> tensor<?x5xi8, #lazy.dims<["N"], [6]>>
  %s = lazy.reduce add, %x, [0] : tensor<?x5xf32, #lazy.dims<["N"], [6]>> -> tensor<5xf32>
  return %y, %s : tensor<?x5xi8, #lazy.dims<["N"], [6]>>, tensor<5xf32>
}
