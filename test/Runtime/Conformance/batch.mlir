// y = x + x over a symbolic number of rows, and the sums of the columns of x.
func.func @main(%x: tensor<?x5xf32, #lazy.dims<["N"], [9]>>) -> (tensor<?x5xf32, #lazy.dims<["N"], [9]>>, tensor<5xf32>) {
  %y = lazy.add %x, %x : tensor<?x5xf32, #lazy.dims<["N"], [9]>>
  %s = lazy.reduce add, %x, [0] : tensor<?x5xf32, #lazy.dims<["N"], [9]>> -> tensor<5xf32>
  return %y, %s : tensor<?x5xf32, #lazy.dims<["N"], [9]>>, tensor<5xf32>
}
