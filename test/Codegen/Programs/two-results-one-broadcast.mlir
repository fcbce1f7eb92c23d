// One kernel, two results; only the second reads an operand that is broadcast,
// so its loops must not be fused.
func.func @main(%x: tensor<3x13xf32>, %b: tensor<1x13xf32>) -> (tensor<6x13xf32>, tensor<6x13xf32>) {
  %a = lazy.neg %x : tensor<3x13xf32>
  %e = lazy.expand %b : tensor<1x13xf32> -> tensor<3x13xf32>
  %c = lazy.add %a, %e : tensor<3x13xf32>
  %p = lazy.concat %a, %c axis 0 : (tensor<3x13xf32>, tensor<3x13xf32>) -> tensor<6x13xf32>
  %q = lazy.concat %c, %a axis 0 : (tensor<3x13xf32>, tensor<3x13xf32>) -> tensor<6x13xf32>
  return %p, %q : tensor<6x13xf32>, tensor<6x13xf32>
}
