// RUN: nacre-opt -form-single-kernels %s | FileCheck %s
// Without fusion every operation is a kernel, views apart.

func.func @main(%x: tensor<2x7xf32>) -> tensor<7x2xf32> {
  %0 = lazy.exp %x : tensor<2x7xf32>
  %1 = lazy.neg %0 : tensor<2x7xf32>
  %2 = lazy.permute %1, [1, 0] : tensor<2x7xf32> -> tensor<7x2xf32>
  %3 = lazy.abs %2 : tensor<7x2xf32>
  return %3 : tensor<7x2xf32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<2x7xf32>) -> tensor<7x2xf32> {
// CHECK-NEXT: %0 = lazy.kernel "exp" (%arg1 = %arg0 : tensor<2x7xf32>) -> (tensor<2x7xf32>) {
// CHECK-NEXT: %3 = lazy.exp %arg1 : tensor<2x7xf32>
// CHECK-NEXT: lazy.yield %3 : tensor<2x7xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %1 = lazy.kernel "neg" (%arg1 = %0 : tensor<2x7xf32>) -> (tensor<2x7xf32>) {
// CHECK-NEXT: %3 = lazy.neg %arg1 : tensor<2x7xf32>
// CHECK-NEXT: lazy.yield %3 : tensor<2x7xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %2 = lazy.kernel "abs" (%arg1 = %1 : tensor<2x7xf32>) -> (tensor<7x2xf32>) {
// CHECK-NEXT: %3 = lazy.permute %arg1, [1, 0] : tensor<2x7xf32> -> tensor<7x2xf32>
// CHECK-NEXT: %4 = lazy.abs %3 : tensor<7x2xf32>
// CHECK-NEXT: lazy.yield %4 : tensor<7x2xf32>
// CHECK-NEXT: }
// CHECK-NEXT: return %2 : tensor<7x2xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }
