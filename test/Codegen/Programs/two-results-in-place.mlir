// One kernel computes a product and a difference of two values that it reads
// last, and writes both results over them.
func.func @main(%x: tensor<6x40xf32>, %y: tensor<6x40xf32>) -> (tensor<4x40xf32>, tensor<4x40xf32>) {
  %i = lazy.iota 0 : tensor<6xi64>
  %j = lazy.iota 0 : tensor<4xi64>
  %e = lazy.gather %x, %i, 0 : tensor<6x40xf32>, tensor<6xi64> -> tensor<6x40xf32>
  %f = lazy.gather %y, %i, 0 : tensor<6x40xf32>, tensor<6xi64> -> tensor<6x40xf32>
  %p = lazy.mul %e, %f : tensor<6x40xf32>
  %d = lazy.sub %p, %e : tensor<6x40xf32>
  %q = lazy.add %d, %f : tensor<6x40xf32>
  %0 = lazy.gather %p, %j, 0 : tensor<6x40xf32>, tensor<4xi64> -> tensor<4x40xf32>
  %1 = lazy.gather %q, %j, 0 : tensor<6x40xf32>, tensor<4xi64> -> tensor<4x40xf32>
  return %0, %1 : tensor<4x40xf32>, tensor<4x40xf32>
}
