// RUN: nacre-opt -plan-memory -choose-schedules -group-kernels -verify-schedule -split-input-file %s | FileCheck %s
// Which neighbours run slice by slice, and where they then store what they pass
// on.

// Scores, softmax, product: a slice is rows of one head.
func.func @main(%q: tensor<4x512x32xf32>, %k: tensor<4x32x512xf32>, %v: tensor<4x512x32xf32>) -> tensor<4x512x32xf32> {
  %0 = lazy.kernel "scores" (%a = %q : tensor<4x512x32xf32>, %b = %k : tensor<4x32x512xf32>) -> (tensor<4x512x512xf32>) {
    %1 = lazy.contract %a, %b, [affine_map<(h, i, j, d) -> (h, i, d)>, affine_map<(h, i, j, d) -> (h, d, j)>, affine_map<(h, i, j, d) -> (h, i, j)>] : tensor<4x512x32xf32>, tensor<4x32x512xf32> -> tensor<4x512x512xf32>
    lazy.yield %1 : tensor<4x512x512xf32>
  }
  %2 = lazy.kernel "softmax" (%s = %0 : tensor<4x512x512xf32>) -> (tensor<4x512x512xf32>) {
    %3 = lazy.reduce max, %s, [2] : tensor<4x512x512xf32> -> tensor<4x512xf32>
    %4 = lazy.reshape %3 : tensor<4x512xf32> -> tensor<4x512x1xf32>
    %5 = lazy.expand %4 : tensor<4x512x1xf32> -> tensor<4x512x512xf32>
    %6 = lazy.sub %s, %5 : tensor<4x512x512xf32>
    %7 = lazy.exp %6 : tensor<4x512x512xf32>
    lazy.yield %7 : tensor<4x512x512xf32>
  }
  %8 = lazy.kernel "sums" (%p = %2 : tensor<4x512x512xf32>, %w = %v : tensor<4x512x32xf32>) -> (tensor<4x512x32xf32>) {
    %9 = lazy.contract %p, %w, [affine_map<(h, i, d, j) -> (h, i, j)>, affine_map<(h, i, d, j) -> (h, j, d)>, affine_map<(h, i, d, j) -> (h, i, d)>] : tensor<4x512x512xf32>, tensor<4x512x32xf32> -> tensor<4x512x32xf32>
    lazy.yield %9 : tensor<4x512x32xf32>
  }
  return %8 : tensor<4x512x32xf32>
}
// CHECK: module attributes {lazy.arena_bytes = 3992576 : i64} {
// CHECK: lazy.kernel "scores" {{.*}} attributes {lazy.group = {members = 3 : i64, offset = 0 : i64, points = 60 : i64, slot_bytes = 249536 : i64, slots = 16 : i64}, lazy.slice = array<i64: 0, 1>, operand_places = [#lazy.place<"input", 0, 0, [16384, 32, 1]>, #lazy.place<"input", 1, 0, [16384, 512, 1]>], result_places = [#lazy.place<"slice", 0, 0, [262144, 512, 1]>], schedule = {ahead = 0 : i64, chunk_r = 1 : i64, chunk_t = 60 : i64, {{.*}} tile = 1 : i64, tile_m = 6 : i64,
// CHECK: lazy.kernel "softmax" {{.*}} attributes {lazy.slice = array<i64: 0, 1>, operand_places = [#lazy.place<"slice", 0, 0, [262144, 512, 1]>], result_places = [#lazy.place<"slice", 1, 30720, [270336, 528, 1]>], schedule = {extents = array<i64: 1, 2048, 512>, {{.*}} prefix = 1 : i64}}
// CHECK: lazy.kernel "sums" {{.*}} attributes {lazy.slice = array<i64: 0, 1>, operand_places = [#lazy.place<"slice", 1, 30720, [270336, 528, 1]>, #lazy.place<"input", 2, 0, [16384, 32, 1]>], result_places = [#lazy.place<"output", 0, 0, [16384, 32, 1]>], schedule = {ahead = 0 : i64, chunk_r = 1 : i64, chunk_t = 60 : i64,

// -----

