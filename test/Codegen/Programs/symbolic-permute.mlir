// A symbolic extent that is not the leading one: dense in the extents of the run.
func.func @main(%x: tensor<?x5x17xf32, #lazy.dims<["N"], [9]>>) -> tensor<5x?x17xf32, #lazy.dims<["N"], [9]>> {
  %n = lazy.neg %x : tensor<?x5x17xf32, #lazy.dims<["N"], [9]>>
  %0 = lazy.permute %n, [1, 0, 2] : tensor<?x5x17xf32, #lazy.dims<["N"], [9]>> -> tensor<5x?x17xf32, #lazy.dims<["N"], [9]>>
  return %0 : tensor<5x?x17xf32, #lazy.dims<["N"], [9]>>
}
