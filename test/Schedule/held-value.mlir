// RUN: nacre-opt -choose-schedules -verify-schedule -split-input-file %s | FileCheck %s

// Exponentials are computed for the sum and held where the result will lie:
// `held` is their place in the body.
module attributes {lazy.arena_bytes = 0 : i64} {
  func.func @main(%x: tensor<3x7xf32>) -> tensor<3x7xf32> {
    %y = lazy.kernel "rows" (%a = %x : tensor<3x7xf32>) -> (tensor<3x7xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [7, 1]>], result_places = [#lazy.place<"output", 0, 0, [7, 1]>]} {
      %0 = lazy.exp %a : tensor<3x7xf32>
      %1 = lazy.reduce add, %0, [1] : tensor<3x7xf32> -> tensor<3xf32>
      %2 = lazy.reshape %1 : tensor<3xf32> -> tensor<3x1xf32>
      %3 = lazy.expand %2 : tensor<3x1xf32> -> tensor<3x7xf32>
      %4 = lazy.mul %a, %0 : tensor<3x7xf32>
      %5 = lazy.div %4, %3 : tensor<3x7xf32>
      lazy.yield %5 : tensor<3x7xf32>
    }
    return %y : tensor<3x7xf32>
  }
}
// CHECK-LABEL: module
// CHECK: schedule = {extents = array<i64: 3, 7>, grain = 4096 : i64, held = 0 : i64, kind = "map", lane = 1 : i64, lanes = 4 : i64, loops = array<i64: 0, 1>, prefix = 1 : i64, reciprocals = 1 : i64}} {
// CHECK-NEXT: lazy.exp

// -----

// Read elsewhere in the row than the result is stored: nothing is held.
module attributes {lazy.arena_bytes = 0 : i64} {
  func.func @main(%x: tensor<3x7xf32>) -> tensor<3x7xf32> {
    %y = lazy.kernel "rows" (%a = %x : tensor<3x7xf32>) -> (tensor<3x7xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [7, 1]>], result_places = [#lazy.place<"output", 0, 0, [7, 1]>]} {
      %0 = lazy.exp %a : tensor<3x7xf32>
      %1 = lazy.reduce add, %0, [1] : tensor<3x7xf32> -> tensor<3xf32>
      %2 = lazy.reshape %1 : tensor<3xf32> -> tensor<3x1xf32>
      %3 = lazy.expand %2 : tensor<3x1xf32> -> tensor<3x7xf32>
      %4 = lazy.flip %0, [1] : tensor<3x7xf32> -> tensor<3x7xf32>
      %5 = lazy.div %4, %3 : tensor<3x7xf32>
      lazy.yield %5 : tensor<3x7xf32>
    }
    return %y : tensor<3x7xf32>
  }
}
// CHECK-LABEL: module
// CHECK-NOT: held
// CHECK: lazy.flip

// -----

// Cheap values are computed again.
module attributes {lazy.arena_bytes = 0 : i64} {
  func.func @main(%x: tensor<3x7xf32>) -> tensor<3x7xf32> {
    %y = lazy.kernel "rows" (%a = %x : tensor<3x7xf32>) -> (tensor<3x7xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [7, 1]>], result_places = [#lazy.place<"output", 0, 0, [7, 1]>]} {
      %0 = lazy.neg %a : tensor<3x7xf32>
      %1 = lazy.reduce add, %0, [1] : tensor<3x7xf32> -> tensor<3xf32>
      %2 = lazy.reshape %1 : tensor<3xf32> -> tensor<3x1xf32>
      %3 = lazy.expand %2 : tensor<3x1xf32> -> tensor<3x7xf32>
      %4 = lazy.mul %a, %0 : tensor<3x7xf32>
      %5 = lazy.div %4, %3 : tensor<3x7xf32>
      lazy.yield %5 : tensor<3x7xf32>
    }
    return %y : tensor<3x7xf32>
  }
}
// CHECK-LABEL: module
// CHECK-NOT: held
// CHECK: lazy.neg
