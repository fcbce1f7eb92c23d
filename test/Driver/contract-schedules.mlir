// Lanes over a window's positions and channels (30 of them, so that the last
// vector is a part), a tail through a reshape of channels last, points that no
// tile divides: right as scheduled, and when tails are asked for ahead.
// RUN: rm -rf %t && mkdir %t
// RUN: nacre compile %s --emit schedule -o %t/a.mlir
// RUN: nacre verify %t/a.mlir --from schedule 2>&1 | FileCheck %s
// RUN: FileCheck %s --check-prefix=CHOSEN --input-file=%t/a.mlir
// RUN: sed 's/ahead = 0/ahead = 1/' %t/a.mlir > %t/b.mlir
// RUN: nacre verify %t/b.mlir --from schedule 2>&1 | FileCheck %s
// RUN: sed -E 's/ahead = 0/ahead = 1/; s/tile_m = [0-9]+/tile_m = 3/' %t/a.mlir > %t/c.mlir
// RUN: nacre verify %t/c.mlir --from schedule 2>&1 | FileCheck %s
// CHOSEN: extents = array<i64: 4, 16, 10, 10, 30, 5, 1>
// CHECK: ok compiled against reference output 'output0' f32 [16, 5, 5, 6]
// CHECK: ok compiled against reference output 'output1' f32 [7, 256]
func.func @main(%g: tensor<4x16x10x10xf32>, %x: tensor<4x14x14x6xf32>, %c: tensor<7x6x6x3xf32>, %v: tensor<16x3x3x3xf32>, %y: tensor<7x30xf32>, %w: tensor<30x256xf32>) -> (tensor<16x5x5x6xf32>, tensor<7x256xf32>) {
  %0 = lazy.contract %g, %x, [affine_map<(n, o, h, w, c, i, j) -> (n, o, h, w)>, affine_map<(n, o, h, w, c, i, j) -> (n, h + i, w + j, c)>, affine_map<(n, o, h, w, c, i, j) -> (o, i, j, c)>] : tensor<4x16x10x10xf32>, tensor<4x14x14x6xf32> -> tensor<16x5x5x6xf32>
  %1 = lazy.contract %c, %v, [affine_map<(n, h, w, o, i, j, c) -> (n, h + i, w + j, c)>, affine_map<(n, h, w, o, i, j, c) -> (o, i, j, c)>, affine_map<(n, h, w, o, i, j, c) -> (n, o, h, w)>] : tensor<7x6x6x3xf32>, tensor<16x3x3x3xf32> -> tensor<7x16x4x4xf32>
  %2 = lazy.reshape %1 : tensor<7x16x4x4xf32> -> tensor<7x256xf32>
  %3 = lazy.contract %y, %w, [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>] : tensor<7x30xf32>, tensor<30x256xf32> -> tensor<7x256xf32>
  %4 = lazy.sub %3, %2 : tensor<7x256xf32>
  return %0, %4 : tensor<16x5x5x6xf32>, tensor<7x256xf32>
}
