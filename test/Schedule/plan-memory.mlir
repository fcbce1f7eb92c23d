// RUN: nacre-opt -form-single-kernels -plan-memory -split-input-file %s | FileCheck %s

// An elementwise result takes over the place of an operand that dies.
func.func @main(%x: tensor<7xf32>) -> tensor<7xf32> {
  %0 = lazy.exp %x : tensor<7xf32>
  %1 = lazy.neg %0 : tensor<7xf32>
  %2 = lazy.abs %1 : tensor<7xf32>
  %3 = lazy.sqrt %2 : tensor<7xf32>
  return %3 : tensor<7xf32>
}
// CHECK: module attributes {lazy.arena_bytes = 64 : i64} {
// CHECK-NEXT: func.func @main(%arg0: tensor<7xf32>) -> tensor<7xf32> {
// CHECK-NEXT: %0 = lazy.kernel "exp" (%arg1 = %arg0 : tensor<7xf32>) -> (tensor<7xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [1]>], result_places = [#lazy.place<"arena", 0, 0, [1]>]} {
// CHECK-NEXT: %4 = lazy.exp %arg1 : tensor<7xf32>
// CHECK-NEXT: lazy.yield %4 : tensor<7xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %1 = lazy.kernel "neg" (%arg1 = %0 : tensor<7xf32>) -> (tensor<7xf32>) attributes {operand_places = [#lazy.place<"arena", 0, 0, [1]>], result_places = [#lazy.place<"arena", 0, 0, [1]>]} {
// CHECK-NEXT: %4 = lazy.neg %arg1 : tensor<7xf32>
// CHECK-NEXT: lazy.yield %4 : tensor<7xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %2 = lazy.kernel "abs" (%arg1 = %1 : tensor<7xf32>) -> (tensor<7xf32>) attributes {operand_places = [#lazy.place<"arena", 0, 0, [1]>], result_places = [#lazy.place<"arena", 0, 0, [1]>]} {
// CHECK-NEXT: %4 = lazy.abs %arg1 : tensor<7xf32>
// CHECK-NEXT: lazy.yield %4 : tensor<7xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %3 = lazy.kernel "sqrt" (%arg1 = %2 : tensor<7xf32>) -> (tensor<7xf32>) attributes {operand_places = [#lazy.place<"arena", 0, 0, [1]>], result_places = [#lazy.place<"output", 0, 0, [1]>]} {
// CHECK-NEXT: %4 = lazy.sqrt %arg1 : tensor<7xf32>
// CHECK-NEXT: lazy.yield %4 : tensor<7xf32>
// CHECK-NEXT: }
// CHECK-NEXT: return %3 : tensor<7xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// A join writes in place: both parts lie inside the output.
func.func @main(%x: tensor<2x3xf32>, %y: tensor<2x4xf32>) -> tensor<2x7xf32> {
  %0 = lazy.neg %x : tensor<2x3xf32>
  %1 = lazy.abs %y : tensor<2x4xf32>
  %2 = lazy.concat %0, %1 axis 1 : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<2x7xf32>
  return %2 : tensor<2x7xf32>
}
// CHECK: module attributes {lazy.arena_bytes = 0 : i64} {
// CHECK-NEXT: func.func @main(%arg0: tensor<2x3xf32>, %arg1: tensor<2x4xf32>) -> tensor<2x7xf32> {
// CHECK-NEXT: %0 = lazy.kernel "neg" (%arg2 = %arg0 : tensor<2x3xf32>) -> (tensor<2x3xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [3, 1]>], result_places = [#lazy.place<"output", 0, 0, [7, 1]>]} {
// CHECK-NEXT: %3 = lazy.neg %arg2 : tensor<2x3xf32>
// CHECK-NEXT: lazy.yield %3 : tensor<2x3xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %1 = lazy.kernel "abs" (%arg2 = %arg1 : tensor<2x4xf32>) -> (tensor<2x4xf32>) attributes {operand_places = [#lazy.place<"input", 1, 0, [4, 1]>], result_places = [#lazy.place<"output", 0, 3, [7, 1]>]} {
// CHECK-NEXT: %3 = lazy.abs %arg2 : tensor<2x4xf32>
// CHECK-NEXT: lazy.yield %3 : tensor<2x4xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %2 = lazy.concat %0, %1 axis 1 : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<2x7xf32>
// CHECK-NEXT: return %2 : tensor<2x7xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// A symbolic extent takes its bound.
func.func @main(%x: tensor<?x3xf32, #lazy.dims<["N"], [8]>>) -> tensor<?x3xf32, #lazy.dims<["N"], [8]>> {
  %0 = lazy.neg %x : tensor<?x3xf32, #lazy.dims<["N"], [8]>>
  %1 = lazy.exp %0 : tensor<?x3xf32, #lazy.dims<["N"], [8]>>
  return %1 : tensor<?x3xf32, #lazy.dims<["N"], [8]>>
}
// CHECK: module attributes {lazy.arena_bytes = 128 : i64} {
// CHECK-NEXT: func.func @main(%arg0: tensor<?x3xf32, #lazy.dims<["N"], [8]>>) -> tensor<?x3xf32, #lazy.dims<["N"], [8]>> {
// CHECK-NEXT: %0 = lazy.kernel "neg" (%arg1 = %arg0 : tensor<?x3xf32, #lazy.dims<["N"], [8]>>) -> (tensor<?x3xf32, #lazy.dims<["N"], [8]>>) attributes {operand_places = [#lazy.place<"input", 0, 0, [3, 1]>], result_places = [#lazy.place<"arena", 0, 0, [3, 1]>]} {
// CHECK-NEXT: %2 = lazy.neg %arg1 : tensor<?x3xf32, #lazy.dims<["N"], [8]>>
// CHECK-NEXT: lazy.yield %2 : tensor<?x3xf32, #lazy.dims<["N"], [8]>>
// CHECK-NEXT: }
// CHECK-NEXT: %1 = lazy.kernel "exp" (%arg1 = %0 : tensor<?x3xf32, #lazy.dims<["N"], [8]>>) -> (tensor<?x3xf32, #lazy.dims<["N"], [8]>>) attributes {operand_places = [#lazy.place<"arena", 0, 0, [3, 1]>], result_places = [#lazy.place<"output", 0, 0, [3, 1]>]} {
// CHECK-NEXT: %2 = lazy.exp %arg1 : tensor<?x3xf32, #lazy.dims<["N"], [8]>>
// CHECK-NEXT: lazy.yield %2 : tensor<?x3xf32, #lazy.dims<["N"], [8]>>
// CHECK-NEXT: }
// CHECK-NEXT: return %1 : tensor<?x3xf32, #lazy.dims<["N"], [8]>>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// A state's new value is written where the old one may lie, if nothing reads
// that afterwards.
func.func @main(%w: tensor<8xf32> {lazy.state = "w"}) -> (tensor<8xf32> {lazy.state = "w"}) {
  %0 = lazy.neg %w : tensor<8xf32>
  return %0 : tensor<8xf32>
}
// CHECK: module attributes {lazy.arena_bytes = 0 : i64} {
// CHECK: lazy.kernel "neg"
// CHECK-SAME: result_places = [#lazy.place<"output", 0, 0, [1]>]

// -----

// The product reads rows of w after the first ones would be overwritten: it
// goes to the arena, and is copied at the end.
func.func @main(%w: tensor<8x8xf32> {lazy.state = "w"}) -> (tensor<8x8xf32> {lazy.state = "w"}) {
  %0 = lazy.contract %w, %w, [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>] : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
  return %0 : tensor<8x8xf32>
}
// CHECK: module attributes {lazy.arena_bytes = 256 : i64} {
// CHECK: lazy.kernel "contract"
// CHECK-SAME: result_places = [#lazy.place<"arena", 0, 0, [8, 1]>]
// CHECK: lazy.kernel "result"
// CHECK-SAME: result_places = [#lazy.place<"output", 0, 0, [8, 1]>]

// -----

// Two contractions want the same operand in the same order: it is copied once.
func.func @main(%x: tensor<8x16xf32>, %y: tensor<8x16xf32>, %w: tensor<32x16xf32>) -> (tensor<8x32xf32>, tensor<8x32xf32>) {
  %0 = lazy.contract %x, %w, [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>] : tensor<8x16xf32>, tensor<32x16xf32> -> tensor<8x32xf32>
  %1 = lazy.contract %y, %w, [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>] : tensor<8x16xf32>, tensor<32x16xf32> -> tensor<8x32xf32>
  return %0, %1 : tensor<8x32xf32>, tensor<8x32xf32>
}
// CHECK: lazy.kernel "contract_pack"
// CHECK-SAME: result_places = [#lazy.place<"arena", 0, 0, [1, 32]>]
// CHECK-NOT: _pack
// CHECK: lazy.kernel "contract" (%arg3 = %0 : tensor<32x16xf32>, %arg4 = %arg0 : tensor<8x16xf32>)
// CHECK-NOT: _pack
// CHECK: lazy.kernel "contract_1" (%arg3 = %0 : tensor<32x16xf32>, %arg4 = %arg1 : tensor<8x16xf32>)
// CHECK: return
