// RUN: nacre-opt -mix-precision %s > %t.once
// RUN: FileCheck %s < %t.once
// RUN: nacre-opt -mix-precision %t.once | cmp - %t.once

#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (k, n)>
#y = affine_map<(m, n, k) -> (m, n)>

// Both operands are rounded, the sum stays one of f32; what is no contraction
// is left alone.
// CHECK-LABEL: func.func @main
// CHECK-SAME: (%[[X:.*]]: tensor<4x3xf32>, %[[W:.*]]: tensor<3x2xf32>)
func.func @main(%x: tensor<4x3xf32>, %w: tensor<3x2xf32>) -> (tensor<4x2xf32>, tensor<4xf32>) {
  // CHECK-NEXT: %[[XS:.*]] = lazy.cast %[[X]] : tensor<4x3xf32> -> tensor<4x3xbf16>
  // CHECK-NEXT: %[[XR:.*]] = lazy.cast %[[XS]] : tensor<4x3xbf16> -> tensor<4x3xf32>
  // CHECK-NEXT: %[[WS:.*]] = lazy.cast %[[W]] : tensor<3x2xf32> -> tensor<3x2xbf16>
  // CHECK-NEXT: %[[WR:.*]] = lazy.cast %[[WS]] : tensor<3x2xbf16> -> tensor<3x2xf32>
  // CHECK-NEXT: %[[Y:.*]] = lazy.contract %[[XR]], %[[WR]], {{.*}} : tensor<4x3xf32>, tensor<3x2xf32> -> tensor<4x2xf32>
  %0 = lazy.contract %x, %w, [#x, #w, #y] : tensor<4x3xf32>, tensor<3x2xf32> -> tensor<4x2xf32>
  // CHECK-NEXT: lazy.reduce add, %[[Y]]
  %1 = lazy.reduce add, %0, [1] : tensor<4x2xf32> -> tensor<4xf32>
  return %0, %1 : tensor<4x2xf32>, tensor<4xf32>
}

// Other types keep their precision.
// CHECK-LABEL: func.func @others
// CHECK-NEXT: lazy.contract
// CHECK-NEXT: lazy.contract
// CHECK-NEXT: return
func.func @others(%x: tensor<4x3xf64>, %w: tensor<3x2xf64>, %i: tensor<4x3xi32>, %j: tensor<3x2xi32>) -> (tensor<4x2xf64>, tensor<4x2xi32>) {
  %0 = lazy.contract %x, %w, [#x, #w, #y] : tensor<4x3xf64>, tensor<3x2xf64> -> tensor<4x2xf64>
  %1 = lazy.contract %i, %j, [#x, #w, #y] : tensor<4x3xi32>, tensor<3x2xi32> -> tensor<4x2xi32>
  return %0, %1 : tensor<4x2xf64>, tensor<4x2xi32>
}
