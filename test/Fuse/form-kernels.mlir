// RUN: nacre-opt -form-kernels -split-input-file %s | FileCheck %s

// An elementwise chain is one kernel.
func.func @main(%x: tensor<7xf32>, %y: tensor<7xf32>) -> tensor<7xf32> {
  %0 = lazy.exp %x : tensor<7xf32>
  %1 = lazy.add %0, %y : tensor<7xf32>
  %2 = lazy.neg %1 : tensor<7xf32>
  return %2 : tensor<7xf32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<7xf32>, %arg1: tensor<7xf32>) -> tensor<7xf32> {
// CHECK-NEXT: %0 = lazy.kernel "neg" (%arg2 = %arg1 : tensor<7xf32>, %arg3 = %arg0 : tensor<7xf32>) -> (tensor<7xf32>) {
// CHECK-NEXT: %1 = lazy.exp %arg3 : tensor<7xf32>
// CHECK-NEXT: %2 = lazy.add %1, %arg2 : tensor<7xf32>
// CHECK-NEXT: %3 = lazy.neg %2 : tensor<7xf32>
// CHECK-NEXT: lazy.yield %3 : tensor<7xf32>
// CHECK-NEXT: }
// CHECK-NEXT: return %0 : tensor<7xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// A softmax keeps its row: one kernel with two reductions.
func.func @main(%x: tensor<3x7xf32>) -> tensor<3x7xf32> {
  %0 = lazy.reduce max, %x, [1] : tensor<3x7xf32> -> tensor<3xf32>
  %1 = lazy.reshape %0 : tensor<3xf32> -> tensor<3x1xf32>
  %2 = lazy.expand %1 : tensor<3x1xf32> -> tensor<3x7xf32>
  %3 = lazy.sub %x, %2 : tensor<3x7xf32>
  %4 = lazy.exp %3 : tensor<3x7xf32>
  %5 = lazy.reduce add, %4, [1] : tensor<3x7xf32> -> tensor<3xf32>
  %6 = lazy.reshape %5 : tensor<3xf32> -> tensor<3x1xf32>
  %7 = lazy.expand %6 : tensor<3x1xf32> -> tensor<3x7xf32>
  %8 = lazy.div %4, %7 : tensor<3x7xf32>
  return %8 : tensor<3x7xf32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<3x7xf32>) -> tensor<3x7xf32> {
// CHECK-NEXT: %0 = lazy.kernel "reduce" (%arg1 = %arg0 : tensor<3x7xf32>) -> (tensor<3x7xf32>) {
// CHECK-NEXT: %1 = lazy.reduce max, %arg1, [1] : tensor<3x7xf32> -> tensor<3xf32>
// CHECK-NEXT: %2 = lazy.reshape %1 : tensor<3xf32> -> tensor<3x1xf32>
// CHECK-NEXT: %3 = lazy.expand %2 : tensor<3x1xf32> -> tensor<3x7xf32>
// CHECK-NEXT: %4 = lazy.sub %arg1, %3 : tensor<3x7xf32>
// CHECK-NEXT: %5 = lazy.exp %4 : tensor<3x7xf32>
// CHECK-NEXT: %6 = lazy.reduce add, %5, [1] : tensor<3x7xf32> -> tensor<3xf32>
// CHECK-NEXT: %7 = lazy.reshape %6 : tensor<3xf32> -> tensor<3x1xf32>
// CHECK-NEXT: %8 = lazy.expand %7 : tensor<3x1xf32> -> tensor<3x7xf32>
// CHECK-NEXT: %9 = lazy.div %5, %8 : tensor<3x7xf32>
// CHECK-NEXT: lazy.yield %9 : tensor<3x7xf32>
// CHECK-NEXT: }
// CHECK-NEXT: return %0 : tensor<3x7xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// A contraction takes its epilogue along; its operand is made before.
func.func @main(%x: tensor<5x13xf32>, %y: tensor<5x8xf32>) -> tensor<5x8xf32> {
  %w = lazy.weight "w" : tensor<13x8xf32>
  %0 = lazy.neg %x : tensor<5x13xf32>
  %1 = lazy.contract %0, %w, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<5x13xf32>, tensor<13x8xf32> -> tensor<5x8xf32>
  %2 = lazy.add %1, %y : tensor<5x8xf32>
  %3 = lazy.abs %2 : tensor<5x8xf32>
  return %3 : tensor<5x8xf32>
}
// CHECK: #map = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-NEXT: #map1 = affine_map<(d0, d1, d2) -> (d2, d1)>
// CHECK-NEXT: #map2 = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-NEXT: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<5x13xf32>, %arg1: tensor<5x8xf32>) -> tensor<5x8xf32> {
// CHECK-NEXT: %0 = lazy.weight "w" : tensor<13x8xf32>
// CHECK-NEXT: %1 = lazy.kernel "neg" (%arg2 = %arg0 : tensor<5x13xf32>) -> (tensor<5x13xf32>) {
// CHECK-NEXT: %3 = lazy.neg %arg2 : tensor<5x13xf32>
// CHECK-NEXT: lazy.yield %3 : tensor<5x13xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %2 = lazy.kernel "contract" (%arg2 = %arg1 : tensor<5x8xf32>, %arg3 = %0 : tensor<13x8xf32>, %arg4 = %1 : tensor<5x13xf32>) -> (tensor<5x8xf32>) {
// CHECK-NEXT: %3 = lazy.contract %arg4, %arg3, [#map, #map1, #map2] : tensor<5x13xf32>, tensor<13x8xf32> -> tensor<5x8xf32>
// CHECK-NEXT: %4 = lazy.add %3, %arg2 : tensor<5x8xf32>
// CHECK-NEXT: %5 = lazy.abs %4 : tensor<5x8xf32>
// CHECK-NEXT: lazy.yield %5 : tensor<5x8xf32>
// CHECK-NEXT: }
// CHECK-NEXT: return %2 : tensor<5x8xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// A join stays between kernels.
func.func @main(%x: tensor<2xf32>) -> tensor<4xf32> {
  %0 = lazy.neg %x : tensor<2xf32>
  %1 = lazy.concat %x, %0 axis 0 : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<2xf32>) -> tensor<4xf32> {
// CHECK-NEXT: %0 = lazy.kernel "neg" (%arg1 = %arg0 : tensor<2xf32>) -> (tensor<2xf32>) {
// CHECK-NEXT: %2 = lazy.neg %arg1 : tensor<2xf32>
// CHECK-NEXT: lazy.yield %2 : tensor<2xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %1 = lazy.concat %arg0, %0 axis 0 : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
// CHECK-NEXT: return %1 : tensor<4xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }
