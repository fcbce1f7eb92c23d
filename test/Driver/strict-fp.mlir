// RUN: nacre compile %s --triple x86_64-linux-gnu --cpu x86-64-v3 --emit fuse -o %t 2>/dev/null
// RUN: FileCheck %s --input-file=%t --check-prefix=TILES
// RUN: nacre compile %s --triple x86_64-linux-gnu --cpu x86-64-v3 --strict-fp --emit fuse -o %t 2>/dev/null
// RUN: FileCheck %s --input-file=%t --check-prefix=DIRECT
// RUN: nacre compile %s --target opencl --emit fuse -o %t 2>/dev/null
// RUN: FileCheck %s --input-file=%t --check-prefix=DIRECT
// TILES-COUNT-5: lazy.contract
// DIRECT-COUNT-1: lazy.contract
// DIRECT-NOT: lazy.contract
func.func @main(%x: tensor<1x32x26x26xf32>) -> tensor<1x40x24x24xf32> {
  %i = lazy.iota 0 : tensor<40x32x3x3xf32>
  %w = lazy.sin %i : tensor<40x32x3x3xf32>
  %0 = lazy.contract %x, %w, [affine_map<(n, o, h, v, c, i, j) -> (n, c, h + i, v + j)>, affine_map<(n, o, h, v, c, i, j) -> (o, c, i, j)>, affine_map<(n, o, h, v, c, i, j) -> (n, o, h, v)>] : tensor<1x32x26x26xf32>, tensor<40x32x3x3xf32> -> tensor<1x40x24x24xf32>
  return %0 : tensor<1x40x24x24xf32>
}
