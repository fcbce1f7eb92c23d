// RUN: nacre-opt -sum-bytes -canonicalize-lazy -split-input-file %s | FileCheck %s

// A quantized convolution, padded: the pad takes the zero point, weights stay
// i8, and what is left of the zero point is 128 - 128 = 0.
func.func @main(%x: tensor<1x3x5x5xi8>) -> tensor<1x8x5x5xf32> {
  %w = lazy.weight "w" : tensor<8x3x3x3xi8>
  %s = lazy.weight "s" : tensor<8x1x1x1xf32>
  %0 = lazy.cast %x : tensor<1x3x5x5xi8> -> tensor<1x3x5x5xf32>
  %1 = lazy.splat -1.280000e+02 : f32 : tensor<1x3x5x5xf32>
  %2 = lazy.sub %0, %1 : tensor<1x3x5x5xf32>
  %3 = lazy.splat 5.000000e-01 : f32 : tensor<1x3x5x5xf32>
  %4 = lazy.mul %2, %3 : tensor<1x3x5x5xf32>
  %5 = lazy.pad %4, [0, 0, 1, 1], [0, 0, 1, 1], 0.0 : f32 : tensor<1x3x5x5xf32> -> tensor<1x3x7x7xf32>
  %6 = lazy.cast %w : tensor<8x3x3x3xi8> -> tensor<8x3x3x3xf32>
  %7 = lazy.expand %s : tensor<8x1x1x1xf32> -> tensor<8x3x3x3xf32>
  %8 = lazy.mul %6, %7 : tensor<8x3x3x3xf32>
  %9 = lazy.contract %5, %8, [affine_map<(n, o, h, v, c, i, j) -> (n, c, h + i, v + j)>, affine_map<(n, o, h, v, c, i, j) -> (o, c, i, j)>, affine_map<(n, o, h, v, c, i, j) -> (n, o, h, v)>] : tensor<1x3x7x7xf32>, tensor<8x3x3x3xf32> -> tensor<1x8x5x5xf32>
  return %9 : tensor<1x8x5x5xf32>
}
// CHECK: #map = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d4, d2 + d5, d3 + d6)>
// CHECK-NEXT: #map1 = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d1, d4, d5, d6)>
// CHECK-NEXT: #map2 = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d2, d3)>
// CHECK-NEXT: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<1x3x5x5xi8>) -> tensor<1x8x5x5xf32> {
// CHECK-NEXT: %0 = lazy.splat -128 : i8 : tensor<1x3x5x5xi8>
// CHECK-NEXT: %1 = lazy.xor %arg0, %0 : tensor<1x3x5x5xi8>
// CHECK-NEXT: %2 = lazy.cast %1 : tensor<1x3x5x5xi8> -> tensor<1x3x5x5xui8>
// CHECK-NEXT: %3 = lazy.weight "w" : tensor<8x3x3x3xi8>
// CHECK-NEXT: %4 = lazy.weight "s" : tensor<8x1x1x1xf32>
// CHECK-NEXT: %5 = lazy.expand %4 : tensor<8x1x1x1xf32> -> tensor<8x3x3x3xf32>
// CHECK-NEXT: %6 = lazy.pad %2, [0, 0, 1, 1], [0, 0, 1, 1], 0 : ui8 : tensor<1x3x5x5xui8> -> tensor<1x3x7x7xui8>
// CHECK-NEXT: %7 = lazy.contract %6, %3, [#map, #map1, #map2] : tensor<1x3x7x7xui8>, tensor<8x3x3x3xi8> -> tensor<1x8x5x5xi32>
// CHECK-NEXT: %8 = lazy.splat 5.000000e-01 : f32 : tensor<f32>
// CHECK-NEXT: %9 = lazy.slice %5, [0, 0, 0, 0], [1, 1, 1, 1] : tensor<8x3x3x3xf32> -> tensor<8x1x1x1xf32>
// CHECK-NEXT: %10 = lazy.reshape %9 : tensor<8x1x1x1xf32> -> tensor<1x8x1x1xf32>
// CHECK-NEXT: %11 = lazy.reshape %8 : tensor<f32> -> tensor<1x1x1x1xf32>
// CHECK-NEXT: %12 = lazy.expand %11 : tensor<1x1x1x1xf32> -> tensor<1x8x1x1xf32>
// CHECK-NEXT: %13 = lazy.mul %12, %10 : tensor<1x8x1x1xf32>
// CHECK-NEXT: %14 = lazy.cast %7 : tensor<1x8x5x5xi32> -> tensor<1x8x5x5xf32>
// CHECK-NEXT: %15 = lazy.expand %13 : tensor<1x8x1x1xf32> -> tensor<1x8x5x5xf32>
// CHECK-NEXT: %16 = lazy.mul %14, %15 : tensor<1x8x5x5xf32>
// CHECK-NEXT: return %16 : tensor<1x8x5x5xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// Dynamic quantization: the zero point comes with the run, and corrects the sum
// by that of the weights.
func.func @main(%x: tensor<4x16xui8>, %z: tensor<ui8>) -> tensor<4x8xi32> {
  %w = lazy.weight "w" : tensor<16x8xi8>
  %0 = lazy.cast %x : tensor<4x16xui8> -> tensor<4x16xi32>
  %1 = lazy.cast %z : tensor<ui8> -> tensor<i32>
  %2 = lazy.reshape %1 : tensor<i32> -> tensor<1x1xi32>
  %3 = lazy.expand %2 : tensor<1x1xi32> -> tensor<4x16xi32>
  %4 = lazy.sub %0, %3 : tensor<4x16xi32>
  %5 = lazy.cast %w : tensor<16x8xi8> -> tensor<16x8xi32>
  %6 = lazy.contract %4, %5, [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>] : tensor<4x16xi32>, tensor<16x8xi32> -> tensor<4x8xi32>
  return %6 : tensor<4x8xi32>
}
// CHECK: #map = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-NEXT: #map1 = affine_map<(d0, d1, d2) -> (d2, d1)>
// CHECK-NEXT: #map2 = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-NEXT: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<4x16xui8>, %arg1: tensor<ui8>) -> tensor<4x8xi32> {
// CHECK-NEXT: %0 = lazy.weight "w" : tensor<16x8xi8>
// CHECK-NEXT: %1 = lazy.cast %arg1 : tensor<ui8> -> tensor<i32>
// CHECK-NEXT: %2 = lazy.contract %arg0, %0, [#map, #map1, #map2] : tensor<4x16xui8>, tensor<16x8xi8> -> tensor<4x8xi32>
// CHECK-NEXT: %3 = lazy.splat 0 : i32 : tensor<i32>
// CHECK-NEXT: %4 = lazy.add %1, %3 : tensor<i32>
// CHECK-NEXT: %5 = lazy.cast %0 : tensor<16x8xi8> -> tensor<16x8xi32>
// CHECK-NEXT: %6 = lazy.reduce add, %5, [0] : tensor<16x8xi32> -> tensor<8xi32>
// CHECK-NEXT: %7 = lazy.reshape %6 : tensor<8xi32> -> tensor<1x8xi32>
// CHECK-NEXT: %8 = lazy.permute %7, [1, 0] : tensor<1x8xi32> -> tensor<8x1xi32>
// CHECK-NEXT: %9 = lazy.reshape %8 : tensor<8x1xi32> -> tensor<1x8xi32>
// CHECK-NEXT: %10 = lazy.reshape %4 : tensor<i32> -> tensor<1x1xi32>
// CHECK-NEXT: %11 = lazy.expand %10 : tensor<1x1xi32> -> tensor<1x8xi32>
// CHECK-NEXT: %12 = lazy.mul %9, %11 : tensor<1x8xi32>
// CHECK-NEXT: %13 = lazy.expand %12 : tensor<1x8xi32> -> tensor<4x8xi32>
// CHECK-NEXT: %14 = lazy.sub %2, %13 : tensor<4x8xi32>
// CHECK-NEXT: return %14 : tensor<4x8xi32>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// Two layers that read the same bytes, and one who reads them beside: all read
// the u8. The weights stand left.
func.func @main(%f: tensor<16x4xf32>) -> (tensor<8x4xi32>, tensor<8x4xi32>, tensor<16x4xi8>) {
  %w = lazy.weight "w" : tensor<8x16xi8>
  %x = lazy.cast %f : tensor<16x4xf32> -> tensor<16x4xi8>
  %0 = lazy.cast %x : tensor<16x4xi8> -> tensor<16x4xi32>
  %1 = lazy.cast %w : tensor<8x16xi8> -> tensor<8x16xi32>
  %2 = lazy.contract %1, %0, [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>] : tensor<8x16xi32>, tensor<16x4xi32> -> tensor<8x4xi32>
  %v = lazy.weight "v" : tensor<8x16xi8>
  %3 = lazy.cast %v : tensor<8x16xi8> -> tensor<8x16xi32>
  %4 = lazy.contract %3, %0, [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>] : tensor<8x16xi32>, tensor<16x4xi32> -> tensor<8x4xi32>
  return %2, %4, %x : tensor<8x4xi32>, tensor<8x4xi32>, tensor<16x4xi8>
}
// CHECK: #map = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-NEXT: #map1 = affine_map<(d0, d1, d2) -> (d2, d1)>
// CHECK-NEXT: #map2 = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-NEXT: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<16x4xf32>) -> (tensor<8x4xi32>, tensor<8x4xi32>, tensor<16x4xi8>) {
// CHECK-NEXT: %0 = lazy.weight "w" : tensor<8x16xi8>
// CHECK-NEXT: %1 = lazy.cast %arg0 : tensor<16x4xf32> -> tensor<16x4xi8>
// CHECK-NEXT: %2 = lazy.splat -128 : i8 : tensor<16x4xi8>
// CHECK-NEXT: %3 = lazy.xor %1, %2 : tensor<16x4xi8>
// CHECK-NEXT: %4 = lazy.cast %3 : tensor<16x4xi8> -> tensor<16x4xui8>
// CHECK-NEXT: %5 = lazy.cast %4 : tensor<16x4xui8> -> tensor<16x4xi8>
// CHECK-NEXT: %6 = lazy.xor %5, %2 : tensor<16x4xi8>
// CHECK-NEXT: %7 = lazy.contract %0, %4, [#map, #map1, #map2] : tensor<8x16xi8>, tensor<16x4xui8> -> tensor<8x4xi32>
// CHECK-NEXT: %8 = lazy.splat 128 : i32 : tensor<i32>
// CHECK-NEXT: %9 = lazy.cast %0 : tensor<8x16xi8> -> tensor<8x16xi32>
// CHECK-NEXT: %10 = lazy.reduce add, %9, [1] : tensor<8x16xi32> -> tensor<8xi32>
// CHECK-NEXT: %11 = lazy.reshape %10 : tensor<8xi32> -> tensor<8x1xi32>
// CHECK-NEXT: %12 = lazy.reshape %8 : tensor<i32> -> tensor<1x1xi32>
// CHECK-NEXT: %13 = lazy.expand %12 : tensor<1x1xi32> -> tensor<8x1xi32>
// CHECK-NEXT: %14 = lazy.mul %11, %13 : tensor<8x1xi32>
// CHECK-NEXT: %15 = lazy.expand %14 : tensor<8x1xi32> -> tensor<8x4xi32>
// CHECK-NEXT: %16 = lazy.sub %7, %15 : tensor<8x4xi32>
// CHECK-NEXT: %17 = lazy.weight "v" : tensor<8x16xi8>
// CHECK-NEXT: %18 = lazy.contract %17, %4, [#map, #map1, #map2] : tensor<8x16xi8>, tensor<16x4xui8> -> tensor<8x4xi32>
// CHECK-NEXT: %19 = lazy.cast %17 : tensor<8x16xi8> -> tensor<8x16xi32>
// CHECK-NEXT: %20 = lazy.reduce add, %19, [1] : tensor<8x16xi32> -> tensor<8xi32>
// CHECK-NEXT: %21 = lazy.reshape %20 : tensor<8xi32> -> tensor<8x1xi32>
// CHECK-NEXT: %22 = lazy.mul %21, %13 : tensor<8x1xi32>
// CHECK-NEXT: %23 = lazy.expand %22 : tensor<8x1xi32> -> tensor<8x4xi32>
// CHECK-NEXT: %24 = lazy.sub %18, %23 : tensor<8x4xi32>
// CHECK-NEXT: return %16, %24, %6 : tensor<8x4xi32>, tensor<8x4xi32>, tensor<16x4xi8>
// CHECK-NEXT: }
// CHECK-NEXT: }

