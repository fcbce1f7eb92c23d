// RUN: nacre-opt -expand-writes %s | FileCheck %s

func.func @main(%x: tensor<2x6xf32>, %r: tensor<2x3xf32>, %p: tensor<i64>, %n: tensor<i64>) -> tensor<2x6xf32> {
  %0 = lazy.write %x, %r, %p, %n, 1 : tensor<2x6xf32>, tensor<2x3xf32>
  return %0 : tensor<2x6xf32>
}
// CHECK: func.func @main(%arg0: tensor<2x6xf32>, %arg1: tensor<2x3xf32>, %arg2: tensor<i64>, %arg3: tensor<i64>) -> tensor<2x6xf32> {
// 0 <= first, 0 <= count <= 3 and first <= 6 - count.
// CHECK: %12 = lazy.and %2, %11 : tensor<i1>
// CHECK: %13 = lazy.iota 0 : tensor<6xi64>
// CHECK: %16 = lazy.cmp ge, %13, %15 : tensor<6xi64> -> tensor<6xi1>
// CHECK: %19 = lazy.cmp lt, %13, %18 : tensor<6xi64> -> tensor<6xi1>
// CHECK-NEXT: %20 = lazy.and %16, %19 : tensor<6xi1>
// CHECK: %22 = lazy.expand %21 : tensor<1xi1> -> tensor<6xi1>
// CHECK-NEXT: %23 = lazy.require %20, %22 {message = "slices are written outside of the tensor", status = 2 : i32} : tensor<6xi1>
// CHECK: %26 = lazy.sub %13, %25 : tensor<6xi64>
// CHECK: %30 = lazy.where %23, %26, %29 : tensor<6xi1>, tensor<6xi64>
// CHECK-NEXT: %31 = lazy.gather %arg1, %30, 1 : tensor<2x3xf32>, tensor<6xi64> -> tensor<2x6xf32>
// CHECK-NEXT: %32 = lazy.reshape %23 : tensor<6xi1> -> tensor<1x6xi1>
// CHECK-NEXT: %33 = lazy.expand %32 : tensor<1x6xi1> -> tensor<2x6xi1>
// CHECK-NEXT: %34 = lazy.where %33, %31, %arg0 : tensor<2x6xi1>, tensor<2x6xf32>
// CHECK-NEXT: return %34 : tensor<2x6xf32>
