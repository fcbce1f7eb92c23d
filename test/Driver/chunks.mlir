// Rows of which not all fit a part of the second cache go in chunks of about
// the same length. 64 rows of 2,048 numbers fit; 132 go in three chunks, not
// in two of 64 and one of four.
// RUN: nacre compile %s --triple x86_64-linux-gnu --cpu sapphirerapids --emit schedule -o %t
// RUN: FileCheck %s --input-file=%t
// RUN: sed 's/tensor<128x/tensor<132x/g' %s > %t.132.mlir
// RUN: nacre compile %t.132.mlir --triple x86_64-linux-gnu --cpu sapphirerapids --emit schedule -o %t.132
// RUN: FileCheck %s --input-file=%t.132 --check-prefix=ROWS132
// CHECK: chunk_t = 64 : i64
// CHECK-SAME: tile_m = 8 : i64, tile_n = 3 : i64
// ROWS132: chunk_t = 45 : i64
// ROWS132-SAME: tile_m = 9 : i64, tile_n = 3 : i64
func.func @main(%x: tensor<128x2048xf32>) -> tensor<128x768xf32> {
  %i = lazy.iota 0 : tensor<2048x768xi32>
  %w = lazy.cast %i : tensor<2048x768xi32> -> tensor<2048x768xf32>
  %0 = lazy.contract %x, %w, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<128x2048xf32>, tensor<2048x768xf32> -> tensor<128x768xf32>
  return %0 : tensor<128x768xf32>
}
