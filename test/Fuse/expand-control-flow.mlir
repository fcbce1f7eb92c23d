// RUN: nacre-opt -expand-control-flow -split-input-file %s | FileCheck %s
// RUN: not nacre-opt -expand-control-flow %S/Inputs/endless.mlir 2>&1 | FileCheck --check-prefix=ENDLESS %s

// ENDLESS: endless.mlir:5:8: error: 'lazy.loop' op is not known to end within 4096 times, as it has to where it is unrolled

// A known number of times: slices, one of them backwards, and a join.
func.func private @step(%i: tensor<i64>, %s: tensor<2xf32>, %x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %0 = lazy.add %s, %x : tensor<2xf32>
  return %0, %0 : tensor<2xf32>, tensor<2xf32>
}
func.func @main(%s: tensor<2xf32>, %x: tensor<2x2xf32>) -> (tensor<2xf32>, tensor<2x2xf32>) {
  %0:2 = lazy.loop @step bound 2 carried %s : tensor<2xf32> scanned %x : tensor<2x2xf32> backward [true, false] -> (tensor<2xf32>, tensor<2x2xf32>)
  return %0#0, %0#1 : tensor<2xf32>, tensor<2x2xf32>
}
// CHECK-LABEL: func.func @main
// CHECK: lazy.slice %arg1, [1, 0], [1, 1] : tensor<2x2xf32> -> tensor<1x2xf32>
// CHECK-NEXT: %[[X1:.*]] = lazy.reshape
// CHECK-NEXT: %[[S1:.*]] = lazy.add %arg0, %[[X1]]
// CHECK-NEXT: %[[R1:.*]] = lazy.reshape %[[S1]]
// CHECK: lazy.slice %arg1, [0, 0], [1, 1] : tensor<2x2xf32> -> tensor<1x2xf32>
// CHECK-NEXT: %[[X0:.*]] = lazy.reshape
// CHECK-NEXT: %[[S2:.*]] = lazy.add %[[S1]], %[[X0]]
// CHECK-NEXT: %[[R2:.*]] = lazy.reshape %[[S2]]
// CHECK-NEXT: %[[Y:.*]] = lazy.concat %[[R1]], %[[R2]] axis 0
// CHECK-NEXT: return %[[S2]], %[[Y]]

// -----

// A number of times and a condition of the data: the value stays from then on.
func.func private @step(%i: tensor<i64>, %s: tensor<f32>) -> (tensor<i1>, tensor<f32>) {
  %0 = lazy.neg %s : tensor<f32>
  %1 = lazy.cmp lt, %0, %s : tensor<f32> -> tensor<i1>
  return %1, %0 : tensor<i1>, tensor<f32>
}
func.func @main(%n: tensor<i64>, %s: tensor<f32>) -> tensor<f32> {
  %0 = lazy.loop @step bound 2 trips %n : tensor<i64> conditional carried %s : tensor<f32> backward [] -> (tensor<f32>)
  return %0 : tensor<f32>
}
// CHECK-LABEL: func.func @main
// CHECK: %[[IN0:.*]] = lazy.cmp lt, %{{.*}}, %arg0
// CHECK: %[[V0:.*]] = lazy.neg %arg1
// CHECK: %[[ON0:.*]] = lazy.cmp lt, %[[V0]], %arg1
// CHECK: %[[S1:.*]] = lazy.where %[[IN0]], %[[V0]], %arg1
// CHECK: %[[GO:.*]] = lazy.and %[[IN0]], %[[ON0]]
// CHECK: %[[IN1:.*]] = lazy.cmp lt, %{{.*}}, %arg0
// CHECK: %[[GO1:.*]] = lazy.and %[[GO]], %[[IN1]]
// CHECK: %[[V1:.*]] = lazy.neg %[[S1]]
// CHECK: %[[S2:.*]] = lazy.where %[[GO1]], %[[V1]], %[[S1]]
// CHECK: return %[[S2]]

// -----

// A branch: both, and a choice.
func.func private @a(%x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = lazy.neg %x : tensor<3xf32>
  return %0 : tensor<3xf32>
}
func.func private @b(%x: tensor<3xf32>) -> tensor<3xf32> {
  return %x : tensor<3xf32>
}
func.func @main(%c: tensor<i1>, %x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = lazy.if %c then @a else @b captured %x : tensor<i1>, tensor<3xf32> -> (tensor<3xf32>)
  return %0 : tensor<3xf32>
}
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %[[A:.*]] = lazy.neg %arg1
// CHECK-NEXT: %[[C1:.*]] = lazy.reshape %arg0 : tensor<i1> -> tensor<1xi1>
// CHECK-NEXT: %[[C:.*]] = lazy.expand %[[C1]] : tensor<1xi1> -> tensor<3xi1>
// CHECK-NEXT: %[[R:.*]] = lazy.where %[[C]], %[[A]], %arg1
// CHECK-NEXT: return %[[R]]
