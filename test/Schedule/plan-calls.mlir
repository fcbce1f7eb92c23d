// RUN: nacre-opt -form-kernels -plan-memory -choose-schedules -verify-schedule %s | FileCheck %s

// What the step computes is stored where it is collected and copied to where it
// is carried; what it only hands on is copied before. The body's arena, its
// counter and its condition are blocks of the caller's arena. Slices of 12 bytes
// are aligned to 4.

// CHECK: func.func private @step(%arg0: tensor<i64>, %arg1: tensor<3xf32> {lazy.state = "carried0"}, %arg2: tensor<3xf32> {lazy.state = "carried1"}, %arg3: tensor<3xf32> {lazy.align = 4 : i64}, %arg4: tensor<3xf32>)
// CHECK-SAME: -> (tensor<3xf32> {lazy.state = "carried0"}, tensor<3xf32> {lazy.state = "carried1"}, tensor<3xf32> {lazy.align = 4 : i64})
// CHECK-SAME: lazy.arena_bytes = 0
// CHECK: lazy.kernel "add"
// CHECK-SAME: result_places = [#lazy.place<"output", 2, 0, [1]>]
// CHECK: lazy.kernel "state"
// CHECK-SAME: operand_places = [#lazy.place<"input", 2, 0, [1]>], result_places = [#lazy.place<"output", 0, 0, [1]>]
// CHECK: lazy.kernel "result"
// CHECK-SAME: operand_places = [#lazy.place<"output", 2, 0, [1]>], result_places = [#lazy.place<"output", 1, 0, [1]>]
// CHECK: func.func @main
// CHECK: lazy.kernel "neg"
// CHECK-SAME: result_places = [#lazy.place<"arena", 0, [[B:[0-9]+]], [1]>]
// CHECK: lazy.kernel "carry"
// CHECK-SAME: operand_places = [#lazy.place<"input", 0, 0, [1]>], result_places = [#lazy.place<"arena", 0, [[A:[0-9]+]], [1]>]
// CHECK: lazy.loop @step bound 7
// CHECK-SAME: operand_places = [#lazy.place<"arena", 0, [[A]], [1]>, #lazy.place<"arena", 0, [[B]], [1]>, #lazy.place<"input", 1, 0, [3, 1]>, #lazy.place<"input", 2, 0, [1]>]
// CHECK-SAME: result_places = [#lazy.place<"arena", 0, [[A]], [1]>, #lazy.place<"arena", 0, [[B]], [1]>, #lazy.place<"arena", 0, 0, [3, 1]>]
// CHECK-SAME: scratch = [#lazy.place<"arena", 0, {{[0-9]+}}, []>, #lazy.place<"arena", 0, {{[0-9]+}}, []>, #lazy.place<"arena", 0, {{[0-9]+}}, []>]
func.func private @step(%i: tensor<i64>, %a: tensor<3xf32>, %b: tensor<3xf32>, %x: tensor<3xf32>, %k: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) {
  %0 = lazy.mul %a, %k : tensor<3xf32>
  %1 = lazy.add %0, %x : tensor<3xf32>
  return %b, %1, %1 : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>
}
func.func @main(%a: tensor<3xf32>, %x: tensor<7x3xf32>, %k: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<7x3xf32>) {
  %b = lazy.neg %a : tensor<3xf32>
  %0:3 = lazy.loop @step bound 7 carried %a, %b : tensor<3xf32>, tensor<3xf32> scanned %x : tensor<7x3xf32> captured %k : tensor<3xf32> backward [false, false] -> (tensor<3xf32>, tensor<3xf32>, tensor<7x3xf32>)
  return %0#0, %0#1, %0#2 : tensor<3xf32>, tensor<3xf32>, tensor<7x3xf32>
}