// What is also a result of the program is stored whole; nothing else is worth a
// group.
func.func @main(%q: tensor<4x512x32xf32>, %k: tensor<4x32x512xf32>) -> (tensor<4x512x512xf32>, tensor<4x512x512xf32>) {
  %0 = lazy.kernel "scores" (%a = %q : tensor<4x512x32xf32>, %b = %k : tensor<4x32x512xf32>) -> (tensor<4x512x512xf32>) {
    %1 = lazy.contract %a, %b, [affine_map<(h, i, j, d) -> (h, i, d)>, affine_map<(h, i, j, d) -> (h, d, j)>, affine_map<(h, i, j, d) -> (h, i, j)>] : tensor<4x512x32xf32>, tensor<4x32x512xf32> -> tensor<4x512x512xf32>
    lazy.yield %1 : tensor<4x512x512xf32>
  }
  %2 = lazy.kernel "exp" (%s = %0 : tensor<4x512x512xf32>) -> (tensor<4x512x512xf32>) {
    %3 = lazy.exp %s : tensor<4x512x512xf32>
    lazy.yield %3 : tensor<4x512x512xf32>
  }
  return %0, %2 : tensor<4x512x512xf32>, tensor<4x512x512xf32>
}
// CHECK: module attributes {lazy.arena_bytes = 0 : i64} {
// CHECK-NOT: lazy.slice

// -----

// The second kernel needs whole planes, so the rows of a plane are not cut. The
// first one runs planes and rows as one loop.
func.func @main(%x: tensor<64x64x512xf32>) -> tensor<64x64x512xf32> {
  %2 = lazy.kernel "rows" (%s = %x : tensor<64x64x512xf32>) -> (tensor<64x64x512xf32>) {
    %3 = lazy.reduce max, %s, [2] : tensor<64x64x512xf32> -> tensor<64x64xf32>
    %4 = lazy.reshape %3 : tensor<64x64xf32> -> tensor<64x64x1xf32>
    %5 = lazy.expand %4 : tensor<64x64x1xf32> -> tensor<64x64x512xf32>
    %6 = lazy.sub %s, %5 : tensor<64x64x512xf32>
    lazy.yield %6 : tensor<64x64x512xf32>
  }
  %8 = lazy.kernel "planes" (%s = %2 : tensor<64x64x512xf32>) -> (tensor<64x64x512xf32>) {
    %3 = lazy.reduce max, %s, [1, 2] : tensor<64x64x512xf32> -> tensor<64xf32>
    %4 = lazy.reshape %3 : tensor<64xf32> -> tensor<64x1x1xf32>
    %5 = lazy.expand %4 : tensor<64x1x1xf32> -> tensor<64x64x512xf32>
    %6 = lazy.sub %s, %5 : tensor<64x64x512xf32>
    lazy.yield %6 : tensor<64x64x512xf32>
  }
  return %8 : tensor<64x64x512xf32>
}
// CHECK: module attributes {lazy.arena_bytes = 4194304 : i64} {
// CHECK: lazy.kernel "rows" {{.*}} attributes {lazy.group = {members = 2 : i64, offset = 0 : i64, points = 2 : i64, slot_bytes = 262144 : i64, slots = 16 : i64}, lazy.slice = array<i64: 0>, {{.*}}result_places = [#lazy.place<"slice", 0, 0, [32768, 512, 1]>], schedule = {extents = array<i64: 1, 4096, 512>,
// CHECK: lazy.kernel "planes" {{.*}} attributes {lazy.slice = array<i64: 0>, operand_places = [#lazy.place<"slice", 0, 0, [32768, 512, 1]>],

// -----

// A transposed reader: its rows are the columns of what it reads.
func.func @main(%x: tensor<1024x1024xf32>) -> tensor<1024x1024xf32> {
  %2 = lazy.kernel "rows" (%s = %x : tensor<1024x1024xf32>) -> (tensor<1024x1024xf32>) {
    %3 = lazy.reduce max, %s, [1] : tensor<1024x1024xf32> -> tensor<1024xf32>
    %4 = lazy.reshape %3 : tensor<1024xf32> -> tensor<1024x1xf32>
    %5 = lazy.expand %4 : tensor<1024x1xf32> -> tensor<1024x1024xf32>
    %6 = lazy.sub %s, %5 : tensor<1024x1024xf32>
    lazy.yield %6 : tensor<1024x1024xf32>
  }
  %8 = lazy.kernel "transposed" (%s = %2 : tensor<1024x1024xf32>) -> (tensor<1024x1024xf32>) {
    %1 = lazy.permute %s, [1, 0] : tensor<1024x1024xf32> -> tensor<1024x1024xf32>
    %3 = lazy.reduce max, %1, [1] : tensor<1024x1024xf32> -> tensor<1024xf32>
    %4 = lazy.reshape %3 : tensor<1024xf32> -> tensor<1024x1xf32>
    %5 = lazy.expand %4 : tensor<1024x1xf32> -> tensor<1024x1024xf32>
    %6 = lazy.sub %1, %5 : tensor<1024x1024xf32>
    lazy.yield %6 : tensor<1024x1024xf32>
  }
  return %8 : tensor<1024x1024xf32>
}
// CHECK: module attributes {lazy.arena_bytes = 4194304 : i64} {
// CHECK-NOT: lazy.slice
