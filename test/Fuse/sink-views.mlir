// RUN: nacre-opt -sink-views -split-input-file %s | FileCheck %s

// The bias is added before the reshape, where the contraction's own shape is.
func.func @main(%x: tensor<5x13xf32>, %w: tensor<13x8xf32>, %y: tensor<5x2x4xf32>) -> tensor<5x2x4xf32> {
  %0 = lazy.contract %x, %w, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<5x13xf32>, tensor<13x8xf32> -> tensor<5x8xf32>
  %1 = lazy.reshape %0 : tensor<5x8xf32> -> tensor<5x2x4xf32>
  %2 = lazy.add %1, %y : tensor<5x2x4xf32>
  return %2 : tensor<5x2x4xf32>
}
// CHECK: #map = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-NEXT: #map1 = affine_map<(d0, d1, d2) -> (d2, d1)>
// CHECK-NEXT: #map2 = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-NEXT: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<5x13xf32>, %arg1: tensor<13x8xf32>, %arg2: tensor<5x2x4xf32>) -> tensor<5x2x4xf32> {
// CHECK-NEXT: %0 = lazy.contract %arg0, %arg1, [#map, #map1, #map2] : tensor<5x13xf32>, tensor<13x8xf32> -> tensor<5x8xf32>
// CHECK-NEXT: %1 = lazy.reshape %arg2 : tensor<5x2x4xf32> -> tensor<5x8xf32>
// CHECK-NEXT: %2 = lazy.add %0, %1 : tensor<5x8xf32>
// CHECK-NEXT: %3 = lazy.reshape %2 : tensor<5x8xf32> -> tensor<5x2x4xf32>
// CHECK-NEXT: return %3 : tensor<5x2x4xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// So is a comparison, whose result has another type.
func.func @main(%x: tensor<5x13xf32>, %w: tensor<13x8xf32>, %y: tensor<8x5xf32>) -> tensor<8x5xi1> {
  %0 = lazy.contract %x, %w, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<5x13xf32>, tensor<13x8xf32> -> tensor<5x8xf32>
  %1 = lazy.permute %0, [1, 0] : tensor<5x8xf32> -> tensor<8x5xf32>
  %2 = lazy.cmp lt, %y, %1 : tensor<8x5xf32> -> tensor<8x5xi1>
  return %2 : tensor<8x5xi1>
}
// CHECK: #map = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-NEXT: #map1 = affine_map<(d0, d1, d2) -> (d2, d1)>
// CHECK-NEXT: #map2 = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-NEXT: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<5x13xf32>, %arg1: tensor<13x8xf32>, %arg2: tensor<8x5xf32>) -> tensor<8x5xi1> {
// CHECK-NEXT: %0 = lazy.contract %arg0, %arg1, [#map, #map1, #map2] : tensor<5x13xf32>, tensor<13x8xf32> -> tensor<5x8xf32>
// CHECK-NEXT: %1 = lazy.permute %arg2, [1, 0] : tensor<8x5xf32> -> tensor<5x8xf32>
// CHECK-NEXT: %2 = lazy.cmp lt, %1, %0 : tensor<5x8xf32> -> tensor<5x8xi1>
// CHECK-NEXT: %3 = lazy.permute %2, [1, 0] : tensor<5x8xi1> -> tensor<8x5xi1>
// CHECK-NEXT: return %3 : tensor<8x5xi1>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// A view of an input has no contraction to join.
func.func @main(%x: tensor<5x8xf32>) -> tensor<8x5xf32> {
  %0 = lazy.permute %x, [1, 0] : tensor<5x8xf32> -> tensor<8x5xf32>
  %1 = lazy.neg %0 : tensor<8x5xf32>
  return %1 : tensor<8x5xf32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<5x8xf32>) -> tensor<8x5xf32> {
// CHECK-NEXT: %0 = lazy.permute %arg0, [1, 0] : tensor<5x8xf32> -> tensor<8x5xf32>
// CHECK-NEXT: %1 = lazy.neg %0 : tensor<8x5xf32>
// CHECK-NEXT: return %1 : tensor<8x5xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// The extents that the run ends early move with the axes.
#a = affine_map<(d0, d1, d2) -> (d0, d2)>
#b = affine_map<(d0, d1, d2) -> (d2, d1)>
#c = affine_map<(d0, d1, d2) -> (d0, d1)>
func.func @main(%x: tensor<4x8xf32>, %w: tensor<8x4xf32>) -> tensor<4x4xf32> {
  %0 = lazy.contract %x, %w, [#a, #b, #c] {lazy.open = ["T", ""]} : tensor<4x8xf32>, tensor<8x4xf32> -> tensor<4x4xf32>
  %1 = lazy.permute %0, [1, 0] {lazy.open = ["", "T"]} : tensor<4x4xf32> -> tensor<4x4xf32>
  %2 = lazy.exp %1 {lazy.open = ["", "T"]} : tensor<4x4xf32>
  return %2 : tensor<4x4xf32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<4x8xf32>, %arg1: tensor<8x4xf32>) -> tensor<4x4xf32> {
// CHECK-NEXT: %0 = lazy.contract %arg0, %arg1, [#map, #map1, #map2] {lazy.open = ["T", ""]} : tensor<4x8xf32>, tensor<8x4xf32> -> tensor<4x4xf32>
// CHECK-NEXT: %1 = lazy.exp %0 {lazy.open = ["T", ""]} : tensor<4x4xf32>
// CHECK-NEXT: %2 = lazy.permute %1, [1, 0] {lazy.open = ["", "T"]} : tensor<4x4xf32> -> tensor<4x4xf32>
// CHECK-NEXT: return %2 : tensor<4x4xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }
