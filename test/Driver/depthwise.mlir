// Depthwise weights are the lanes' however few their own axes are: the image is
// read as it lies, channels last, and never copied.
// RUN: nacre compile %s --triple x86_64-linux-gnu --cpu sapphirerapids --emit schedule -o %t
// RUN: FileCheck %s --input-file=%t --implicit-check-not=_pack
// CHECK: lazy.kernel "contract" (
// CHECK-SAME: lanes_operand = 1 : i64
func.func @main(%x: tensor<1x64x27x7xf32>) -> tensor<1x64x25x5xf32> {
  %i = lazy.iota 0 : tensor<64x3x3xi32>
  %w = lazy.cast %i : tensor<64x3x3xi32> -> tensor<64x3x3xf32>
  %n = lazy.neg %x : tensor<1x64x27x7xf32>
  %0 = lazy.contract %n, %w, [affine_map<(n, c, y, x, k, l) -> (n, c, y + k, x + l)>, affine_map<(n, c, y, x, k, l) -> (c, k, l)>, affine_map<(n, c, y, x, k, l) -> (n, c, y, x)>] : tensor<1x64x27x7xf32>, tensor<64x3x3xf32> -> tensor<1x64x25x5xf32>
  return %0 : tensor<1x64x25x5xf32>
}
