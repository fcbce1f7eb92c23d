// RUN: nacre-opt -winograd -canonicalize-lazy -split-input-file %s | FileCheck %s

// A convolution of 3x3 becomes five contractions: rows of the tiles' inputs by
// B, their columns, products over the channels, rows and columns of the results
// by A. The pad grows to whole tiles, what lies beyond the picture is cut off.
func.func @main(%x: tensor<1x32x22x24xf32>) -> tensor<1x40x22x24xf32> {
  %i = lazy.iota 0 : tensor<40x32x3x3xf32>
  %j = lazy.iota 1 : tensor<40x32x3x3xf32>
  %p = lazy.mul %i, %j : tensor<40x32x3x3xf32>
  %w = lazy.sin %p : tensor<40x32x3x3xf32>
  %0 = lazy.pad %x, [0, 0, 1, 1], [0, 0, 1, 1], 0.0 : f32 : tensor<1x32x22x24xf32> -> tensor<1x32x24x26xf32>
  %1 = lazy.contract %0, %w, [affine_map<(n, o, h, v, c, i, j) -> (n, c, h + i, v + j)>, affine_map<(n, o, h, v, c, i, j) -> (o, c, i, j)>, affine_map<(n, o, h, v, c, i, j) -> (n, o, h, v)>] : tensor<1x32x24x26xf32>, tensor<40x32x3x3xf32> -> tensor<1x40x22x24xf32>
  return %1 : tensor<1x40x22x24xf32>
}
// CHECK: #map = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d5)>
// CHECK-NEXT: #map1 = affine_map<(d0, d1, d2, d3, d4, d5) -> (d1, d4, d2 * 4 + d5, d3)>
// CHECK-NEXT: #map2 = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2, d3, d4)>
// CHECK-NEXT: #map3 = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d6)>
// CHECK-NEXT: #map4 = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d1, d2, d3, d4 * 4 + d6, d5)>
// CHECK-NEXT: #map5 = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d2, d3, d4, d5)>
// CHECK-NEXT: #map6 = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d2, d3, d4, d6)>
// CHECK-NEXT: #map7 = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d1, d0, d6, d5)>
// CHECK-NEXT: #map8 = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d3, d6)>
// CHECK-NEXT: #map9 = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d6, d1, d2, d4, d5)>
// CHECK-NEXT: #map10 = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d4, d6)>
// CHECK-NEXT: #map11 = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d6, d0, d1, d2, d3, d5)>
// CHECK-NEXT: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<1x32x22x24xf32>) -> tensor<1x40x22x24xf32> {
// CHECK-NEXT: %0 = lazy.pad %arg0, [0, 0, 1, 1], [0, 0, 3, 1], 0.000000e+00 : f32 : tensor<1x32x22x24xf32> -> tensor<1x32x26x26xf32>
// CHECK-NEXT: %1 = lazy.weight "winograd.inputs" : tensor<6x6xf32>
// CHECK-NEXT: %2 = lazy.weight "winograd.results" : tensor<4x6xf32>
// CHECK-NEXT: %3 = lazy.weight "winograd.weights" : tensor<6x6x32x40xf32>
// CHECK-NEXT: %4 = lazy.contract %1, %0, [#map, #map1, #map2] : tensor<6x6xf32>, tensor<1x32x26x26xf32> -> tensor<6x1x6x26x32xf32>
// CHECK-NEXT: %5 = lazy.contract %1, %4, [#map3, #map4, #map5] : tensor<6x6xf32>, tensor<6x1x6x26x32xf32> -> tensor<6x6x1x6x6x32xf32>
// CHECK-NEXT: %6 = lazy.contract %5, %3, [#map6, #map7, #map5] : tensor<6x6x1x6x6x32xf32>, tensor<6x6x32x40xf32> -> tensor<6x6x1x6x6x40xf32>
// CHECK-NEXT: %7 = lazy.contract %2, %6, [#map8, #map9, #map5] : tensor<4x6xf32>, tensor<6x6x1x6x6x40xf32> -> tensor<6x1x6x4x6x40xf32>
// CHECK-NEXT: %8 = lazy.contract %2, %7, [#map10, #map11, #map5] : tensor<4x6xf32>, tensor<6x1x6x4x6x40xf32> -> tensor<1x6x4x6x4x40xf32>
// CHECK-NEXT: %9 = lazy.reshape %8 : tensor<1x6x4x6x4x40xf32> -> tensor<1x24x24x40xf32>
// CHECK-NEXT: %10 = lazy.slice %9, [0, 0, 0, 0], [1, 1, 1, 1] : tensor<1x24x24x40xf32> -> tensor<1x22x24x40xf32>
// CHECK-NEXT: %11 = lazy.permute %10, [0, 3, 1, 2] : tensor<1x22x24x40xf32> -> tensor<1x40x22x24xf32>
// CHECK-NEXT: return %11 : tensor<1x40x22x24xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// Left alone: a weight that is not finite, a stride, too few channels, too few
// tiles, a weight of the run.
func.func @main(%x: tensor<1x32x26x26xf32>, %few: tensor<1x8x26x26xf32>, %small: tensor<1x32x14x14xf32>, %v: tensor<40x32x3x3xf32>) -> (tensor<1x40x24x24xf32>, tensor<1x40x12x12xf32>, tensor<1x40x24x24xf32>, tensor<1x40x12x12xf32>, tensor<1x40x24x24xf32>) {
  %i = lazy.iota 0 : tensor<40x32x3x3xf32>
  %w = lazy.sin %i : tensor<40x32x3x3xf32>
  %j = lazy.iota 0 : tensor<40x8x3x3xf32>
  %g = lazy.sin %j : tensor<40x8x3x3xf32>
  %e = lazy.splat 4.0e+00 : f32 : tensor<40x32x3x3xf32>
  %m = lazy.mul %i, %e : tensor<40x32x3x3xf32>
  %inf = lazy.exp %m : tensor<40x32x3x3xf32>
  %0 = lazy.contract %x, %inf, [affine_map<(n, o, h, v, c, i, j) -> (n, c, h + i, v + j)>, affine_map<(n, o, h, v, c, i, j) -> (o, c, i, j)>, affine_map<(n, o, h, v, c, i, j) -> (n, o, h, v)>] : tensor<1x32x26x26xf32>, tensor<40x32x3x3xf32> -> tensor<1x40x24x24xf32>
  %1 = lazy.contract %x, %w, [affine_map<(n, o, h, v, c, i, j) -> (n, c, h * 2 + i, v * 2 + j)>, affine_map<(n, o, h, v, c, i, j) -> (o, c, i, j)>, affine_map<(n, o, h, v, c, i, j) -> (n, o, h, v)>] : tensor<1x32x26x26xf32>, tensor<40x32x3x3xf32> -> tensor<1x40x12x12xf32>
  %2 = lazy.contract %few, %g, [affine_map<(n, o, h, v, c, i, j) -> (n, c, h + i, v + j)>, affine_map<(n, o, h, v, c, i, j) -> (o, c, i, j)>, affine_map<(n, o, h, v, c, i, j) -> (n, o, h, v)>] : tensor<1x8x26x26xf32>, tensor<40x8x3x3xf32> -> tensor<1x40x24x24xf32>
  %3 = lazy.contract %small, %w, [affine_map<(n, o, h, v, c, i, j) -> (n, c, h + i, v + j)>, affine_map<(n, o, h, v, c, i, j) -> (o, c, i, j)>, affine_map<(n, o, h, v, c, i, j) -> (n, o, h, v)>] : tensor<1x32x14x14xf32>, tensor<40x32x3x3xf32> -> tensor<1x40x12x12xf32>
  %4 = lazy.contract %x, %v, [affine_map<(n, o, h, v, c, i, j) -> (n, c, h + i, v + j)>, affine_map<(n, o, h, v, c, i, j) -> (o, c, i, j)>, affine_map<(n, o, h, v, c, i, j) -> (n, o, h, v)>] : tensor<1x32x26x26xf32>, tensor<40x32x3x3xf32> -> tensor<1x40x24x24xf32>
  return %0, %1, %2, %3, %4 : tensor<1x40x24x24xf32>, tensor<1x40x12x12xf32>, tensor<1x40x24x24xf32>, tensor<1x40x12x12xf32>, tensor<1x40x24x24xf32>
}
// CHECK: #map = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d4, d2 + d5, d3 + d6)>
// CHECK-NEXT: #map1 = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d1, d4, d5, d6)>
// CHECK-NEXT: #map2 = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d2, d3)>
// CHECK-NEXT: #map3 = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d4, d2 * 2 + d5, d3 * 2 + d6)>
// CHECK-NEXT: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<1x32x26x26xf32>, %arg1: tensor<1x8x26x26xf32>, %arg2: tensor<1x32x14x14xf32>, %arg3: tensor<40x32x3x3xf32>) -> (tensor<1x40x24x24xf32>, tensor<1x40x12x12xf32>, tensor<1x40x24x24xf32>, tensor<1x40x12x12xf32>, tensor<1x40x24x24xf32>) {
// CHECK-NEXT: %0 = lazy.weight "folded" : tensor<40x32x3x3xf32>
// CHECK-NEXT: %1 = lazy.weight "folded.1" : tensor<40x8x3x3xf32>
// CHECK-NEXT: %2 = lazy.weight "folded.3" : tensor<40x32x3x3xf32>
// CHECK-NEXT: %3 = lazy.contract %arg0, %2, [#map, #map1, #map2] : tensor<1x32x26x26xf32>, tensor<40x32x3x3xf32> -> tensor<1x40x24x24xf32>
// CHECK-NEXT: %4 = lazy.contract %arg0, %0, [#map3, #map1, #map2] : tensor<1x32x26x26xf32>, tensor<40x32x3x3xf32> -> tensor<1x40x12x12xf32>
// CHECK-NEXT: %5 = lazy.contract %arg1, %1, [#map, #map1, #map2] : tensor<1x8x26x26xf32>, tensor<40x8x3x3xf32> -> tensor<1x40x24x24xf32>
// CHECK-NEXT: %6 = lazy.contract %arg2, %0, [#map, #map1, #map2] : tensor<1x32x14x14xf32>, tensor<40x32x3x3xf32> -> tensor<1x40x12x12xf32>
// CHECK-NEXT: %7 = lazy.contract %arg0, %arg3, [#map, #map1, #map2] : tensor<1x32x26x26xf32>, tensor<40x32x3x3xf32> -> tensor<1x40x24x24xf32>
// CHECK-NEXT: return %3, %4, %5, %6, %7 : tensor<1x40x24x24xf32>, tensor<1x40x12x12xf32>, tensor<1x40x24x24xf32>, tensor<1x40x12x12xf32>, tensor<1x40x24x24xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }
