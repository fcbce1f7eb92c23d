// RUN: nacre-opt -raise-contraction-sum-rows -canonicalize-lazy -split-input-file %s | FileCheck %s

// Keys in a cache by the query of one token: each is read once, as it lies.
func.func @scores(%q: tensor<1x3x1x64xf32>, %k: tensor<1x3x57x64xf32>) -> tensor<1x3x1x57xf32> {
  %0 = lazy.permute %k, [0, 1, 3, 2] : tensor<1x3x57x64xf32> -> tensor<1x3x64x57xf32>
  %1 = lazy.contract %q, %0, [affine_map<(b, h, m, n, k) -> (b, h, m, k)>, affine_map<(b, h, m, n, k) -> (b, h, k, n)>, affine_map<(b, h, m, n, k) -> (b, h, m, n)>] : tensor<1x3x1x64xf32>, tensor<1x3x64x57xf32> -> tensor<1x3x1x57xf32>
  return %1 : tensor<1x3x1x57xf32>
}
// CHECK-LABEL: @scores
// CHECK-NEXT: %0 = lazy.permute %arg1, [0, 1, 3, 2] : tensor<1x3x57x64xf32> -> tensor<1x3x64x57xf32>
// CHECK-NEXT: %1 = lazy.reshape %arg0 : tensor<1x3x1x64xf32> -> tensor<1x3x1x1x64xf32>
// CHECK-NEXT: %2 = lazy.expand %1 : tensor<1x3x1x1x64xf32> -> tensor<1x3x1x57x64xf32>
// CHECK-NEXT: %3 = lazy.permute %0, [0, 1, 3, 2] : tensor<1x3x64x57xf32> -> tensor<1x3x57x64xf32>
// CHECK-NEXT: %4 = lazy.reshape %3 : tensor<1x3x57x64xf32> -> tensor<1x3x1x57x64xf32>
// CHECK-NEXT: %5 = lazy.mul %2, %4 : tensor<1x3x1x57x64xf32>
// CHECK-NEXT: %6 = lazy.reduce add, %5, [4] : tensor<1x3x1x57x64xf32> -> tensor<1x3x1x57xf32>
// CHECK-NEXT: return %6 : tensor<1x3x1x57xf32>

// -----

// Values in a cache lie with the free axis innermost.
func.func @values(%p: tensor<3x1x57xf32>, %v: tensor<3x57x64xf32>) -> tensor<3x1x64xf32> {
  %0 = lazy.contract %p, %v, [affine_map<(h, m, n, k) -> (h, m, k)>, affine_map<(h, m, n, k) -> (h, k, n)>, affine_map<(h, m, n, k) -> (h, m, n)>] : tensor<3x1x57xf32>, tensor<3x57x64xf32> -> tensor<3x1x64xf32>
  return %0 : tensor<3x1x64xf32>
}
// CHECK-LABEL: @values
// CHECK: lazy.contract

// -----

// Two rows pay for a copy, and a weight is copied when compiling.
func.func @rows(%q: tensor<2x64xf32>, %x: tensor<1x64xf32>, %k: tensor<57x64xf32>) -> (tensor<2x57xf32>, tensor<1x57xf32>) {
  %0 = lazy.contract %q, %k, [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>] : tensor<2x64xf32>, tensor<57x64xf32> -> tensor<2x57xf32>
  %w = lazy.weight "w" : tensor<57x64xf32>
  %1 = lazy.contract %x, %w, [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>] : tensor<1x64xf32>, tensor<57x64xf32> -> tensor<1x57xf32>
  return %0, %1 : tensor<2x57xf32>, tensor<1x57xf32>
}
// CHECK-LABEL: @rows
// CHECK: lazy.contract
// CHECK: lazy.contract
