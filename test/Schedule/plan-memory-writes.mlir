// RUN: nacre-opt -form-kernels -plan-memory -split-input-file %s | FileCheck %s

// Two parts of a state are written to in its place: nothing is copied, and the
// rows are all that is stored.
func.func @main(%r: tensor<1x2x3xf32>, %p: tensor<i64>, %n: tensor<i64>, %w: tensor<2x8x3xf32> {lazy.state = "w"}) -> (tensor<8xf32>, tensor<2x8x3xf32> {lazy.state = "w"}) {
  %a = lazy.slice %w, [0, 0, 0], [1, 1, 1] : tensor<2x8x3xf32> -> tensor<1x8x3xf32>
  %b = lazy.slice %w, [1, 0, 0], [1, 1, 1] : tensor<2x8x3xf32> -> tensor<1x8x3xf32>
  %c = lazy.write %a, %r, %p, %n, 1 : tensor<1x8x3xf32>, tensor<1x2x3xf32>
  %d = lazy.write %b, %r, %p, %n, 1 : tensor<1x8x3xf32>, tensor<1x2x3xf32>
  %s = lazy.reduce add, %d, [0, 2] : tensor<1x8x3xf32> -> tensor<8xf32>
  %0 = lazy.concat %c, %d axis 0 : (tensor<1x8x3xf32>, tensor<1x8x3xf32>) -> tensor<2x8x3xf32>
  return %s, %0 : tensor<8xf32>, tensor<2x8x3xf32>
}
// CHECK: module attributes {lazy.arena_bytes = 0 : i64} {
// CHECK-NEXT: func.func @main(%arg0: tensor<1x2x3xf32>, %arg1: tensor<i64>, %arg2: tensor<i64>, %arg3: tensor<2x8x3xf32> {lazy.state = "w"}) -> (tensor<8xf32>, tensor<2x8x3xf32> {lazy.kept, lazy.state = "w"}) {
// CHECK-NEXT: %0 = lazy.slice %arg3, [0, 0, 0], [1, 1, 1] : tensor<2x8x3xf32> -> tensor<1x8x3xf32>
// CHECK-NEXT: %1 = lazy.slice %arg3, [1, 0, 0], [1, 1, 1] : tensor<2x8x3xf32> -> tensor<1x8x3xf32>
// CHECK-NEXT: %2 = lazy.kernel "write" (%arg4 = %arg2 : tensor<i64>, %arg5 = %arg1 : tensor<i64>, %arg6 = %arg0 : tensor<1x2x3xf32>, %arg7 = %0 : tensor<1x8x3xf32>) -> (tensor<1x8x3xf32>) attributes {operand_places = [#lazy.place<"input", 2, 0, []>, #lazy.place<"input", 1, 0, []>, #lazy.place<"input", 0, 0, [6, 3, 1]>, #lazy.place<"input", 3, 0, [0, 3, 1]>], result_places = [#lazy.place<"output", 1, 0, [24, 3, 1]>]} {
// CHECK-NEXT: %6 = lazy.write %arg7, %arg6, %arg5, %arg4, 1 : tensor<1x8x3xf32>, tensor<1x2x3xf32>
// CHECK-NEXT: lazy.yield %6 : tensor<1x8x3xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %3 = lazy.kernel "write_1" (%arg4 = %arg2 : tensor<i64>, %arg5 = %arg1 : tensor<i64>, %arg6 = %arg0 : tensor<1x2x3xf32>, %arg7 = %1 : tensor<1x8x3xf32>) -> (tensor<1x8x3xf32>) attributes {operand_places = [#lazy.place<"input", 2, 0, []>, #lazy.place<"input", 1, 0, []>, #lazy.place<"input", 0, 0, [6, 3, 1]>, #lazy.place<"input", 3, 24, [0, 3, 1]>], result_places = [#lazy.place<"output", 1, 24, [24, 3, 1]>]} {
// CHECK-NEXT: %6 = lazy.write %arg7, %arg6, %arg5, %arg4, 1 : tensor<1x8x3xf32>, tensor<1x2x3xf32>
// CHECK-NEXT: lazy.yield %6 : tensor<1x8x3xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %4 = lazy.kernel "reduce" (%arg4 = %3 : tensor<1x8x3xf32>) -> (tensor<8xf32>) attributes {operand_places = [#lazy.place<"output", 1, 24, [24, 3, 1]>], result_places = [#lazy.place<"output", 0, 0, [1]>]} {
// CHECK-NEXT: %6 = lazy.reduce add, %arg4, [0, 2] : tensor<1x8x3xf32> -> tensor<8xf32>
// CHECK-NEXT: lazy.yield %6 : tensor<8xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %5 = lazy.concat %2, %3 axis 0 : (tensor<1x8x3xf32>, tensor<1x8x3xf32>) -> tensor<2x8x3xf32>
// CHECK-NEXT: return %4, %5 : tensor<8xf32>, tensor<2x8x3xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// What others still need is copied, and the copy is written to.
func.func @main(%r: tensor<2x3xf32>, %p: tensor<i64>, %w: tensor<8x3xf32>) -> (tensor<8x3xf32>, tensor<8x3xf32>) {
  %n = lazy.splat 2 : i64 : tensor<i64>
  %0 = lazy.write %w, %r, %p, %n, 0 : tensor<8x3xf32>, tensor<2x3xf32>
  %1 = lazy.sub %0, %w : tensor<8x3xf32>
  return %0, %1 : tensor<8x3xf32>, tensor<8x3xf32>
}
// CHECK: module attributes {lazy.arena_bytes = 0 : i64} {
// CHECK-NEXT: func.func @main(%arg0: tensor<2x3xf32>, %arg1: tensor<i64>, %arg2: tensor<8x3xf32>) -> (tensor<8x3xf32>, tensor<8x3xf32>) {
// CHECK-NEXT: %0 = lazy.kernel "written" (%arg3 = %arg2 : tensor<8x3xf32>) -> (tensor<8x3xf32>) attributes {operand_places = [#lazy.place<"input", 2, 0, [3, 1]>], result_places = [#lazy.place<"output", 0, 0, [3, 1]>]} {
// CHECK-NEXT: lazy.yield %arg3 : tensor<8x3xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %1 = lazy.kernel "write" (%arg3 = %arg1 : tensor<i64>, %arg4 = %arg0 : tensor<2x3xf32>, %arg5 = %0 : tensor<8x3xf32>) -> (tensor<8x3xf32>) attributes {operand_places = [#lazy.place<"input", 1, 0, []>, #lazy.place<"input", 0, 0, [3, 1]>, #lazy.place<"output", 0, 0, [3, 1]>], result_places = [#lazy.place<"output", 0, 0, [3, 1]>]} {
// CHECK-NEXT: %3 = lazy.splat 2 : i64 : tensor<i64>
// CHECK-NEXT: %4 = lazy.write %arg5, %arg4, %arg3, %3, 0 : tensor<8x3xf32>, tensor<2x3xf32>
// CHECK-NEXT: lazy.yield %4 : tensor<8x3xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %2 = lazy.kernel "sub" (%arg3 = %arg2 : tensor<8x3xf32>, %arg4 = %1 : tensor<8x3xf32>) -> (tensor<8x3xf32>) attributes {operand_places = [#lazy.place<"input", 2, 0, [3, 1]>, #lazy.place<"output", 0, 0, [3, 1]>], result_places = [#lazy.place<"output", 1, 0, [3, 1]>]} {
// CHECK-NEXT: %3 = lazy.sub %arg4, %arg3 : tensor<8x3xf32>
// CHECK-NEXT: lazy.yield %3 : tensor<8x3xf32>
// CHECK-NEXT: }
// CHECK-NEXT: return %1, %2 : tensor<8x3xf32>, tensor<8x3xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }
