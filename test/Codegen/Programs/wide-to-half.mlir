// Small 64-bit integers to 16-bit floats.
func.func @main(%x: tensor<67xi64>) -> tensor<67xf16> {
  %4 = lazy.cast %x : tensor<67xi64> -> tensor<67xf16>
  return %4 : tensor<67xf16>
}
