// RUN: nacre-opt -split-reductions -split-input-file %s | FileCheck %s

// The batch stays for the first step.
func.func @main(%x: tensor<32x10x28x28xf32>) -> tensor<f32> {
  %0 = lazy.reduce add, %x, [0, 1, 2, 3] : tensor<32x10x28x28xf32> -> tensor<f32>
  return %0 : tensor<f32>
}
// CHECK: %0 = lazy.reduce add, %arg0, [1, 2, 3] : tensor<32x10x28x28xf32> -> tensor<32xf32>
// CHECK-NEXT: %1 = lazy.reduce add, %0, [0] : tensor<32xf32> -> tensor<f32>
// CHECK-NEXT: return %1

// -----

// One long axis becomes two.
func.func @main(%x: tensor<3x65536xf32>) -> tensor<3xf32> {
  %0 = lazy.reduce max, %x, [1] : tensor<3x65536xf32> -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
// CHECK: %0 = lazy.reshape %arg0 : tensor<3x65536xf32> -> tensor<3x256x256xf32>
// CHECK-NEXT: %1 = lazy.reduce max, %0, [2] : tensor<3x256x256xf32> -> tensor<3x256xf32>
// CHECK-NEXT: %2 = lazy.reduce max, %1, [1] : tensor<3x256xf32> -> tensor<3xf32>
// CHECK-NEXT: return %2

// -----

// Short ones, and those with many results, stay; so does a prime extent.
func.func @main(%x: tensor<64x100xf32>, %y: tensor<64x65536xf32>, %z: tensor<1000003xf32>) -> (tensor<f32>, tensor<64xf32>, tensor<f32>) {
  %0 = lazy.reduce add, %x, [0, 1] : tensor<64x100xf32> -> tensor<f32>
  %1 = lazy.reduce add, %y, [1] : tensor<64x65536xf32> -> tensor<64xf32>
  %2 = lazy.reduce add, %z, [0] : tensor<1000003xf32> -> tensor<f32>
  return %0, %1, %2 : tensor<f32>, tensor<64xf32>, tensor<f32>
}
// CHECK: lazy.reduce add, %arg0, [0, 1]
// CHECK-NEXT: lazy.reduce add, %arg1, [1]
// CHECK-NEXT: lazy.reduce add, %arg2, [0]
// CHECK-NEXT: return

// -----

// The gradient of a convolution's weights: one image at a time.
func.func @main(%g: tensor<8x32x56x56xf32>, %x: tensor<8x64x58x58xf32>) -> tensor<32x64x3x3xf32> {
  %0 = lazy.contract %g, %x, [affine_map<(n, o, h, w, c, i, j) -> (n, o, h, w)>, affine_map<(n, o, h, w, c, i, j) -> (n, c, h + i, w + j)>, affine_map<(n, o, h, w, c, i, j) -> (o, c, i, j)>] : tensor<8x32x56x56xf32>, tensor<8x64x58x58xf32> -> tensor<32x64x3x3xf32>
  return %0 : tensor<32x64x3x3xf32>
}
// CHECK-LABEL: func.func @main(%arg0: tensor<8x32x56x56xf32>
// CHECK-NEXT: %0 = lazy.contract %arg0, %arg1, {{.*}} -> tensor<8x32x64x3x3xf32>
// CHECK-NEXT: %1 = lazy.reduce add, %0, [0] : tensor<8x32x64x3x3xf32> -> tensor<32x64x3x3xf32>
// CHECK-NEXT: return %1

// -----

// A long plain sum is cut where a part fits a cache.
func.func @main(%g: tensor<65536x64xf32>, %x: tensor<65536x64xf32>) -> tensor<64x64xf32> {
  %0 = lazy.contract %g, %x, [affine_map<(m, n, k) -> (k, m)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>] : tensor<65536x64xf32>, tensor<65536x64xf32> -> tensor<64x64xf32>
  return %0 : tensor<64x64xf32>
}
// CHECK: #[[A:.*]] = affine_map<(d0, d1, d2, d3) -> (d3, d2, d0)>
// CHECK: #[[B:.*]] = affine_map<(d0, d1, d2, d3) -> (d3, d2, d1)>
// CHECK: #[[Y:.*]] = affine_map<(d0, d1, d2, d3) -> (d3, d0, d1)>
// CHECK: %0 = lazy.reshape %arg0 : tensor<65536x64xf32> -> tensor<32x2048x64xf32>
// CHECK-NEXT: %1 = lazy.reshape %arg1 : tensor<65536x64xf32> -> tensor<32x2048x64xf32>
// CHECK-NEXT: %2 = lazy.contract %0, %1, [#[[A]], #[[B]], #[[Y]]] : tensor<32x2048x64xf32>, tensor<32x2048x64xf32> -> tensor<32x64x64xf32>
// CHECK-NEXT: %3 = lazy.reduce add, %2, [0] : tensor<32x64x64xf32> -> tensor<64x64xf32>

// -----

// With strides the window's extents are known from the result alone.
func.func @main(%g: tensor<32x32x28x28xf32>, %x: tensor<32x16x58x58xf32>) -> tensor<32x16x3x3xf32> {
  %0 = lazy.contract %g, %x, [affine_map<(n, o, h, w, c, i, j) -> (n, o, h, w)>, affine_map<(n, o, h, w, c, i, j) -> (n, c, h * 2 + i, w * 2 + j)>, affine_map<(n, o, h, w, c, i, j) -> (o, c, i, j)>] : tensor<32x32x28x28xf32>, tensor<32x16x58x58xf32> -> tensor<32x16x3x3xf32>
  return %0 : tensor<32x16x3x3xf32>
}
// CHECK-LABEL: func.func @main(%arg0: tensor<32x32x28x28xf32>
// CHECK: lazy.contract {{.*}} -> tensor<16x32x16x3x3xf32>
// CHECK-NEXT: lazy.reduce add, {{.*}}, [0] : tensor<16x32x16x3x3xf32> -> tensor<32x16x3x3xf32>

// -----

// The gradient of a linear layer's weights: what a tile walks of both operands
// stays in the cache. A shorter sum stays one.
func.func @main(%x: tensor<16x64x128xf32>, %g: tensor<16x64x512xf32>, %y: tensor<4x64x128xf32>) -> (tensor<128x512xf32>, tensor<128x512xf32>) {
  %0 = lazy.contract %x, %g, [affine_map<(b, l, m, n) -> (b, l, m)>, affine_map<(b, l, m, n) -> (b, l, n)>, affine_map<(b, l, m, n) -> (m, n)>] : tensor<16x64x128xf32>, tensor<16x64x512xf32> -> tensor<128x512xf32>
  %1 = lazy.slice %g, [0, 0, 0], [1, 1, 1] : tensor<16x64x512xf32> -> tensor<4x64x512xf32>
  %2 = lazy.contract %y, %1, [affine_map<(b, l, m, n) -> (b, l, m)>, affine_map<(b, l, m, n) -> (b, l, n)>, affine_map<(b, l, m, n) -> (m, n)>] : tensor<4x64x128xf32>, tensor<4x64x512xf32> -> tensor<128x512xf32>
  return %0, %2 : tensor<128x512xf32>, tensor<128x512xf32>
}
// CHECK-LABEL: func.func @main(%arg0: tensor<16x64x128xf32>
// CHECK: lazy.contract {{.*}} -> tensor<4x128x512xf32>
// CHECK-NEXT: lazy.reduce add, {{.*}}, [0] : tensor<4x128x512xf32> -> tensor<128x512xf32>
// CHECK: lazy.contract {{.*}} : tensor<4x64x128xf32>, tensor<4x64x512xf32> -> tensor<128x512xf32>
