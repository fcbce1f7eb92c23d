// RUN: nacre-opt -plan-memory -split-input-file %s | FileCheck %s

// Both results of a kernel take over operands that die there: two storages.
func.func @main(%x: tensor<16xf32>) -> tensor<16xf32> {
  %0 = lazy.kernel "exp" (%a = %x : tensor<16xf32>) -> (tensor<16xf32>) {
    %4 = lazy.exp %a : tensor<16xf32>
    lazy.yield %4 : tensor<16xf32>
  }
  %1 = lazy.kernel "sin" (%a = %x : tensor<16xf32>) -> (tensor<16xf32>) {
    %4 = lazy.sin %a : tensor<16xf32>
    lazy.yield %4 : tensor<16xf32>
  }
  %2:2 = lazy.kernel "both" (%a = %0 : tensor<16xf32>, %b = %1 : tensor<16xf32>) -> (tensor<16xf32>, tensor<16xf32>) {
    %4 = lazy.mul %a, %b : tensor<16xf32>
    %5 = lazy.add %a, %b : tensor<16xf32>
    lazy.yield %4, %5 : tensor<16xf32>, tensor<16xf32>
  }
  %3 = lazy.kernel "sub" (%a = %2#0 : tensor<16xf32>, %b = %2#1 : tensor<16xf32>) -> (tensor<16xf32>) {
    %4 = lazy.sub %a, %b : tensor<16xf32>
    lazy.yield %4 : tensor<16xf32>
  }
  return %3 : tensor<16xf32>
}
// CHECK: module attributes {lazy.arena_bytes = 128 : i64} {
// CHECK: lazy.kernel "both"
// CHECK-SAME: operand_places = [#lazy.place<"arena", 0, 0, [1]>, #lazy.place<"arena", 0, 16, [1]>], result_places = [#lazy.place<"arena", 0, 0, [1]>, #lazy.place<"arena", 0, 16, [1]>]
// CHECK: lazy.kernel "sub"
// CHECK-SAME: operand_places = [#lazy.place<"arena", 0, 0, [1]>, #lazy.place<"arena", 0, 16, [1]>]

// -----

// The second result reads an operand in another order: neither may be written
// over it.
func.func @main(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = lazy.kernel "exp" (%a = %x : tensor<4x4xf32>) -> (tensor<4x4xf32>) {
    %4 = lazy.exp %a : tensor<4x4xf32>
    lazy.yield %4 : tensor<4x4xf32>
  }
  %2:2 = lazy.kernel "both" (%a = %0 : tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
    %4 = lazy.neg %a : tensor<4x4xf32>
    %5 = lazy.permute %a, [1, 0] : tensor<4x4xf32> -> tensor<4x4xf32>
    %6 = lazy.abs %5 : tensor<4x4xf32>
    lazy.yield %4, %6 : tensor<4x4xf32>, tensor<4x4xf32>
  }
  %3 = lazy.kernel "sub" (%a = %2#0 : tensor<4x4xf32>, %b = %2#1 : tensor<4x4xf32>) -> (tensor<4x4xf32>) {
    %4 = lazy.sub %a, %b : tensor<4x4xf32>
    lazy.yield %4 : tensor<4x4xf32>
  }
  return %3 : tensor<4x4xf32>
}
// CHECK: module attributes {lazy.arena_bytes = 192 : i64} {
