// RUN: nacre-opt -differentiate -canonicalize-lazy -split-input-file -verify-diagnostics %s | FileCheck %s

// The gradient of w is a contraction with x; that of x is not asked for.
func.func @main(%x: tensor<5x3xf32> {lazy.name = "x"}, %w: tensor<3x4xf32> {lazy.name = "w", lazy.gradient}) -> (tensor<f32> {lazy.name = "loss"}) {
  %0 = lazy.contract %x, %w, [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>] : tensor<5x3xf32>, tensor<3x4xf32> -> tensor<5x4xf32>
  %1 = lazy.tanh %0 : tensor<5x4xf32>
  %2 = lazy.reduce add, %1, [0, 1] : tensor<5x4xf32> -> tensor<f32>
  return %2 : tensor<f32>
}
// CHECK: #map = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-NEXT: #map1 = affine_map<(d0, d1, d2) -> (d2, d1)>
// CHECK-NEXT: #map2 = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-NEXT: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<5x3xf32> {lazy.name = "x"}, %arg1: tensor<3x4xf32> {lazy.name = "w"}) -> (tensor<f32> {lazy.name = "loss"}, tensor<3x4xf32> {lazy.name = "d_w"}) {
// CHECK-NEXT: %0 = lazy.contract %arg0, %arg1, [#map, #map1, #map2] : tensor<5x3xf32>, tensor<3x4xf32> -> tensor<5x4xf32>
// CHECK-NEXT: %1 = lazy.tanh %0 : tensor<5x4xf32>
// CHECK-NEXT: %2 = lazy.reduce add, %1, [0, 1] : tensor<5x4xf32> -> tensor<f32>
// CHECK-NEXT: %3 = lazy.splat 1.000000e+00 : f32 : tensor<f32>
// CHECK-NEXT: %4 = lazy.reshape %3 : tensor<f32> -> tensor<1x1xf32>
// CHECK-NEXT: %5 = lazy.expand %4 : tensor<1x1xf32> -> tensor<5x4xf32>
// CHECK-NEXT: %6 = lazy.splat 1.000000e+00 : f32 : tensor<5x4xf32>
// CHECK-NEXT: %7 = lazy.mul %1, %1 : tensor<5x4xf32>
// CHECK-NEXT: %8 = lazy.sub %6, %7 : tensor<5x4xf32>
// CHECK-NEXT: %9 = lazy.mul %5, %8 : tensor<5x4xf32>
// CHECK-NEXT: %10 = lazy.contract %9, %arg0, [#map2, #map, #map1] : tensor<5x4xf32>, tensor<5x3xf32> -> tensor<3x4xf32>
// CHECK-NEXT: return %2, %10 : tensor<f32>, tensor<3x4xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// A convolution of stride 2: dy is read at q - v, w is split into v and r.
func.func @main(%x: tensor<2x9xf32> {lazy.name = "x", lazy.gradient}, %w: tensor<4x2x3xf32> {lazy.name = "w", lazy.gradient}, %r: tensor<4x4xf32> {lazy.name = "r"}) -> (tensor<f32> {lazy.name = "loss"}) {
  %0 = lazy.contract %x, %w, [affine_map<(o, c, p, w) -> (c, p * 2 + w)>, affine_map<(o, c, p, w) -> (o, c, w)>, affine_map<(o, c, p, w) -> (o, p)>] : tensor<2x9xf32>, tensor<4x2x3xf32> -> tensor<4x4xf32>
  %1 = lazy.mul %0, %r : tensor<4x4xf32>
  %2 = lazy.reduce add, %1, [0, 1] : tensor<4x4xf32> -> tensor<f32>
  return %2 : tensor<f32>
}
// CHECK: #map = affine_map<(d0, d1, d2, d3) -> (d1, d2 * 2 + d3)>
// CHECK-NEXT: #map1 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>
// CHECK-NEXT: #map2 = affine_map<(d0, d1, d2, d3) -> (d0, d2)>
// CHECK-NEXT: #map3 = affine_map<(d0, d1, d2, d3, d4) -> (d0, d2 - d4 + 1)>
// CHECK-NEXT: #map4 = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d4, d3)>
// CHECK-NEXT: #map5 = affine_map<(d0, d1, d2, d3, d4) -> (d1, d2, d3)>
// CHECK-NEXT: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<2x9xf32> {lazy.name = "x"}, %arg1: tensor<4x2x3xf32> {lazy.name = "w"}, %arg2: tensor<4x4xf32> {lazy.name = "r"}) -> (tensor<f32> {lazy.name = "loss"}, tensor<2x9xf32> {lazy.name = "d_x"}, tensor<4x2x3xf32> {lazy.name = "d_w"}) {
// CHECK-NEXT: %0 = lazy.contract %arg0, %arg1, [#map, #map1, #map2] : tensor<2x9xf32>, tensor<4x2x3xf32> -> tensor<4x4xf32>
// CHECK-NEXT: %1 = lazy.mul %0, %arg2 : tensor<4x4xf32>
// CHECK-NEXT: %2 = lazy.reduce add, %1, [0, 1] : tensor<4x4xf32> -> tensor<f32>
// CHECK-NEXT: %3 = lazy.splat 1.000000e+00 : f32 : tensor<f32>
// CHECK-NEXT: %4 = lazy.reshape %3 : tensor<f32> -> tensor<1x1xf32>
// CHECK-NEXT: %5 = lazy.expand %4 : tensor<1x1xf32> -> tensor<4x4xf32>
// CHECK-NEXT: %6 = lazy.mul %5, %arg2 : tensor<4x4xf32>
// CHECK-NEXT: %7 = lazy.pad %6, [0, 1], [0, 1], 0.000000e+00 : f32 : tensor<4x4xf32> -> tensor<4x6xf32>
// CHECK-NEXT: %8 = lazy.pad %arg1, [0, 0, 0], [0, 0, 1], 0.000000e+00 : f32 : tensor<4x2x3xf32> -> tensor<4x2x4xf32>
// CHECK-NEXT: %9 = lazy.reshape %8 : tensor<4x2x4xf32> -> tensor<4x2x2x2xf32>
// CHECK-NEXT: %10 = lazy.contract %7, %9, [#map3, #map4, #map5] : tensor<4x6xf32>, tensor<4x2x2x2xf32> -> tensor<2x5x2xf32>
// CHECK-NEXT: %11 = lazy.reshape %10 : tensor<2x5x2xf32> -> tensor<2x10xf32>
// CHECK-NEXT: %12 = lazy.slice %11, [0, 0], [1, 1] : tensor<2x10xf32> -> tensor<2x9xf32>
// CHECK-NEXT: %13 = lazy.contract %6, %arg0, [#map2, #map, #map1] : tensor<4x4xf32>, tensor<2x9xf32> -> tensor<4x2x3xf32>
// CHECK-NEXT: return %2, %12, %13 : tensor<f32>, tensor<2x9xf32>, tensor<4x2x3xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// Stride 1 and dilation 2.
func.func @main(%x: tensor<2x9xf32> {lazy.name = "x", lazy.gradient}, %w: tensor<4x2x3xf32> {lazy.name = "w"}, %r: tensor<4x5xf32> {lazy.name = "r"}) -> (tensor<f32> {lazy.name = "loss"}) {
  %0 = lazy.contract %x, %w, [affine_map<(o, c, p, w) -> (c, p + w * 2)>, affine_map<(o, c, p, w) -> (o, c, w)>, affine_map<(o, c, p, w) -> (o, p)>] : tensor<2x9xf32>, tensor<4x2x3xf32> -> tensor<4x5xf32>
  %1 = lazy.mul %0, %r : tensor<4x5xf32>
  %2 = lazy.reduce add, %1, [0, 1] : tensor<4x5xf32> -> tensor<f32>
  return %2 : tensor<f32>
}
// CHECK: #map = affine_map<(d0, d1, d2, d3) -> (d1, d2 + d3 * 2)>
// CHECK-NEXT: #map1 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>
// CHECK-NEXT: #map2 = affine_map<(d0, d1, d2, d3) -> (d0, d2)>
// CHECK-NEXT: #map3 = affine_map<(d0, d1, d2, d3) -> (d0, d3 - d2 * 2 + 4)>
// CHECK-NEXT: #map4 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
// CHECK-NEXT: #map5 = affine_map<(d0, d1, d2, d3) -> (d1, d3)>
// CHECK-NEXT: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<2x9xf32> {lazy.name = "x"}, %arg1: tensor<4x2x3xf32> {lazy.name = "w"}, %arg2: tensor<4x5xf32> {lazy.name = "r"}) -> (tensor<f32> {lazy.name = "loss"}, tensor<2x9xf32> {lazy.name = "d_x"}) {
// CHECK-NEXT: %0 = lazy.contract %arg0, %arg1, [#map, #map1, #map2] : tensor<2x9xf32>, tensor<4x2x3xf32> -> tensor<4x5xf32>
// CHECK-NEXT: %1 = lazy.mul %0, %arg2 : tensor<4x5xf32>
// CHECK-NEXT: %2 = lazy.reduce add, %1, [0, 1] : tensor<4x5xf32> -> tensor<f32>
// CHECK-NEXT: %3 = lazy.splat 1.000000e+00 : f32 : tensor<f32>
// CHECK-NEXT: %4 = lazy.reshape %3 : tensor<f32> -> tensor<1x1xf32>
// CHECK-NEXT: %5 = lazy.expand %4 : tensor<1x1xf32> -> tensor<4x5xf32>
// CHECK-NEXT: %6 = lazy.mul %5, %arg2 : tensor<4x5xf32>
// CHECK-NEXT: %7 = lazy.pad %6, [0, 4], [0, 4], 0.000000e+00 : f32 : tensor<4x5xf32> -> tensor<4x13xf32>
// CHECK-NEXT: %8 = lazy.contract %7, %arg1, [#map3, #map4, #map5] : tensor<4x13xf32>, tensor<4x2x3xf32> -> tensor<2x9xf32>
// CHECK-NEXT: return %2, %8 : tensor<f32>, tensor<2x9xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// Windows that do not overlap are put back by views alone; relu asks its result.
func.func @main(%x: tensor<7xf32> {lazy.name = "x", lazy.gradient}, %r: tensor<3x2xf32> {lazy.name = "r"}) -> (tensor<f32> {lazy.name = "loss"}) {
  %zero = lazy.splat 0.0 : f32 : tensor<7xf32>
  %0 = lazy.max %x, %zero : tensor<7xf32>
  %1 = lazy.window %0, axes [0] sizes [2] strides [2] dilations [1] : tensor<7xf32> -> tensor<3x2xf32>
  %2 = lazy.mul %1, %r : tensor<3x2xf32>
  %3 = lazy.reduce add, %2, [0, 1] : tensor<3x2xf32> -> tensor<f32>
  return %3 : tensor<f32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<7xf32> {lazy.name = "x"}, %arg1: tensor<3x2xf32> {lazy.name = "r"}) -> (tensor<f32> {lazy.name = "loss"}, tensor<7xf32> {lazy.name = "d_x"}) {
// CHECK-NEXT: %0 = lazy.splat 0.000000e+00 : f32 : tensor<7xf32>
// CHECK-NEXT: %1 = lazy.max %arg0, %0 : tensor<7xf32>
// CHECK-NEXT: %2 = lazy.window %1, axes [0] sizes [2] strides [2] dilations [1] : tensor<7xf32> -> tensor<3x2xf32>
// CHECK-NEXT: %3 = lazy.mul %2, %arg1 : tensor<3x2xf32>
// CHECK-NEXT: %4 = lazy.reduce add, %3, [0, 1] : tensor<3x2xf32> -> tensor<f32>
// CHECK-NEXT: %5 = lazy.splat 1.000000e+00 : f32 : tensor<f32>
// CHECK-NEXT: %6 = lazy.reshape %5 : tensor<f32> -> tensor<1x1xf32>
// CHECK-NEXT: %7 = lazy.expand %6 : tensor<1x1xf32> -> tensor<3x2xf32>
// CHECK-NEXT: %8 = lazy.mul %7, %arg1 : tensor<3x2xf32>
// CHECK-NEXT: %9 = lazy.reshape %8 : tensor<3x2xf32> -> tensor<6xf32>
// CHECK-NEXT: %10 = lazy.pad %9, [0], [1], 0.000000e+00 : f32 : tensor<6xf32> -> tensor<7xf32>
// CHECK-NEXT: %11 = lazy.cmp eq, %1, %0 : tensor<7xf32> -> tensor<7xi1>
// CHECK-NEXT: %12 = lazy.where %11, %0, %10 : tensor<7xi1>, tensor<7xf32>
// CHECK-NEXT: return %4, %12 : tensor<f32>, tensor<7xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// Overlapping ones are a sum over the places within the window.
func.func @main(%x: tensor<4xf32> {lazy.name = "x", lazy.gradient}, %r: tensor<3x2xf32> {lazy.name = "r"}) -> (tensor<f32> {lazy.name = "loss"}) {
  %0 = lazy.window %x, axes [0] sizes [2] strides [1] dilations [1] : tensor<4xf32> -> tensor<3x2xf32>
  %1 = lazy.mul %0, %r : tensor<3x2xf32>
  %2 = lazy.reduce add, %1, [0, 1] : tensor<3x2xf32> -> tensor<f32>
  return %2 : tensor<f32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<4xf32> {lazy.name = "x"}, %arg1: tensor<3x2xf32> {lazy.name = "r"}) -> (tensor<f32> {lazy.name = "loss"}, tensor<4xf32> {lazy.name = "d_x"}) {
// CHECK-NEXT: %0 = lazy.window %arg0, axes [0] sizes [2] strides [1] dilations [1] : tensor<4xf32> -> tensor<3x2xf32>
// CHECK-NEXT: %1 = lazy.mul %0, %arg1 : tensor<3x2xf32>
// CHECK-NEXT: %2 = lazy.reduce add, %1, [0, 1] : tensor<3x2xf32> -> tensor<f32>
// CHECK-NEXT: %3 = lazy.splat 1.000000e+00 : f32 : tensor<f32>
// CHECK-NEXT: %4 = lazy.reshape %3 : tensor<f32> -> tensor<1x1xf32>
// CHECK-NEXT: %5 = lazy.expand %4 : tensor<1x1xf32> -> tensor<3x2xf32>
// CHECK-NEXT: %6 = lazy.mul %5, %arg1 : tensor<3x2xf32>
// CHECK-NEXT: %7 = lazy.slice %6, [0, 0], [1, 1] : tensor<3x2xf32> -> tensor<3x1xf32>
// CHECK-NEXT: %8 = lazy.reshape %7 : tensor<3x1xf32> -> tensor<3xf32>
// CHECK-NEXT: %9 = lazy.pad %8, [0], [1], 0.000000e+00 : f32 : tensor<3xf32> -> tensor<4xf32>
// CHECK-NEXT: %10 = lazy.slice %6, [0, 1], [1, 1] : tensor<3x2xf32> -> tensor<3x1xf32>
// CHECK-NEXT: %11 = lazy.reshape %10 : tensor<3x1xf32> -> tensor<3xf32>
// CHECK-NEXT: %12 = lazy.pad %11, [1], [0], 0.000000e+00 : f32 : tensor<3xf32> -> tensor<4xf32>
// CHECK-NEXT: %13 = lazy.add %9, %12 : tensor<4xf32>
// CHECK-NEXT: return %2, %13 : tensor<f32>, tensor<4xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// Integers end a path: the argument without one has zeros.
func.func @main(%x: tensor<3xf32> {lazy.name = "x", lazy.gradient}) -> (tensor<f32> {lazy.name = "loss"}) {
  %0 = lazy.cast %x : tensor<3xf32> -> tensor<3xi32>
  %1 = lazy.cast %0 : tensor<3xi32> -> tensor<3xf32>
  %2 = lazy.reduce add, %1, [0] : tensor<3xf32> -> tensor<f32>
  return %2 : tensor<f32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<3xf32> {lazy.name = "x"}) -> (tensor<f32> {lazy.name = "loss"}, tensor<3xf32> {lazy.name = "d_x"}) {
// CHECK-NEXT: %0 = lazy.cast %arg0 : tensor<3xf32> -> tensor<3xi32>
// CHECK-NEXT: %1 = lazy.cast %0 : tensor<3xi32> -> tensor<3xf32>
// CHECK-NEXT: %2 = lazy.reduce add, %1, [0] : tensor<3xf32> -> tensor<f32>
// CHECK-NEXT: %3 = lazy.splat 0.000000e+00 : f32 : tensor<3xf32>
// CHECK-NEXT: return %2, %3 : tensor<f32>, tensor<3xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

func.func @main(%x: tensor<3xf16> {lazy.gradient}) -> tensor<f16> {
  // expected-error@+1 {{'lazy.bitcast' op has no gradient}}
  %0 = lazy.bitcast %x : tensor<3xf16> -> tensor<3xbf16>
  %1 = lazy.cast %0 : tensor<3xbf16> -> tensor<3xf16>
  %2 = lazy.reduce add, %1, [0] : tensor<3xf16> -> tensor<f16>
  return %2 : tensor<f16>
}

// -----

func.func @main(%x: tensor<3xf32> {lazy.gradient}, %i: tensor<3xi64>) -> tensor<f32> {
  // expected-error@+1 {{'lazy.scatter' op has no gradient}}
  %0 = lazy.scatter max, %x, %i, 0 : tensor<3xf32>, tensor<3xi64> -> tensor<2xf32>
  %1 = lazy.reduce add, %0, [0] : tensor<2xf32> -> tensor<f32>
  return %1 : tensor<f32>
}

// -----

// The same operation beside the path is not asked.
func.func @main(%x: tensor<3xf32> {lazy.gradient}) -> (tensor<f32>, tensor<3xi32>) {
  %0 = lazy.bitcast %x : tensor<3xf32> -> tensor<3xi32>
  %1 = lazy.reduce add, %x, [0] : tensor<3xf32> -> tensor<f32>
  return %1, %0 : tensor<f32>, tensor<3xi32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<3xf32>) -> (tensor<f32>, tensor<3xi32>, tensor<3xf32> {lazy.name = "d_arg0"}) {
// CHECK-NEXT: %0 = lazy.bitcast %arg0 : tensor<3xf32> -> tensor<3xi32>
// CHECK-NEXT: %1 = lazy.reduce add, %arg0, [0] : tensor<3xf32> -> tensor<f32>
// CHECK-NEXT: %2 = lazy.splat 1.000000e+00 : f32 : tensor<f32>
// CHECK-NEXT: %3 = lazy.reshape %2 : tensor<f32> -> tensor<1xf32>
// CHECK-NEXT: %4 = lazy.expand %3 : tensor<1xf32> -> tensor<3xf32>
// CHECK-NEXT: return %1, %0, %4 : tensor<f32>, tensor<3xi32>, tensor<3xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

func.func @main(%x: tensor<3xf32> {lazy.gradient}) -> tensor<3xf32> {
  // expected-error@+1 {{'func.return' op operand 0 must be a scalar float, of which gradients can be taken}}
  return %x : tensor<3xf32>
}

// -----

// expected-error@+1 {{'func.func' op argument 0 has a gradient only when it is a float tensor, it is 'tensor<i64>'}}
func.func @main(%x: tensor<i64> {lazy.gradient}, %y: tensor<f32>) -> tensor<f32> {
  return %y : tensor<f32>
}