// -----

// Left alone: a scale that changes along the sum, a product of two inputs, a
// sum over too few and too many steps, a depthwise convolution.
func.func @main(%x: tensor<4x16xui8>, %y: tensor<16x8xi8>, %few: tensor<4x3xui8>, %many: tensor<1x70000xui8>, %d: tensor<8x9xui8>) -> (tensor<4x8xf32>, tensor<4x8xi32>, tensor<4x8xi32>, tensor<1x8xi32>, tensor<8x5xi32>) {
  %0 = lazy.cast %x : tensor<4x16xui8> -> tensor<4x16xf32>
  %w = lazy.weight "w" : tensor<16x8xi8>
  %s = lazy.weight "s" : tensor<16x1xf32>
  %1 = lazy.cast %w : tensor<16x8xi8> -> tensor<16x8xf32>
  %2 = lazy.expand %s : tensor<16x1xf32> -> tensor<16x8xf32>
  %3 = lazy.mul %1, %2 : tensor<16x8xf32>
  %4 = lazy.contract %0, %3, [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>] : tensor<4x16xf32>, tensor<16x8xf32> -> tensor<4x8xf32>
  %5 = lazy.cast %x : tensor<4x16xui8> -> tensor<4x16xi32>
  %6 = lazy.cast %y : tensor<16x8xi8> -> tensor<16x8xi32>
  %7 = lazy.contract %5, %6, [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>] : tensor<4x16xi32>, tensor<16x8xi32> -> tensor<4x8xi32>
  %8 = lazy.cast %few : tensor<4x3xui8> -> tensor<4x3xi32>
  %fw = lazy.weight "few" : tensor<3x8xi8>
  %9 = lazy.cast %fw : tensor<3x8xi8> -> tensor<3x8xi32>
  %10 = lazy.contract %8, %9, [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>] : tensor<4x3xi32>, tensor<3x8xi32> -> tensor<4x8xi32>
  %11 = lazy.cast %many : tensor<1x70000xui8> -> tensor<1x70000xi32>
  %mw = lazy.weight "many" : tensor<70000x8xi8>
  %12 = lazy.cast %mw : tensor<70000x8xi8> -> tensor<70000x8xi32>
  %13 = lazy.contract %11, %12, [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>] : tensor<1x70000xi32>, tensor<70000x8xi32> -> tensor<1x8xi32>
  %14 = lazy.cast %d : tensor<8x9xui8> -> tensor<8x9xi32>
  %dw = lazy.weight "d" : tensor<8x5xi8>
  %15 = lazy.cast %dw : tensor<8x5xi8> -> tensor<8x5xi32>
  %16 = lazy.contract %14, %15, [affine_map<(c, i, k) -> (c, i + k)>, affine_map<(c, i, k) -> (c, k)>, affine_map<(c, i, k) -> (c, i)>] : tensor<8x9xi32>, tensor<8x5xi32> -> tensor<8x5xi32>
  return %4, %7, %10, %13, %16 : tensor<4x8xf32>, tensor<4x8xi32>, tensor<4x8xi32>, tensor<1x8xi32>, tensor<8x5xi32>
}
// CHECK: #map = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-NEXT: #map1 = affine_map<(d0, d1, d2) -> (d2, d1)>
// CHECK-NEXT: #map2 = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-NEXT: #map3 = affine_map<(d0, d1, d2) -> (d0, d1 + d2)>
// CHECK-NEXT: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<4x16xui8>, %arg1: tensor<16x8xi8>, %arg2: tensor<4x3xui8>, %arg3: tensor<1x70000xui8>, %arg4: tensor<8x9xui8>) -> (tensor<4x8xf32>, tensor<4x8xi32>, tensor<4x8xi32>, tensor<1x8xi32>, tensor<8x5xi32>) {
// CHECK-NEXT: %0 = lazy.cast %arg0 : tensor<4x16xui8> -> tensor<4x16xf32>
// CHECK-NEXT: %1 = lazy.weight "w" : tensor<16x8xi8>
// CHECK-NEXT: %2 = lazy.weight "s" : tensor<16x1xf32>
// CHECK-NEXT: %3 = lazy.cast %1 : tensor<16x8xi8> -> tensor<16x8xf32>
// CHECK-NEXT: %4 = lazy.expand %2 : tensor<16x1xf32> -> tensor<16x8xf32>
// CHECK-NEXT: %5 = lazy.mul %3, %4 : tensor<16x8xf32>
// CHECK-NEXT: %6 = lazy.contract %0, %5, [#map, #map1, #map2] : tensor<4x16xf32>, tensor<16x8xf32> -> tensor<4x8xf32>
// CHECK-NEXT: %7 = lazy.cast %arg0 : tensor<4x16xui8> -> tensor<4x16xi32>
// CHECK-NEXT: %8 = lazy.cast %arg1 : tensor<16x8xi8> -> tensor<16x8xi32>
// CHECK-NEXT: %9 = lazy.contract %7, %8, [#map, #map1, #map2] : tensor<4x16xi32>, tensor<16x8xi32> -> tensor<4x8xi32>
// CHECK-NEXT: %10 = lazy.cast %arg2 : tensor<4x3xui8> -> tensor<4x3xi32>
// CHECK-NEXT: %11 = lazy.weight "few" : tensor<3x8xi8>
// CHECK-NEXT: %12 = lazy.cast %11 : tensor<3x8xi8> -> tensor<3x8xi32>
// CHECK-NEXT: %13 = lazy.contract %10, %12, [#map, #map1, #map2] : tensor<4x3xi32>, tensor<3x8xi32> -> tensor<4x8xi32>
// CHECK-NEXT: %14 = lazy.cast %arg3 : tensor<1x70000xui8> -> tensor<1x70000xi32>
// CHECK-NEXT: %15 = lazy.weight "many" : tensor<70000x8xi8>
// CHECK-NEXT: %16 = lazy.cast %15 : tensor<70000x8xi8> -> tensor<70000x8xi32>
// CHECK-NEXT: %17 = lazy.contract %14, %16, [#map, #map1, #map2] : tensor<1x70000xi32>, tensor<70000x8xi32> -> tensor<1x8xi32>
// CHECK-NEXT: %18 = lazy.cast %arg4 : tensor<8x9xui8> -> tensor<8x9xi32>
// CHECK-NEXT: %19 = lazy.weight "d" : tensor<8x5xi8>
// CHECK-NEXT: %20 = lazy.cast %19 : tensor<8x5xi8> -> tensor<8x5xi32>
// CHECK-NEXT: %21 = lazy.contract %18, %20, [#map3, #map, #map2] : tensor<8x9xi32>, tensor<8x5xi32> -> tensor<8x5xi32>
// CHECK-NEXT: return %6, %9, %13, %17, %21 : tensor<4x8xf32>, tensor<4x8xi32>, tensor<4x8xi32>, tensor<1x8xi32>, tensor<8x5xi32>
// CHECK-NEXT: }
// CHECK-NEXT: }
