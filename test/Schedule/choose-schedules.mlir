// RUN: nacre-opt -form-kernels -plan-memory -choose-schedules -verify-schedule -split-input-file %s | FileCheck %s

// Contiguous loops run as one, in the machine's lanes.
func.func @main(%x: tensor<3x7xf32>) -> tensor<3x7xf32> {
  %0 = lazy.neg %x : tensor<3x7xf32>
  return %0 : tensor<3x7xf32>
}
// CHECK: module attributes {lazy.arena_bytes = 0 : i64} {
// CHECK-NEXT: func.func @main(%arg0: tensor<3x7xf32>) -> tensor<3x7xf32> {
// CHECK-NEXT: %0 = lazy.kernel "neg" (%arg1 = %arg0 : tensor<3x7xf32>) -> (tensor<3x7xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [7, 1]>], result_places = [#lazy.place<"output", 0, 0, [7, 1]>], schedule = {extents = array<i64: 1, 21>, grain = 4096 : i64, kind = "map", lane = 1 : i64, lanes = 4 : i64, loops = array<i64: 1>, prefix = 0 : i64}} {
// CHECK-NEXT: %1 = lazy.neg %arg1 : tensor<3x7xf32>
// CHECK-NEXT: lazy.yield %1 : tensor<3x7xf32>
// CHECK-NEXT: }
// CHECK-NEXT: return %0 : tensor<3x7xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// A contraction with constant right side is packed.
func.func @main(%x: tensor<5x13xf32>) -> tensor<5x8xf32> {
  %w = lazy.weight "w" : tensor<13x8xf32>
  %0 = lazy.contract %x, %w, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<5x13xf32>, tensor<13x8xf32> -> tensor<5x8xf32>
  return %0 : tensor<5x8xf32>
}
// CHECK: #map = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-NEXT: #map1 = affine_map<(d0, d1, d2) -> (d2, d1)>
// CHECK-NEXT: #map2 = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-NEXT: module attributes {lazy.arena_bytes = 0 : i64} {
// CHECK-NEXT: func.func @main(%arg0: tensor<5x13xf32>) -> tensor<5x8xf32> {
// CHECK-NEXT: %0 = lazy.weight "w" {lazy.slot = 0 : i64} : tensor<13x8xf32>
// CHECK-NEXT: %1 = lazy.kernel "contract" (%arg1 = %0 : tensor<13x8xf32>, %arg2 = %arg0 : tensor<5x13xf32>) -> (tensor<5x8xf32>) attributes {operand_places = [#lazy.place<"weights", 0, 0, [8, 1]>, #lazy.place<"input", 0, 0, [13, 1]>], result_places = [#lazy.place<"output", 0, 0, [8, 1]>], schedule = {ahead = 0 : i64, chunk_r = 1 : i64, chunk_t = 5 : i64, extents = array<i64: 5, 8, 13>, k_loops = array<i64: 2>, k_order = array<i64: 2>, kind = "contract", lane = 1 : i64, lanes = 4 : i64, lanes_operand = 1 : i64, loops = array<i64>, packed = 1 : i64, row = -1 : i64, staged = 0 : i64, tile = 0 : i64, tile_m = 5 : i64, tile_n = 2 : i64}} {
// CHECK-NEXT: %2 = lazy.contract %arg2, %arg1, [#map, #map1, #map2] : tensor<5x13xf32>, tensor<13x8xf32> -> tensor<5x8xf32>
// CHECK-NEXT: lazy.yield %2 : tensor<5x8xf32>
// CHECK-NEXT: }
// CHECK-NEXT: return %1 : tensor<5x8xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// Rows are tasks; the reduction is inside one.
func.func @main(%x: tensor<3x7xf32>) -> tensor<3xf32> {
  %0 = lazy.reduce add, %x, [1] : tensor<3x7xf32> -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
// CHECK: module attributes {lazy.arena_bytes = 0 : i64} {
// CHECK-NEXT: func.func @main(%arg0: tensor<3x7xf32>) -> tensor<3xf32> {
// CHECK-NEXT: %0 = lazy.kernel "reduce" (%arg1 = %arg0 : tensor<3x7xf32>) -> (tensor<3xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [7, 1]>], result_places = [#lazy.place<"output", 0, 0, [1]>], schedule = {extents = array<i64: 3>, grain = 4096 : i64, kind = "map", lane = -1 : i64, lanes = 4 : i64, loops = array<i64: 0>, prefix = 0 : i64}} {
// CHECK-NEXT: %1 = lazy.reduce add, %arg1, [1] : tensor<3x7xf32> -> tensor<3xf32>
// CHECK-NEXT: lazy.yield %1 : tensor<3xf32>
// CHECK-NEXT: }
// CHECK-NEXT: return %0 : tensor<3xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// Tasks of a scatter own rows of the result; the lanes lie along them.
func.func @main(%x: tensor<2x1000x64xf32>, %i: tensor<1000xi64>) -> tensor<2x4000x64xf32> {
  %0 = lazy.scatter %x, %i, 1 : tensor<2x1000x64xf32>, tensor<1000xi64> -> tensor<2x4000x64xf32>
  return %0 : tensor<2x4000x64xf32>
}
// CHECK: module attributes {lazy.arena_bytes = 0 : i64} {
// CHECK-NEXT: func.func @main(%arg0: tensor<2x1000x64xf32>, %arg1: tensor<1000xi64>) -> tensor<2x4000x64xf32> {
// CHECK-NEXT: %0 = lazy.kernel "scatter" (%arg2 = %arg1 : tensor<1000xi64>, %arg3 = %arg0 : tensor<2x1000x64xf32>) -> (tensor<2x4000x64xf32>) attributes {operand_places = [#lazy.place<"input", 1, 0, [1]>, #lazy.place<"input", 0, 0, [64000, 64, 1]>], result_places = [#lazy.place<"output", 0, 0, [256000, 64, 1]>], schedule = {block_columns = 64 : i64, block_rows = 125 : i64, extents = array<i64: 2, 4000, 64>, inner = array<i64: 2>, kind = "scatter", lane = 2 : i64, lanes = 4 : i64, loops = array<i64: 0>}} {
// CHECK-NEXT: %1 = lazy.scatter %arg3, %arg2, 1 : tensor<2x1000x64xf32>, tensor<1000xi64> -> tensor<2x4000x64xf32>
// CHECK-NEXT: lazy.yield %1 : tensor<2x4000x64xf32>
// CHECK-NEXT: }
// CHECK-NEXT: return %0 : tensor<2x4000x64xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// Of few long rows they own columns too.
func.func @main(%x: tensor<64x5000xf32>, %i: tensor<64xi64>) -> tensor<2x5000xf32> {
  %0 = lazy.scatter %x, %i, 0 : tensor<64x5000xf32>, tensor<64xi64> -> tensor<2x5000xf32>
  return %0 : tensor<2x5000xf32>
}
// CHECK: module attributes {lazy.arena_bytes = 0 : i64} {
// CHECK-NEXT: func.func @main(%arg0: tensor<64x5000xf32>, %arg1: tensor<64xi64>) -> tensor<2x5000xf32> {
// CHECK-NEXT: %0 = lazy.kernel "scatter" (%arg2 = %arg1 : tensor<64xi64>, %arg3 = %arg0 : tensor<64x5000xf32>) -> (tensor<2x5000xf32>) attributes {operand_places = [#lazy.place<"input", 1, 0, [1]>, #lazy.place<"input", 0, 0, [5000, 1]>], result_places = [#lazy.place<"output", 0, 0, [5000, 1]>], schedule = {block_columns = 160 : i64, block_rows = 1 : i64, extents = array<i64: 2, 5000>, inner = array<i64: 1>, kind = "scatter", lane = 1 : i64, lanes = 4 : i64, loops = array<i64>}} {
// CHECK-NEXT: %1 = lazy.scatter %arg3, %arg2, 0 : tensor<64x5000xf32>, tensor<64xi64> -> tensor<2x5000xf32>
// CHECK-NEXT: lazy.yield %1 : tensor<2x5000xf32>
// CHECK-NEXT: }
// CHECK-NEXT: return %0 : tensor<2x5000xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// A tail that reads channels last through a reshape would not advance evenly
// along the lane: it reads a copy, and the contraction keeps its lanes.
func.func @main(%c: tensor<4x6x6x3xf32>, %v: tensor<16x3x3x3xf32>, %x: tensor<4x30xf32>, %w: tensor<30x256xf32>) -> tensor<4x256xf32> {
  %0 = lazy.contract %c, %v, [affine_map<(n, h, w, o, i, j, c) -> (n, h + i, w + j, c)>, affine_map<(n, h, w, o, i, j, c) -> (o, i, j, c)>, affine_map<(n, h, w, o, i, j, c) -> (n, o, h, w)>] : tensor<4x6x6x3xf32>, tensor<16x3x3x3xf32> -> tensor<4x16x4x4xf32>
  %1 = lazy.reshape %0 : tensor<4x16x4x4xf32> -> tensor<4x256xf32>
  %2 = lazy.contract %x, %w, [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>] : tensor<4x30xf32>, tensor<30x256xf32> -> tensor<4x256xf32>
  %3 = lazy.div %2, %1 : tensor<4x256xf32>
  return %3 : tensor<4x256xf32>
}
// CHECK: %1 = lazy.kernel "contract" {{.*}}result_places = [#lazy.place<"arena", 0, 0, [256, 1, 64, 16]>]
// CHECK: %2 = lazy.kernel "contract_1_pack" (%arg4 = %1 : tensor<4x16x4x4xf32>)
// CHECK-SAME: result_places = [#lazy.place<"arena", 0, 1024, [256, 16, 4, 1]>]
// CHECK: lazy.kernel "contract_1" (%arg4 = %2 : tensor<4x16x4x4xf32>
// CHECK-SAME: lane = 1 : i64, lanes = 4 : i64

// -----

// The gradient of a convolution's weights: six channels beside those of the
// next position are thirty lanes.
func.func @main(%g: tensor<4x16x10x10xf32>, %x: tensor<4x14x14x6xf32>) -> tensor<16x5x5x6xf32> {
  %0 = lazy.contract %g, %x, [affine_map<(n, o, h, w, c, i, j) -> (n, o, h, w)>, affine_map<(n, o, h, w, c, i, j) -> (n, h + i, w + j, c)>, affine_map<(n, o, h, w, c, i, j) -> (o, i, j, c)>] : tensor<4x16x10x10xf32>, tensor<4x14x14x6xf32> -> tensor<16x5x5x6xf32>
  return %0 : tensor<16x5x5x6xf32>
}
// CHECK: lazy.kernel "contract"
// CHECK-SAME: extents = array<i64: 4, 16, 10, 10, 30, 5, 1>
// CHECK-SAME: lane = 4 : i64
// CHECK-SAME: loops = array<i64: 5>

// -----

// A tail of more than the cache holds is asked for ahead,
func.func @main(%x: tensor<1024x64xf32>, %w: tensor<64x512xf32>, %y: tensor<1024x512xf32>) -> tensor<1024x512xf32> {
  %0 = lazy.contract %x, %w, [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>] : tensor<1024x64xf32>, tensor<64x512xf32> -> tensor<1024x512xf32>
  %1 = lazy.mul %0, %y : tensor<1024x512xf32>
  return %1 : tensor<1024x512xf32>
}
// CHECK: lazy.kernel "contract"
// CHECK-SAME: schedule = {ahead = 1 : i64

// -----

// a small one is not.
func.func @main(%x: tensor<32x64xf32>, %w: tensor<64x512xf32>, %y: tensor<32x512xf32>) -> tensor<32x512xf32> {
  %0 = lazy.contract %x, %w, [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>] : tensor<32x64xf32>, tensor<64x512xf32> -> tensor<32x512xf32>
  %1 = lazy.mul %0, %y : tensor<32x512xf32>
  return %1 : tensor<32x512xf32>
}
// CHECK: lazy.kernel "contract"
// CHECK-SAME: schedule = {ahead = 0 : i64

// -----

// Three channels and positions of a picture fill no vector: the lanes are the
// sixteen channels of the other operand.
func.func @main(%g: tensor<4x16x8x8xf32>, %x: tensor<4x3x10x10xf32>) -> tensor<16x3x3x3xf32> {
  %0 = lazy.contract %g, %x, [affine_map<(n, o, h, w, c, i, j) -> (n, o, h, w)>, affine_map<(n, o, h, w, c, i, j) -> (n, c, h + i, w + j)>, affine_map<(n, o, h, w, c, i, j) -> (o, c, i, j)>] : tensor<4x16x8x8xf32>, tensor<4x3x10x10xf32> -> tensor<16x3x3x3xf32>
  %1 = lazy.neg %0 : tensor<16x3x3x3xf32>
  %2 = lazy.reduce add, %1, [1, 2, 3] : tensor<16x3x3x3xf32> -> tensor<16xf32>
  %3 = lazy.reshape %2 : tensor<16xf32> -> tensor<16x1x1x1xf32>
  %4 = lazy.expand %3 : tensor<16x1x1x1xf32> -> tensor<16x3x3x3xf32>
  %5 = lazy.sub %1, %4 : tensor<16x3x3x3xf32>
  return %5 : tensor<16x3x3x3xf32>
}
// CHECK: lazy.kernel "contract"
// CHECK-SAME: lanes_operand = 0 : i64

// -----

// A gather's index does not vary with the lane, though it is read as a number too.
func.func @main(%x: tensor<6xf32>, %i: tensor<8xi64>) -> tensor<8xf32> {
  %zero = lazy.splat 0 : i64 : tensor<8xi64>
  %none = lazy.splat 0.000000e+00 : f32 : tensor<8xf32>
  %0 = lazy.cmp gt, %i, %zero : tensor<8xi64> -> tensor<8xi1>
  %1 = lazy.gather %x, %i, 0 : tensor<6xf32>, tensor<8xi64> -> tensor<8xf32>
  %2 = lazy.where %0, %1, %none : tensor<8xi1>, tensor<8xf32>
  return %2 : tensor<8xf32>
}
// CHECK: module attributes {lazy.arena_bytes = 0 : i64} {
// CHECK-NEXT: func.func @main(%arg0: tensor<6xf32>, %arg1: tensor<8xi64>) -> tensor<8xf32> {
// CHECK-NEXT: %0 = lazy.kernel "where" (%arg2 = %arg1 : tensor<8xi64>, %arg3 = %arg0 : tensor<6xf32>) -> (tensor<8xf32>) attributes {operand_places = [#lazy.place<"input", 1, 0, [1]>, #lazy.place<"input", 0, 0, [1]>], result_places = [#lazy.place<"output", 0, 0, [1]>], schedule = {extents = array<i64: 8>, grain = 4096 : i64, kind = "map", lane = -1 : i64, lanes = 1 : i64, loops = array<i64: 0>, prefix = 0 : i64}} {
// CHECK-NEXT: %1 = lazy.splat 0 : i64 : tensor<8xi64>
// CHECK-NEXT: %2 = lazy.splat 0.000000e+00 : f32 : tensor<8xf32>
// CHECK-NEXT: %3 = lazy.cmp gt, %arg2, %1 : tensor<8xi64> -> tensor<8xi1>
// CHECK-NEXT: %4 = lazy.gather %arg3, %arg2, 0 : tensor<6xf32>, tensor<8xi64> -> tensor<8xf32>
// CHECK-NEXT: %5 = lazy.where %3, %4, %2 : tensor<8xi1>, tensor<8xf32>
// CHECK-NEXT: lazy.yield %5 : tensor<8xf32>
// CHECK-NEXT: }
// CHECK-NEXT: return %0 : tensor<8xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// One that is counted is made in a kernel of its own, with lanes, before.
func.func @main(%x: tensor<7xf32>, %y: tensor<64xf32>) -> tensor<64xf32> {
  %i = lazy.iota 0 : tensor<64xi64>
  %s = lazy.splat 7 : i64 : tensor<64xi64>
  %0 = lazy.rem %i, %s : tensor<64xi64>
  %1 = lazy.gather %x, %0, 0 : tensor<7xf32>, tensor<64xi64> -> tensor<64xf32>
  %2 = lazy.add %1, %y : tensor<64xf32>
  return %2 : tensor<64xf32>
}
// CHECK: module attributes {lazy.arena_bytes = 512 : i64} {
// CHECK: %0 = lazy.kernel "rem" () -> (tensor<64xi64>)
// CHECK-SAME: lane = 0 : i64, lanes = 2 : i64
// CHECK: %1 = lazy.kernel "add" (
// CHECK-SAME: lane = -1 : i64, lanes = 1 : i64

// -----

// What is read is contiguous along the sum and not along the result: no lane.
func.func @main(%x: tensor<70x64xui8>) -> tensor<70xf32> {
  %0 = lazy.cast %x : tensor<70x64xui8> -> tensor<70x64xf32>
  %1 = lazy.reduce add, %0, [1] : tensor<70x64xf32> -> tensor<70xf32>
  return %1 : tensor<70xf32>
}
// CHECK: module attributes {lazy.arena_bytes = 0 : i64} {
// CHECK-NEXT: func.func @main(%arg0: tensor<70x64xui8>) -> tensor<70xf32> {
// CHECK-NEXT: %0 = lazy.kernel "reduce" (%arg1 = %arg0 : tensor<70x64xui8>) -> (tensor<70xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [64, 1]>], result_places = [#lazy.place<"output", 0, 0, [1]>], schedule = {extents = array<i64: 70>, grain = 64 : i64, kind = "map", lane = -1 : i64, lanes = 4 : i64, loops = array<i64: 0>, prefix = 0 : i64}} {
// CHECK-NEXT: %1 = lazy.cast %arg1 : tensor<70x64xui8> -> tensor<70x64xf32>
// CHECK-NEXT: %2 = lazy.reduce add, %1, [1] : tensor<70x64xf32> -> tensor<70xf32>
// CHECK-NEXT: lazy.yield %2 : tensor<70xf32>
// CHECK-NEXT: }
// CHECK-NEXT: return %0 : tensor<70xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }
