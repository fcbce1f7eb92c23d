// RUN: nacre-opt -fold-constants -split-input-file %s | FileCheck %s
// What depends on constants only is computed: equal elements become a splat,
// others a weight; what needs an input stays.

func.func @main(%x: tensor<4xi32>) -> (tensor<4xi32>, tensor<4xf32>) {
  %a = lazy.splat 3 : i32 : tensor<4xi32>
  %b = lazy.splat 4 : i32 : tensor<4xi32>
  %c = lazy.mul %a, %b : tensor<4xi32>
  %d = lazy.add %c, %x : tensor<4xi32>
  %i = lazy.iota 0 : tensor<4xi32>
  %e = lazy.cast %i : tensor<4xi32> -> tensor<4xf32>
  return %d, %e : tensor<4xi32>, tensor<4xf32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<4xi32>) -> (tensor<4xi32>, tensor<4xf32>) {
// CHECK-NEXT: %0 = lazy.splat 3 : i32 : tensor<4xi32>
// CHECK-NEXT: %1 = lazy.splat 4 : i32 : tensor<4xi32>
// CHECK-NEXT: %2 = lazy.splat 12 : i32 : tensor<4xi32>
// CHECK-NEXT: %3 = lazy.add %2, %arg0 : tensor<4xi32>
// CHECK-NEXT: %4 = lazy.iota 0 : tensor<4xi32>
// CHECK-NEXT: %5 = lazy.weight "folded" : tensor<4xf32>
// CHECK-NEXT: return %3, %5 : tensor<4xi32>, tensor<4xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// A repetition stays a view, and a weight whose bytes are not there stays.
func.func @main() -> (tensor<2x3xf32>, tensor<3xf32>) {
  %i = lazy.iota 0 : tensor<3xf32>
  %r = lazy.reshape %i : tensor<3xf32> -> tensor<1x3xf32>
  %e = lazy.expand %r : tensor<1x3xf32> -> tensor<2x3xf32>
  %w = lazy.weight "not in the store" : tensor<3xf32>
  %n = lazy.neg %w : tensor<3xf32>
  return %e, %n : tensor<2x3xf32>, tensor<3xf32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main() -> (tensor<2x3xf32>, tensor<3xf32>) {
// CHECK-NEXT: %0 = lazy.iota 0 : tensor<3xf32>
// CHECK-NEXT: %1 = lazy.weight "folded" : tensor<1x3xf32>
// CHECK-NEXT: %2 = lazy.expand %1 : tensor<1x3xf32> -> tensor<2x3xf32>
// CHECK-NEXT: %3 = lazy.weight "not in the store" : tensor<3xf32>
// CHECK-NEXT: %4 = lazy.neg %3 : tensor<3xf32>
// CHECK-NEXT: return %2, %4 : tensor<2x3xf32>, tensor<3xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// The extremes of unsigned and 64-bit numbers survive.
func.func @main() -> (tensor<2xui8>, tensor<2xi64>, tensor<i1>) {
  %0 = lazy.splat 0 : ui8 : tensor<2xui8>
  %1 = lazy.not %0 : tensor<2xui8>
  %2 = lazy.splat -9223372036854775808 : i64 : tensor<2xi64>
  %3 = lazy.neg %2 : tensor<2xi64>
  %4 = lazy.splat false : tensor<i1>
  %5 = lazy.not %4 : tensor<i1>
  return %1, %3, %5 : tensor<2xui8>, tensor<2xi64>, tensor<i1>
}
// CHECK: module {
// CHECK-NEXT: func.func @main() -> (tensor<2xui8>, tensor<2xi64>, tensor<i1>) {
// CHECK-NEXT: %0 = lazy.splat 0 : ui8 : tensor<2xui8>
// CHECK-NEXT: %1 = lazy.splat 255 : ui8 : tensor<2xui8>
// CHECK-NEXT: %2 = lazy.splat -9223372036854775808 : i64 : tensor<2xi64>
// CHECK-NEXT: %3 = lazy.splat -9223372036854775808 : i64 : tensor<2xi64>
// CHECK-NEXT: %4 = lazy.splat false : tensor<i1>
// CHECK-NEXT: %5 = lazy.splat true : tensor<i1>
// CHECK-NEXT: return %1, %3, %5 : tensor<2xui8>, tensor<2xi64>, tensor<i1>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// A condition that is known to hold is no operation; one that does not stays.
func.func @main() -> (tensor<2xf32>, tensor<2xf32>) {
  %x = lazy.splat 1.0 : f32 : tensor<2xf32>
  %yes = lazy.splat true : tensor<2xi1>
  %no = lazy.splat false : tensor<2xi1>
  %0 = lazy.require %x, %yes {status = 9 : i32, message = "never"} : tensor<2xf32>
  %1 = lazy.require %x, %no {status = 9 : i32, message = "always"} : tensor<2xf32>
  return %0, %1 : tensor<2xf32>, tensor<2xf32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main() -> (tensor<2xf32>, tensor<2xf32>) {
// CHECK-NEXT: %0 = lazy.splat 1.000000e+00 : f32 : tensor<2xf32>
// CHECK-NEXT: %1 = lazy.splat true : tensor<2xi1>
// CHECK-NEXT: %2 = lazy.splat false : tensor<2xi1>
// CHECK-NEXT: %3 = lazy.splat 1.000000e+00 : f32 : tensor<2xf32>
// CHECK-NEXT: %4 = lazy.require %0, %2 {message = "always", status = 9 : i32} : tensor<2xf32>
// CHECK-NEXT: return %3, %4 : tensor<2xf32>, tensor<2xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// Elements of eight bits and fewer keep their bits: 460 rounds to 448, NaN and
// -0 stay.
func.func @main() -> (tensor<2xf8E4M3FN>, tensor<2xi4>, tensor<2xf8E4M3FN>, tensor<2xui2>, tensor<2xf4E2M1FN>, tensor<2xf8E8M0FNU>) {
  %0 = lazy.splat 460.0 : f32 : tensor<2xf32>
  %1 = lazy.cast %0 : tensor<2xf32> -> tensor<2xf8E4M3FN>
  %2 = lazy.cast %0 : tensor<2xf32> -> tensor<2xi32>
  %3 = lazy.cast %2 : tensor<2xi32> -> tensor<2xi4>
  %4 = lazy.splat 1.0e9 : f64 : tensor<2xf64>
  %5 = lazy.cast %4 : tensor<2xf64> -> tensor<2xf8E4M3FN>
  %6 = lazy.cast %4 : tensor<2xf64> -> tensor<2xui2>
  %7 = lazy.splat -0.25 : f32 : tensor<2xf32>
  %8 = lazy.cast %7 : tensor<2xf32> -> tensor<2xf4E2M1FN>
  %9 = lazy.splat 0.375 : f16 : tensor<2xf16>
  %10 = lazy.cast %9 : tensor<2xf16> -> tensor<2xf8E8M0FNU>
  return %1, %3, %5, %6, %8, %10 : tensor<2xf8E4M3FN>, tensor<2xi4>, tensor<2xf8E4M3FN>, tensor<2xui2>, tensor<2xf4E2M1FN>, tensor<2xf8E8M0FNU>
}
// CHECK: %1 = lazy.splat 4.480000e+02 : f8E4M3FN : tensor<2xf8E4M3FN>
// CHECK: %3 = lazy.splat -4 : i4 : tensor<2xi4>
// CHECK: %5 = lazy.splat 0x7F : f8E4M3FN : tensor<2xf8E4M3FN>
// CHECK: %6 = lazy.splat 3 : ui2 : tensor<2xui2>
// CHECK: %8 = lazy.splat -0.000000e+00 : f4E2M1FN : tensor<2xf4E2M1FN>
// CHECK: %10 = lazy.splat 5.000000e-01 : f8E8M0FNU : tensor<2xf8E8M0FNU>
// CHECK: return %1, %3, %5, %6, %8, %10
