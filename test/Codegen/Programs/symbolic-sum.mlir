// A sum over the symbolic extent runs to its value, not to its bound.
func.func @main(%x: tensor<?x5x17xf32, #lazy.dims<["N"], [9]>>) -> tensor<5x17xf32> {
  %0 = lazy.reduce add, %x, [0] : tensor<?x5x17xf32, #lazy.dims<["N"], [9]>> -> tensor<5x17xf32>
  return %0 : tensor<5x17xf32>
}
