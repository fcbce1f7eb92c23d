// RUN: nacre-opt -form-kernels -split-input-file %s | FileCheck %s

// Normalised rows are one kernel: mean, deviation and what is made of them.
func.func @main(%x: tensor<3x7xf32>, %n: tensor<3x1xf32>) -> tensor<3x7xf32> {
  %0 = lazy.reduce add, %x, [1] : tensor<3x7xf32> -> tensor<3xf32>
  %1 = lazy.reshape %0 : tensor<3xf32> -> tensor<3x1xf32>
  %2 = lazy.div %1, %n : tensor<3x1xf32>
  %3 = lazy.expand %2 : tensor<3x1xf32> -> tensor<3x7xf32>
  %4 = lazy.sub %x, %3 : tensor<3x7xf32>
  %5 = lazy.mul %4, %4 : tensor<3x7xf32>
  %6 = lazy.reduce add, %5, [1] : tensor<3x7xf32> -> tensor<3xf32>
  %7 = lazy.reshape %6 : tensor<3xf32> -> tensor<3x1xf32>
  %8 = lazy.sqrt %7 : tensor<3x1xf32>
  %9 = lazy.expand %8 : tensor<3x1xf32> -> tensor<3x7xf32>
  %10 = lazy.div %4, %9 : tensor<3x7xf32>
  return %10 : tensor<3x7xf32>
}
// CHECK: lazy.kernel "reduce"
// CHECK-NOT: lazy.kernel
// CHECK: return

// -----

// Where another shape goes on with the rows, it makes them too, of the sums.
func.func @main(%x: tensor<3x8xf32>, %n: tensor<3x1xf32>) -> tensor<3x4x2xf32> {
  %0 = lazy.reduce add, %x, [1] : tensor<3x8xf32> -> tensor<3xf32>
  %1 = lazy.reshape %0 : tensor<3xf32> -> tensor<3x1xf32>
  %2 = lazy.div %1, %n : tensor<3x1xf32>
  %3 = lazy.expand %2 : tensor<3x1xf32> -> tensor<3x8xf32>
  %4 = lazy.sub %x, %3 : tensor<3x8xf32>
  %5 = lazy.reshape %4 : tensor<3x8xf32> -> tensor<3x4x2xf32>
  %6 = lazy.exp %5 : tensor<3x4x2xf32>
  return %6 : tensor<3x4x2xf32>
}
// CHECK: %[[MEAN:.*]] = lazy.kernel "reduce" {{.*}} -> (tensor<3x1xf32>)
// CHECK: lazy.kernel "exp" {{.*}} = %[[MEAN]]{{.*}} -> (tensor<3x4x2xf32>) {
// CHECK: lazy.sub
// CHECK-NEXT: lazy.reshape
// CHECK-NEXT: lazy.exp
// CHECK-NOT: lazy.kernel
// CHECK: return
