// RUN: nacre-opt -choose-schedules -verify-schedule -split-input-file %s | FileCheck %s

// A row divided by its sum.
module attributes {lazy.arena_bytes = 0 : i64} {
  func.func @main(%x: tensor<3x7xf32>) -> tensor<3x7xf32> {
    %y = lazy.kernel "rows" (%a = %x : tensor<3x7xf32>) -> (tensor<3x7xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [7, 1]>], result_places = [#lazy.place<"output", 0, 0, [7, 1]>]} {
      %0 = lazy.reduce add, %a, [1] : tensor<3x7xf32> -> tensor<3xf32>
      %1 = lazy.reshape %0 : tensor<3xf32> -> tensor<3x1xf32>
      %2 = lazy.expand %1 : tensor<3x1xf32> -> tensor<3x7xf32>
      %3 = lazy.div %a, %2 : tensor<3x7xf32>
      lazy.yield %3 : tensor<3x7xf32>
    }
    return %y : tensor<3x7xf32>
  }
}
// CHECK-LABEL: module
// CHECK: prefix = 1 : i64, reciprocals = 1 : i64}} {
// CHECK: lazy.div

// -----

// A rounding would show the last bit of a quotient.
module attributes {lazy.arena_bytes = 0 : i64} {
  func.func @main(%x: tensor<3x7xf32>) -> tensor<3x7xf32> {
    %y = lazy.kernel "rows" (%a = %x : tensor<3x7xf32>) -> (tensor<3x7xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [7, 1]>], result_places = [#lazy.place<"output", 0, 0, [7, 1]>]} {
      %0 = lazy.reduce add, %a, [1] : tensor<3x7xf32> -> tensor<3xf32>
      %1 = lazy.reshape %0 : tensor<3xf32> -> tensor<3x1xf32>
      %2 = lazy.expand %1 : tensor<3x1xf32> -> tensor<3x7xf32>
      %3 = lazy.div %a, %2 : tensor<3x7xf32>
      %4 = lazy.round %3 : tensor<3x7xf32>
      lazy.yield %4 : tensor<3x7xf32>
    }
    return %y : tensor<3x7xf32>
  }
}
// CHECK-LABEL: module
// CHECK-NOT: reciprocals
// CHECK: lazy.round

// -----

// Each element has a divisor of its own.
module attributes {lazy.arena_bytes = 0 : i64} {
  func.func @main(%x: tensor<3x7xf32>) -> tensor<3x7xf32> {
    %y = lazy.kernel "rows" (%a = %x : tensor<3x7xf32>) -> (tensor<3x7xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [7, 1]>], result_places = [#lazy.place<"output", 0, 0, [7, 1]>]} {
      %0 = lazy.reduce add, %a, [1] : tensor<3x7xf32> -> tensor<3xf32>
      %1 = lazy.reshape %0 : tensor<3xf32> -> tensor<3x1xf32>
      %2 = lazy.expand %1 : tensor<3x1xf32> -> tensor<3x7xf32>
      %5 = lazy.add %a, %2 : tensor<3x7xf32>
      %3 = lazy.div %2, %5 : tensor<3x7xf32>
      lazy.yield %3 : tensor<3x7xf32>
    }
    return %y : tensor<3x7xf32>
  }
}
// CHECK-LABEL: module
// CHECK-NOT: reciprocals
// CHECK: lazy.div

// -----

// A constant divisor.
module attributes {lazy.arena_bytes = 0 : i64} {
  func.func @main(%x: tensor<3x7xf32>) -> tensor<3x7xf32> {
    %y = lazy.kernel "rows" (%a = %x : tensor<3x7xf32>) -> (tensor<3x7xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [7, 1]>], result_places = [#lazy.place<"output", 0, 0, [7, 1]>]} {
      %0 = lazy.reduce add, %a, [1] : tensor<3x7xf32> -> tensor<3xf32>
      %1 = lazy.reshape %0 : tensor<3xf32> -> tensor<3x1xf32>
      %2 = lazy.expand %1 : tensor<3x1xf32> -> tensor<3x7xf32>
      %5 = lazy.splat 3.000000e+00 : f32 : tensor<3x7xf32>
      %4 = lazy.sub %a, %2 : tensor<3x7xf32>
      %3 = lazy.div %4, %5 : tensor<3x7xf32>
      lazy.yield %3 : tensor<3x7xf32>
    }
    return %y : tensor<3x7xf32>
  }
}
// CHECK-LABEL: module
// CHECK-NOT: reciprocals
// CHECK: lazy.div

// -----

// f64 is divided.
module attributes {lazy.arena_bytes = 0 : i64} {
  func.func @main(%x: tensor<3x7xf64>) -> tensor<3x7xf64> {
    %y = lazy.kernel "rows" (%a = %x : tensor<3x7xf64>) -> (tensor<3x7xf64>) attributes {operand_places = [#lazy.place<"input", 0, 0, [7, 1]>], result_places = [#lazy.place<"output", 0, 0, [7, 1]>]} {
      %0 = lazy.reduce add, %a, [1] : tensor<3x7xf64> -> tensor<3xf64>
      %1 = lazy.reshape %0 : tensor<3xf64> -> tensor<3x1xf64>
      %2 = lazy.expand %1 : tensor<3x1xf64> -> tensor<3x7xf64>
      %3 = lazy.div %a, %2 : tensor<3x7xf64>
      lazy.yield %3 : tensor<3x7xf64>
    }
    return %y : tensor<3x7xf64>
  }
}
// CHECK-LABEL: module
// CHECK-NOT: reciprocals
// CHECK: lazy.div
