// RUN: nacre-opt -raise-contraction -canonicalize-lazy -split-input-file %s | FileCheck %s

// A matrix product.
func.func @main(%x: tensor<5x13xf32>, %w: tensor<13x7xf32>) -> tensor<5x7xf32> {
  %0 = lazy.reshape %x : tensor<5x13xf32> -> tensor<5x13x1xf32>
  %1 = lazy.expand %0 : tensor<5x13x1xf32> -> tensor<5x13x7xf32>
  %2 = lazy.reshape %w : tensor<13x7xf32> -> tensor<1x13x7xf32>
  %3 = lazy.expand %2 : tensor<1x13x7xf32> -> tensor<5x13x7xf32>
  %4 = lazy.mul %1, %3 : tensor<5x13x7xf32>
  %5 = lazy.reduce add, %4, [1] : tensor<5x13x7xf32> -> tensor<5x7xf32>
  return %5 : tensor<5x7xf32>
}
// CHECK: #map = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-NEXT: #map1 = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-NEXT: #map2 = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-NEXT: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<5x13xf32>, %arg1: tensor<13x7xf32>) -> tensor<5x7xf32> {
// CHECK-NEXT: %0 = lazy.contract %arg0, %arg1, [#map, #map1, #map2] : tensor<5x13xf32>, tensor<13x7xf32> -> tensor<5x7xf32>
// CHECK-NEXT: return %0 : tensor<5x7xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// A convolution with stride 2: the window becomes d1 * 2 + d2.
func.func @main(%x: tensor<3x9xf32>, %w: tensor<3x5xf32>) -> tensor<3x3xf32> {
  %0 = lazy.window %x, axes [1] sizes [5] strides [2] dilations [1] : tensor<3x9xf32> -> tensor<3x3x5xf32>
  %1 = lazy.reshape %w : tensor<3x5xf32> -> tensor<3x1x5xf32>
  %2 = lazy.expand %1 : tensor<3x1x5xf32> -> tensor<3x3x5xf32>
  %3 = lazy.mul %0, %2 : tensor<3x3x5xf32>
  %4 = lazy.reduce add, %3, [2] : tensor<3x3x5xf32> -> tensor<3x3xf32>
  return %4 : tensor<3x3xf32>
}
// CHECK: #map = affine_map<(d0, d1, d2) -> (d0, d1 * 2 + d2)>
// CHECK-NEXT: #map1 = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-NEXT: #map2 = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-NEXT: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<3x9xf32>, %arg1: tensor<3x5xf32>) -> tensor<3x3xf32> {
// CHECK-NEXT: %0 = lazy.contract %arg0, %arg1, [#map, #map1, #map2] : tensor<3x9xf32>, tensor<3x5xf32> -> tensor<3x3xf32>
// CHECK-NEXT: return %0 : tensor<3x3xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// A permutation under a contraction goes into its map.
func.func @main(%x: tensor<13x5xf32>, %w: tensor<13x7xf32>) -> tensor<5x7xf32> {
  %0 = lazy.permute %x, [1, 0] : tensor<13x5xf32> -> tensor<5x13xf32>
  %1 = lazy.contract %0, %w, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<5x13xf32>, tensor<13x7xf32> -> tensor<5x7xf32>
  return %1 : tensor<5x7xf32>
}
// CHECK: #map = affine_map<(d0, d1, d2) -> (d2, d0)>
// CHECK-NEXT: #map1 = affine_map<(d0, d1, d2) -> (d2, d1)>
// CHECK-NEXT: #map2 = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-NEXT: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<13x5xf32>, %arg1: tensor<13x7xf32>) -> tensor<5x7xf32> {
// CHECK-NEXT: %0 = lazy.contract %arg0, %arg1, [#map, #map1, #map2] : tensor<13x5xf32>, tensor<13x7xf32> -> tensor<5x7xf32>
// CHECK-NEXT: return %0 : tensor<5x7xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// A sum of squares has no reuse and stays a reduction.
func.func @main(%x: tensor<5x13xf32>) -> tensor<5xf32> {
  %0 = lazy.mul %x, %x : tensor<5x13xf32>
  %1 = lazy.reduce add, %0, [1] : tensor<5x13xf32> -> tensor<5xf32>
  return %1 : tensor<5xf32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<5x13xf32>) -> tensor<5xf32> {
// CHECK-NEXT: %0 = lazy.mul %arg0, %arg0 : tensor<5x13xf32>
// CHECK-NEXT: %1 = lazy.reduce add, %0, [1] : tensor<5x13xf32> -> tensor<5xf32>
// CHECK-NEXT: return %1 : tensor<5xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// A product that another operation reads as well stays.
func.func @main(%x: tensor<5x13xf32>, %w: tensor<13xf32>) -> (tensor<5xf32>, tensor<5x13xf32>) {
  %0 = lazy.reshape %w : tensor<13xf32> -> tensor<1x13xf32>
  %1 = lazy.expand %0 : tensor<1x13xf32> -> tensor<5x13xf32>
  %2 = lazy.mul %x, %1 : tensor<5x13xf32>
  %3 = lazy.reduce add, %2, [1] : tensor<5x13xf32> -> tensor<5xf32>
  return %3, %2 : tensor<5xf32>, tensor<5x13xf32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<5x13xf32>, %arg1: tensor<13xf32>) -> (tensor<5xf32>, tensor<5x13xf32>) {
// CHECK-NEXT: %0 = lazy.reshape %arg1 : tensor<13xf32> -> tensor<1x13xf32>
// CHECK-NEXT: %1 = lazy.expand %0 : tensor<1x13xf32> -> tensor<5x13xf32>
// CHECK-NEXT: %2 = lazy.mul %arg0, %1 : tensor<5x13xf32>
// CHECK-NEXT: %3 = lazy.reduce add, %2, [1] : tensor<5x13xf32> -> tensor<5xf32>
// CHECK-NEXT: return %3, %2 : tensor<5xf32>, tensor<5x13xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// A product with what unpacks a weight stays a sum: the operands of a
// contraction are written to memory.
func.func @main(%x: tensor<5x13xf32>) -> tensor<5x7xf32> {
  %w = lazy.weight "packed" {packed} : tensor<7x13xui8>
  %0 = lazy.reshape %x : tensor<5x13xf32> -> tensor<5x1x13xf32>
  %1 = lazy.expand %0 : tensor<5x1x13xf32> -> tensor<5x7x13xf32>
  %2 = lazy.reshape %w : tensor<7x13xui8> -> tensor<1x7x13xui8>
  %3 = lazy.expand %2 : tensor<1x7x13xui8> -> tensor<5x7x13xui8>
  %4 = lazy.cast %3 : tensor<5x7x13xui8> -> tensor<5x7x13xf32>
  %5 = lazy.mul %1, %4 : tensor<5x7x13xf32>
  %6 = lazy.reduce add, %5, [2] : tensor<5x7x13xf32> -> tensor<5x7xf32>
  return %6 : tensor<5x7xf32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<5x13xf32>) -> tensor<5x7xf32> {
// CHECK-NEXT: %0 = lazy.weight "packed" {packed} : tensor<7x13xui8>
// CHECK-NEXT: %1 = lazy.reshape %arg0 : tensor<5x13xf32> -> tensor<5x1x13xf32>
// CHECK-NEXT: %2 = lazy.expand %1 : tensor<5x1x13xf32> -> tensor<5x7x13xf32>
// CHECK-NEXT: %3 = lazy.reshape %0 : tensor<7x13xui8> -> tensor<1x7x13xui8>
// CHECK-NEXT: %4 = lazy.expand %3 : tensor<1x7x13xui8> -> tensor<5x7x13xui8>
// CHECK-NEXT: %5 = lazy.cast %4 : tensor<5x7x13xui8> -> tensor<5x7x13xf32>
// CHECK-NEXT: %6 = lazy.mul %2, %5 : tensor<5x7x13xf32>
// CHECK-NEXT: %7 = lazy.reduce add, %6, [2] : tensor<5x7x13xf32> -> tensor<5x7xf32>
// CHECK-NEXT: return %7 : tensor<5x7xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// Grouped queries: a head of keys that is repeated for three heads of queries
// is read, not the repetitions. A mask of what the run does not look at stays.
#q = affine_map<(b, h, t, s, d) -> (b, h, t, d)>
#k = affine_map<(b, h, t, s, d) -> (b, h, s, d)>
#y = affine_map<(b, h, t, s, d) -> (b, h, t, s)>
func.func @grouped(%q: tensor<1x6x4x8xf32>, %k: tensor<1x2x5x8xf32>) -> tensor<1x6x4x5xf32> {
  %0 = lazy.reshape %k : tensor<1x2x5x8xf32> -> tensor<1x2x1x5x8xf32>
  %1 = lazy.expand %0 : tensor<1x2x1x5x8xf32> -> tensor<1x2x3x5x8xf32>
  %2 = lazy.reshape %1 : tensor<1x2x3x5x8xf32> -> tensor<1x6x5x8xf32>
  %3 = lazy.contract %q, %2, [#q, #k, #y] {lazy.open = ["", "", "T", "S"], lazy.open_dims = ["", "", "T", "S", ""]} : tensor<1x6x4x8xf32>, tensor<1x6x5x8xf32> -> tensor<1x6x4x5xf32>
  return %3 : tensor<1x6x4x5xf32>
}

#p = affine_map<(b, h, t, d, s) -> (b, h, t, s)>
#v = affine_map<(b, h, t, d, s) -> (b, h, s, d)>
#z = affine_map<(b, h, t, d, s) -> (b, h, t, d)>
func.func @masked(%p: tensor<1x6x4x5xf32>, %v: tensor<1x2x5x8xf32>, %in: tensor<1x6x5x8xi1>) -> tensor<1x6x4x8xf32> {
  %0 = lazy.reshape %v : tensor<1x2x5x8xf32> -> tensor<1x2x1x5x8xf32>
  %1 = lazy.expand %0 : tensor<1x2x1x5x8xf32> -> tensor<1x2x3x5x8xf32>
  %2 = lazy.reshape %1 : tensor<1x2x3x5x8xf32> -> tensor<1x6x5x8xf32>
  %z = lazy.splat 0.0 : f32 : tensor<1x6x5x8xf32>
  %3 = lazy.where %in, %2, %z {lazy.beyond = ["", "", "S", ""]} : tensor<1x6x5x8xi1>, tensor<1x6x5x8xf32>
  %4 = lazy.contract %p, %3, [#p, #v, #z] {lazy.open = ["", "", "T", ""], lazy.open_dims = ["", "", "T", "", "S"]} : tensor<1x6x4x5xf32>, tensor<1x6x5x8xf32> -> tensor<1x6x4x8xf32>
  return %4 : tensor<1x6x4x8xf32>
}
// CHECK: #map = affine_map<(d0, d1, d2, d3, d4, d5) -> (0, d1 * 3 + d2, d3, d5)>
// CHECK-NEXT: #map1 = affine_map<(d0, d1, d2, d3, d4, d5) -> (0, d1, d4, d5)>
// CHECK-NEXT: #map2 = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2, d3, d4)>
// CHECK-NEXT: #map3 = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2, d5, d4)>
// CHECK: module {
// CHECK-NEXT: func.func @grouped(%arg0: tensor<1x6x4x8xf32>, %arg1: tensor<1x2x5x8xf32>) -> tensor<1x6x4x5xf32> {
// CHECK-NEXT: %0 = lazy.contract %arg0, %arg1, [#map, #map1, #map2] {lazy.open = ["", "", "", "T", "S"], lazy.open_dims = ["", "", "", "T", "S", ""]} : tensor<1x6x4x8xf32>, tensor<1x2x5x8xf32> -> tensor<1x2x3x4x5xf32>
// CHECK-NEXT: %1 = lazy.reshape %0 {lazy.open = ["", "", "T", "S"]} : tensor<1x2x3x4x5xf32> -> tensor<1x6x4x5xf32>
// CHECK-NEXT: return %1 : tensor<1x6x4x5xf32>
// CHECK-NEXT: }
// CHECK-NEXT: func.func @masked(%arg0: tensor<1x6x4x5xf32>, %arg1: tensor<1x2x5x8xf32>, %arg2: tensor<1x6x5x8xi1>) -> tensor<1x6x4x8xf32> {
// CHECK-NEXT: %0 = lazy.reshape %arg1 : tensor<1x2x5x8xf32> -> tensor<1x2x1x5x8xf32>
// CHECK-NEXT: %1 = lazy.expand %0 : tensor<1x2x1x5x8xf32> -> tensor<1x2x3x5x8xf32>
// CHECK-NEXT: %2 = lazy.splat 0.000000e+00 : f32 : tensor<1x6x5x8xf32>
// CHECK-NEXT: %3 = lazy.reshape %arg2 : tensor<1x6x5x8xi1> -> tensor<1x2x3x5x8xi1>
// CHECK-NEXT: %4 = lazy.reshape %2 : tensor<1x6x5x8xf32> -> tensor<1x2x3x5x8xf32>
// CHECK-NEXT: %5 = lazy.where %3, %1, %4 {lazy.beyond = ["", "", "", "S", ""]} : tensor<1x2x3x5x8xi1>, tensor<1x2x3x5x8xf32>
// CHECK-NEXT: %6 = lazy.contract %arg0, %5, [#map, #map3, #map2] {lazy.open = ["", "", "", "T", ""], lazy.open_dims = ["", "", "", "T", "", "S"]} : tensor<1x6x4x5xf32>, tensor<1x2x3x5x8xf32> -> tensor<1x2x3x4x8xf32>
// CHECK-NEXT: %7 = lazy.reshape %6 {lazy.open = ["", "", "T", ""]} : tensor<1x2x3x4x8xf32> -> tensor<1x6x4x8xf32>
// CHECK-NEXT: return %7 : tensor<1x6x4x8xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }
