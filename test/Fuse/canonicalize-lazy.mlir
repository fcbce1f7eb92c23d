// RUN: nacre-opt -canonicalize-lazy -split-input-file %s | FileCheck %s
// Views of views become one, equal operations one, unused ones none.

func.func @main(%x: tensor<2x6xf32>) -> tensor<6x2xf32> {
  %0 = lazy.reshape %x : tensor<2x6xf32> -> tensor<3x4xf32>
  %1 = lazy.reshape %0 : tensor<3x4xf32> -> tensor<6x2xf32>
  %2 = lazy.neg %1 : tensor<6x2xf32>
  %3 = lazy.neg %1 : tensor<6x2xf32>
  %4 = lazy.add %2, %3 : tensor<6x2xf32>
  %5 = lazy.exp %4 : tensor<6x2xf32>
  return %4 : tensor<6x2xf32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<2x6xf32>) -> tensor<6x2xf32> {
// CHECK-NEXT: %0 = lazy.reshape %arg0 : tensor<2x6xf32> -> tensor<6x2xf32>
// CHECK-NEXT: %1 = lazy.neg %0 : tensor<6x2xf32>
// CHECK-NEXT: %2 = lazy.add %1, %1 : tensor<6x2xf32>
// CHECK-NEXT: return %2 : tensor<6x2xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// Nothing that changes nothing stays.
func.func @main(%x: tensor<2x6xf32>) -> tensor<2x6xf32> {
  %0 = lazy.reshape %x : tensor<2x6xf32> -> tensor<2x6xf32>
  %1 = lazy.permute %0, [0, 1] : tensor<2x6xf32> -> tensor<2x6xf32>
  %2 = lazy.expand %1 : tensor<2x6xf32> -> tensor<2x6xf32>
  %3 = lazy.pad %2, [0, 0], [0, 0], 1.0 : f32 : tensor<2x6xf32> -> tensor<2x6xf32>
  %4 = lazy.slice %3, [0, 0], [1, 1] : tensor<2x6xf32> -> tensor<2x6xf32>
  %5 = lazy.flip %4, [] : tensor<2x6xf32> -> tensor<2x6xf32>
  %6 = lazy.concat %5 axis 0 : (tensor<2x6xf32>) -> tensor<2x6xf32>
  %7 = lazy.cast %6 : tensor<2x6xf32> -> tensor<2x6xf32>
  return %7 : tensor<2x6xf32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<2x6xf32>) -> tensor<2x6xf32> {
// CHECK-NEXT: return %arg0 : tensor<2x6xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// A cast that loses something is not undone by the next.
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = lazy.cast %x : tensor<4xf32> -> tensor<4xi8>
  %1 = lazy.cast %0 : tensor<4xi8> -> tensor<4xf32>
  return %1 : tensor<4xf32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<4xf32>) -> tensor<4xf32> {
// CHECK-NEXT: %0 = lazy.cast %arg0 : tensor<4xf32> -> tensor<4xi8>
// CHECK-NEXT: %1 = lazy.cast %0 : tensor<4xi8> -> tensor<4xf32>
// CHECK-NEXT: return %1 : tensor<4xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// A reshape there and back.
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = lazy.reshape %x : tensor<4xf32> -> tensor<2x2xf32>
  %1 = lazy.reshape %0 : tensor<2x2xf32> -> tensor<4xf32>
  return %1 : tensor<4xf32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<4xf32>) -> tensor<4xf32> {
// CHECK-NEXT: return %arg0 : tensor<4xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }
