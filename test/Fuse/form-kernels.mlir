// RUN: nacre-opt -form-kernels -split-input-file %s | FileCheck %s

// An elementwise chain is one kernel.
func.func @main(%x: tensor<7xf32>, %y: tensor<7xf32>) -> tensor<7xf32> {
  %0 = lazy.exp %x : tensor<7xf32>
  %1 = lazy.add %0, %y : tensor<7xf32>
  %2 = lazy.neg %1 : tensor<7xf32>
  return %2 : tensor<7xf32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<7xf32>, %arg1: tensor<7xf32>) -> tensor<7xf32> {
// CHECK-NEXT: %0 = lazy.kernel "neg" (%arg2 = %arg1 : tensor<7xf32>, %arg3 = %arg0 : tensor<7xf32>) -> (tensor<7xf32>) {
// CHECK-NEXT: %1 = lazy.exp %arg3 : tensor<7xf32>
// CHECK-NEXT: %2 = lazy.add %1, %arg2 : tensor<7xf32>
// CHECK-NEXT: %3 = lazy.neg %2 : tensor<7xf32>
// CHECK-NEXT: lazy.yield %3 : tensor<7xf32>
// CHECK-NEXT: }
// CHECK-NEXT: return %0 : tensor<7xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// A softmax keeps its row: one kernel with two reductions.
func.func @main(%x: tensor<3x7xf32>) -> tensor<3x7xf32> {
  %0 = lazy.reduce max, %x, [1] : tensor<3x7xf32> -> tensor<3xf32>
  %1 = lazy.reshape %0 : tensor<3xf32> -> tensor<3x1xf32>
  %2 = lazy.expand %1 : tensor<3x1xf32> -> tensor<3x7xf32>
  %3 = lazy.sub %x, %2 : tensor<3x7xf32>
  %4 = lazy.exp %3 : tensor<3x7xf32>
  %5 = lazy.reduce add, %4, [1] : tensor<3x7xf32> -> tensor<3xf32>
  %6 = lazy.reshape %5 : tensor<3xf32> -> tensor<3x1xf32>
  %7 = lazy.expand %6 : tensor<3x1xf32> -> tensor<3x7xf32>
  %8 = lazy.div %4, %7 : tensor<3x7xf32>
  return %8 : tensor<3x7xf32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<3x7xf32>) -> tensor<3x7xf32> {
// CHECK-NEXT: %0 = lazy.kernel "reduce" (%arg1 = %arg0 : tensor<3x7xf32>) -> (tensor<3x7xf32>) {
// CHECK-NEXT: %1 = lazy.reduce max, %arg1, [1] : tensor<3x7xf32> -> tensor<3xf32>
// CHECK-NEXT: %2 = lazy.reshape %1 : tensor<3xf32> -> tensor<3x1xf32>
// CHECK-NEXT: %3 = lazy.expand %2 : tensor<3x1xf32> -> tensor<3x7xf32>
// CHECK-NEXT: %4 = lazy.sub %arg1, %3 : tensor<3x7xf32>
// CHECK-NEXT: %5 = lazy.exp %4 : tensor<3x7xf32>
// CHECK-NEXT: %6 = lazy.reduce add, %5, [1] : tensor<3x7xf32> -> tensor<3xf32>
// CHECK-NEXT: %7 = lazy.reshape %6 : tensor<3xf32> -> tensor<3x1xf32>
// CHECK-NEXT: %8 = lazy.expand %7 : tensor<3x1xf32> -> tensor<3x7xf32>
// CHECK-NEXT: %9 = lazy.div %5, %8 : tensor<3x7xf32>
// CHECK-NEXT: lazy.yield %9 : tensor<3x7xf32>
// CHECK-NEXT: }
// CHECK-NEXT: return %0 : tensor<3x7xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// A contraction takes its epilogue along; its operand is made before.
func.func @main(%x: tensor<5x13xf32>, %y: tensor<5x8xf32>) -> tensor<5x8xf32> {
  %w = lazy.weight "w" : tensor<13x8xf32>
  %0 = lazy.neg %x : tensor<5x13xf32>
  %1 = lazy.contract %0, %w, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<5x13xf32>, tensor<13x8xf32> -> tensor<5x8xf32>
  %2 = lazy.add %1, %y : tensor<5x8xf32>
  %3 = lazy.abs %2 : tensor<5x8xf32>
  return %3 : tensor<5x8xf32>
}
// CHECK: #map = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-NEXT: #map1 = affine_map<(d0, d1, d2) -> (d2, d1)>
// CHECK-NEXT: #map2 = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-NEXT: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<5x13xf32>, %arg1: tensor<5x8xf32>) -> tensor<5x8xf32> {
// CHECK-NEXT: %0 = lazy.weight "w" : tensor<13x8xf32>
// CHECK-NEXT: %1 = lazy.kernel "neg" (%arg2 = %arg0 : tensor<5x13xf32>) -> (tensor<5x13xf32>) {
// CHECK-NEXT: %3 = lazy.neg %arg2 : tensor<5x13xf32>
// CHECK-NEXT: lazy.yield %3 : tensor<5x13xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %2 = lazy.kernel "contract" (%arg2 = %arg1 : tensor<5x8xf32>, %arg3 = %0 : tensor<13x8xf32>, %arg4 = %1 : tensor<5x13xf32>) -> (tensor<5x8xf32>) {
// CHECK-NEXT: %3 = lazy.contract %arg4, %arg3, [#map, #map1, #map2] : tensor<5x13xf32>, tensor<13x8xf32> -> tensor<5x8xf32>
// CHECK-NEXT: %4 = lazy.add %3, %arg2 : tensor<5x8xf32>
// CHECK-NEXT: %5 = lazy.abs %4 : tensor<5x8xf32>
// CHECK-NEXT: lazy.yield %5 : tensor<5x8xf32>
// CHECK-NEXT: }
// CHECK-NEXT: return %2 : tensor<5x8xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// A join stays between kernels.
func.func @main(%x: tensor<2xf32>) -> tensor<4xf32> {
  %0 = lazy.neg %x : tensor<2xf32>
  %1 = lazy.concat %x, %0 axis 0 : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<2xf32>) -> tensor<4xf32> {
// CHECK-NEXT: %0 = lazy.kernel "neg" (%arg1 = %arg0 : tensor<2xf32>) -> (tensor<2xf32>) {
// CHECK-NEXT: %2 = lazy.neg %arg1 : tensor<2xf32>
// CHECK-NEXT: lazy.yield %2 : tensor<2xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %1 = lazy.concat %arg0, %0 axis 0 : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
// CHECK-NEXT: return %1 : tensor<4xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// The updates of a scatter are computed in its kernel, its index before it.
func.func @main(%x: tensor<5x8xf32>, %i: tensor<5xi64>) -> tensor<3x8xf32> {
  %0 = lazy.neg %x : tensor<5x8xf32>
  %1 = lazy.abs %i : tensor<5xi64>
  %2 = lazy.scatter %0, %1, 0 : tensor<5x8xf32>, tensor<5xi64> -> tensor<3x8xf32>
  return %2 : tensor<3x8xf32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<5x8xf32>, %arg1: tensor<5xi64>) -> tensor<3x8xf32> {
// CHECK-NEXT: %0 = lazy.kernel "abs" (%arg2 = %arg1 : tensor<5xi64>) -> (tensor<5xi64>) {
// CHECK-NEXT: %2 = lazy.abs %arg2 : tensor<5xi64>
// CHECK-NEXT: lazy.yield %2 : tensor<5xi64>
// CHECK-NEXT: }
// CHECK-NEXT: %1 = lazy.kernel "scatter" (%arg2 = %0 : tensor<5xi64>, %arg3 = %arg0 : tensor<5x8xf32>) -> (tensor<3x8xf32>) {
// CHECK-NEXT: %2 = lazy.neg %arg3 : tensor<5x8xf32>
// CHECK-NEXT: %3 = lazy.scatter %2, %arg2, 0 : tensor<5x8xf32>, tensor<5xi64> -> tensor<3x8xf32>
// CHECK-NEXT: lazy.yield %3 : tensor<3x8xf32>
// CHECK-NEXT: }
// CHECK-NEXT: return %1 : tensor<3x8xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// The index of a gather is computed where it is used, unless it looks at its own
// place.
func.func @main(%x: tensor<8xf32>, %i: tensor<8xi64>) -> (tensor<8xf32>, tensor<8xf32>) {
  %0 = lazy.neg %i : tensor<8xi64>
  %1 = lazy.gather %x, %0, 0 : tensor<8xf32>, tensor<8xi64> -> tensor<8xf32>
  %2 = lazy.iota 0 : tensor<8xi64>
  %3 = lazy.sub %2, %i : tensor<8xi64>
  %4 = lazy.gather %x, %3, 0 : tensor<8xf32>, tensor<8xi64> -> tensor<8xf32>
  return %1, %4 : tensor<8xf32>, tensor<8xf32>
}
// CHECK: module {
// CHECK: lazy.kernel "gather" (%[[I:.*]] = %arg1 : tensor<8xi64>, %[[X:.*]] = %arg0 : tensor<8xf32>) -> (tensor<8xf32>) {
// CHECK-NEXT: %[[N:.*]] = lazy.neg %[[I]] : tensor<8xi64>
// CHECK-NEXT: lazy.gather %[[X]], %[[N]], 0
// CHECK: %[[P:.*]] = lazy.kernel "sub" (%[[I:.*]] = %arg1 : tensor<8xi64>) -> (tensor<8xi64>) {
// CHECK: lazy.kernel "gather_1" (%[[P1:.*]] = %[[P]] : tensor<8xi64>, %[[X:.*]] = %arg0 : tensor<8xf32>) -> (tensor<8xf32>) {
// CHECK-NEXT: lazy.gather %[[X]], %[[P1]], 0

// -----

// Narrow elements are summed as words.
func.func @main(%x: tensor<5xbf16>, %y: tensor<5xi1>, %i: tensor<5xi64>) -> (tensor<3xbf16>, tensor<3xi1>) {
  %0 = lazy.scatter %x, %i, 0 : tensor<5xbf16>, tensor<5xi64> -> tensor<3xbf16>
  %1 = lazy.scatter %y, %i, 0 : tensor<5xi1>, tensor<5xi64> -> tensor<3xi1>
  return %0, %1 : tensor<3xbf16>, tensor<3xi1>
}
// CHECK: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<5xbf16>, %arg1: tensor<5xi1>, %arg2: tensor<5xi64>) -> (tensor<3xbf16>, tensor<3xi1>) {
// CHECK-NEXT: %0 = lazy.kernel "scatter" (%arg3 = %arg2 : tensor<5xi64>, %arg4 = %arg0 : tensor<5xbf16>) -> (tensor<3xf32>) {
// CHECK-NEXT: %4 = lazy.cast %arg4 : tensor<5xbf16> -> tensor<5xf32>
// CHECK-NEXT: %5 = lazy.scatter %4, %arg3, 0 : tensor<5xf32>, tensor<5xi64> -> tensor<3xf32>
// CHECK-NEXT: lazy.yield %5 : tensor<3xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %1 = lazy.kernel "cast" (%arg3 = %0 : tensor<3xf32>) -> (tensor<3xbf16>) {
// CHECK-NEXT: %4 = lazy.cast %arg3 : tensor<3xf32> -> tensor<3xbf16>
// CHECK-NEXT: lazy.yield %4 : tensor<3xbf16>
// CHECK-NEXT: }
// CHECK-NEXT: %2 = lazy.kernel "scatter_1" (%arg3 = %arg2 : tensor<5xi64>, %arg4 = %arg1 : tensor<5xi1>) -> (tensor<3xi32>) {
// CHECK-NEXT: %4 = lazy.cast %arg4 : tensor<5xi1> -> tensor<5xi32>
// CHECK-NEXT: %5 = lazy.scatter %4, %arg3, 0 : tensor<5xi32>, tensor<5xi64> -> tensor<3xi32>
// CHECK-NEXT: lazy.yield %5 : tensor<3xi32>
// CHECK-NEXT: }
// CHECK-NEXT: %3 = lazy.kernel "cast_1" (%arg3 = %2 : tensor<3xi32>) -> (tensor<3xi1>) {
// CHECK-NEXT: %4 = lazy.splat 1 : i32 : tensor<3xi32>
// CHECK-NEXT: %5 = lazy.and %arg3, %4 : tensor<3xi32>
// CHECK-NEXT: %6 = lazy.cast %5 : tensor<3xi32> -> tensor<3xi1>
// CHECK-NEXT: lazy.yield %6 : tensor<3xi1>
// CHECK-NEXT: }
// CHECK-NEXT: return %1, %3 : tensor<3xbf16>, tensor<3xi1>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// Where nothing is scattered stands the end of the narrow range, not the word's.
func.func @main(%x: tensor<5xi8>, %y: tensor<5xui16>, %i: tensor<5xi64>) -> (tensor<3xi8>, tensor<3xui16>) {
  %0 = lazy.scatter max, %x, %i, 0 : tensor<5xi8>, tensor<5xi64> -> tensor<3xi8>
  %1 = lazy.scatter min, %y, %i, 0 : tensor<5xui16>, tensor<5xi64> -> tensor<3xui16>
  return %0, %1 : tensor<3xi8>, tensor<3xui16>
}
// CHECK: module {
// CHECK: lazy.scatter max, %{{.*}}, %{{.*}}, 0 : tensor<5xi32>, tensor<5xi64> -> tensor<3xi32>
// CHECK: %[[LOW:.*]] = lazy.splat -128 : i32 : tensor<3xi32>
// CHECK-NEXT: %[[MAX:.*]] = lazy.max %{{.*}}, %[[LOW]] : tensor<3xi32>
// CHECK-NEXT: lazy.cast %[[MAX]] : tensor<3xi32> -> tensor<3xi8>
// CHECK: lazy.scatter min, %{{.*}}, %{{.*}}, 0 : tensor<5xi32>, tensor<5xi64> -> tensor<3xi32>
// CHECK: %[[HIGH:.*]] = lazy.splat 65535 : i32 : tensor<3xi32>
// CHECK-NEXT: %[[MIN:.*]] = lazy.min %{{.*}}, %[[HIGH]] : tensor<3xi32>
// CHECK-NEXT: lazy.cast %[[MIN]] : tensor<3xi32> -> tensor<3xui16>

// -----

// A condition is checked where its value is used.
func.func @main(%x: tensor<7xf32>, %ok: tensor<7xi1>) -> tensor<7xf32> {
  %0 = lazy.require %x, %ok {status = 9 : i32, message = "not finite"} : tensor<7xf32>
  %1 = lazy.neg %0 : tensor<7xf32>
  return %1 : tensor<7xf32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<7xf32>, %arg1: tensor<7xi1>) -> tensor<7xf32> {
// CHECK-NEXT: %0 = lazy.kernel "neg" (%arg2 = %arg1 : tensor<7xi1>, %arg3 = %arg0 : tensor<7xf32>) -> (tensor<7xf32>) {
// CHECK-NEXT: %1 = lazy.require %arg3, %arg2 {message = "not finite", status = 9 : i32} : tensor<7xf32>
// CHECK-NEXT: %2 = lazy.neg %1 : tensor<7xf32>
// CHECK-NEXT: lazy.yield %2 : tensor<7xf32>
// CHECK-NEXT: }
// CHECK-NEXT: return %0 : tensor<7xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// The mean over a batch of each channel, taken off: rows of a channel lie apart
// and are long, so the sum is a kernel of its own.
func.func @main(%x: tensor<64x4x32x32xf32>) -> tensor<64x4x32x32xf32> {
  %0 = lazy.reduce add, %x, [0, 2, 3] : tensor<64x4x32x32xf32> -> tensor<4xf32>
  %1 = lazy.reshape %0 : tensor<4xf32> -> tensor<1x4x1x1xf32>
  %2 = lazy.expand %1 : tensor<1x4x1x1xf32> -> tensor<64x4x32x32xf32>
  %3 = lazy.sub %x, %2 : tensor<64x4x32x32xf32>
  return %3 : tensor<64x4x32x32xf32>
}
// CHECK-LABEL: func.func @main(%arg0: tensor<64x4x32x32xf32>)
// CHECK: lazy.kernel "reduce"
// CHECK-SAME: -> (tensor<4xf32>)
// CHECK: lazy.kernel "sub"
// CHECK-SAME: -> (tensor<64x4x32x32xf32>)

// -----

// The product has no reader left once the sum has joined its kernel: it is not
// written.
func.func @main(%x: tensor<7xf32>, %y: tensor<7xf32>) -> (tensor<7xf32>, tensor<f32>) {
  %0 = lazy.mul %x, %y : tensor<7xf32>
  %1 = lazy.add %0, %y : tensor<7xf32>
  %2 = lazy.add %1, %0 : tensor<7xf32>
  %3 = lazy.reduce add, %2, [0] : tensor<7xf32> -> tensor<f32>
  %4 = lazy.log %3 : tensor<f32>
  %5 = lazy.reshape %4 : tensor<f32> -> tensor<1xf32>
  %6 = lazy.expand %5 : tensor<1xf32> -> tensor<7xf32>
  %7 = lazy.sub %2, %6 : tensor<7xf32>
  return %7, %3 : tensor<7xf32>, tensor<f32>
}
// CHECK-LABEL: func.func @main(%arg0: tensor<7xf32>, %arg1: tensor<7xf32>) -> (tensor<7xf32>, tensor<f32>)
// CHECK-NEXT: %0 = lazy.kernel "mul" (%arg2 = %arg1 : tensor<7xf32>, %arg3 = %arg0 : tensor<7xf32>) -> (tensor<7xf32>) {
// CHECK-NEXT: %4 = lazy.mul %arg3, %arg2 : tensor<7xf32>
// CHECK-NEXT: %5 = lazy.add %4, %arg2 : tensor<7xf32>
// CHECK-NEXT: %6 = lazy.add %5, %4 : tensor<7xf32>
// CHECK-NEXT: lazy.yield %6 : tensor<7xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %1 = lazy.kernel "reduce" (%arg2 = %0 : tensor<7xf32>) -> (tensor<f32>) {

// -----

// A difference to a mean is made again by each of its readers, which read as
// much as before; an exponential is not.
func.func @main(%x: tensor<64x128xf32>, %m: tensor<128xf32>) -> (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>) {
  %0 = lazy.reshape %m : tensor<128xf32> -> tensor<1x128xf32>
  %1 = lazy.expand %0 : tensor<1x128xf32> -> tensor<64x128xf32>
  %2 = lazy.sub %x, %1 : tensor<64x128xf32>
  %3 = lazy.reduce add, %2, [1] : tensor<64x128xf32> -> tensor<64xf32>
  %4 = lazy.reduce max, %2, [1] : tensor<64x128xf32> -> tensor<64xf32>
  %5 = lazy.exp %2 : tensor<64x128xf32>
  %6 = lazy.reduce add, %5, [1] : tensor<64x128xf32> -> tensor<64xf32>
  %7 = lazy.reduce max, %5, [1] : tensor<64x128xf32> -> tensor<64xf32>
  %8 = lazy.add %6, %7 : tensor<64xf32>
  return %3, %4, %8 : tensor<64xf32>, tensor<64xf32>, tensor<64xf32>
}
// CHECK-LABEL: func.func @main(%arg0: tensor<64x128xf32>, %arg1: tensor<128xf32>)
// CHECK-NOT: lazy.kernel "sub"
// CHECK: lazy.kernel "reduce" (%arg2 = %arg1 : tensor<128xf32>, %arg3 = %arg0 : tensor<64x128xf32>)
// CHECK: lazy.kernel "reduce_1" (%arg2 = %arg1 : tensor<128xf32>, %arg3 = %arg0 : tensor<64x128xf32>)
// CHECK: %[[E:.*]] = lazy.kernel "exp" (%arg2 = %arg1 : tensor<128xf32>, %arg3 = %arg0 : tensor<64x128xf32>)
// CHECK: lazy.kernel "reduce_2" (%arg2 = %[[E]] : tensor<64x128xf32>)
// CHECK: return

// -----

// So is a comparison, but not a sum of two: its readers would read two tensors
// in place of one.
func.func @main(%x: tensor<64x128xf32>, %y: tensor<64x128xf32>) -> (tensor<64xf32>, tensor<128xf32>, tensor<64xf32>, tensor<128xf32>) {
  %0 = lazy.cmp lt, %x, %y : tensor<64x128xf32> -> tensor<64x128xi1>
  %1 = lazy.where %0, %x, %y : tensor<64x128xi1>, tensor<64x128xf32>
  %2 = lazy.reduce add, %1, [1] : tensor<64x128xf32> -> tensor<64xf32>
  %w = lazy.where %0, %y, %x : tensor<64x128xi1>, tensor<64x128xf32>
  %3 = lazy.reduce mul, %w, [0] : tensor<64x128xf32> -> tensor<128xf32>
  %4 = lazy.add %x, %y : tensor<64x128xf32>
  %5 = lazy.reduce add, %4, [1] : tensor<64x128xf32> -> tensor<64xf32>
  %6 = lazy.reduce mul, %4, [0] : tensor<64x128xf32> -> tensor<128xf32>
  return %2, %3, %5, %6 : tensor<64xf32>, tensor<128xf32>, tensor<64xf32>, tensor<128xf32>
}
// CHECK-LABEL: func.func @main(%arg0: tensor<64x128xf32>, %arg1: tensor<64x128xf32>)
// CHECK-NOT: xi1>)
// CHECK: %[[A:.*]] = lazy.kernel "add"
// CHECK-SAME: -> (tensor<64x128xf32>)
// CHECK: (%arg2 = %[[A]] : tensor<64x128xf32>) -> (tensor<64xf32>)
// CHECK: (%arg2 = %[[A]] : tensor<64x128xf32>) -> (tensor<128xf32>)
