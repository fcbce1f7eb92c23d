// A truth value that two buffers take: bytes in memory, which have no variables
// in OpenCL C.
func.func @main(%x: tensor<3x2xi32>, %y: tensor<3x2xi32>) -> (tensor<3x2xi1>, tensor<3x2xi1>) {
  %0 = lazy.cmp lt, %x, %y : tensor<3x2xi32> -> tensor<3x2xi1>
  %1 = lazy.not %0 : tensor<3x2xi1>
  %2 = lazy.not %1 : tensor<3x2xi1>
  return %0, %2 : tensor<3x2xi1>, tensor<3x2xi1>
}
