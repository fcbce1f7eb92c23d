// RUN: nacre-opt %s > %t.once
// RUN: nacre-opt %t.once > %t.twice
// RUN: cmp %t.once %t.twice
// RUN: nacre-opt -mlir-print-op-generic %s | nacre-opt > %t.generic
// RUN: cmp %t.once %t.generic
// RUN: FileCheck %s < %t.once
// Every operation prints as it is written here, and reads back.

// CHECK-LABEL: func.func @sources
func.func @sources() {
  // CHECK-NEXT: lazy.weight "conv1/weight:0" : tensor<64x3x7x7xf32>
  %0 = lazy.weight "conv1/weight:0" : tensor<64x3x7x7xf32>
  // CHECK-NEXT: lazy.splat 2.500000e+00 : f32 : tensor<2x3xf32>
  %1 = lazy.splat 2.5 : f32 : tensor<2x3xf32>
  // CHECK-NEXT: lazy.splat 255 : ui8 : tensor<ui8>
  %2 = lazy.splat 255 : ui8 : tensor<ui8>
  // CHECK-NEXT: lazy.splat true : tensor<4xi1>
  %3 = lazy.splat true : tensor<4xi1>
  // CHECK-NEXT: lazy.splat 0xFF80 : bf16 : tensor<bf16>
  %4 = lazy.splat 0xFF80 : bf16 : tensor<bf16>
  // CHECK-NEXT: lazy.iota 1 : tensor<2x3xi64>
  %5 = lazy.iota 1 : tensor<2x3xi64>
  return
}

// CHECK-LABEL: func.func @unary
func.func @unary(%f: tensor<4xf16>, %i: tensor<2xui64>) {
  // CHECK-NEXT: lazy.neg %{{.*}} : tensor<4xf16>
  %neg = lazy.neg %f : tensor<4xf16>
  // CHECK-NEXT: lazy.abs %{{.*}} : tensor<4xf16>
  %abs = lazy.abs %f : tensor<4xf16>
  // CHECK-NEXT: lazy.exp %{{.*}} : tensor<4xf16>
  %exp = lazy.exp %f : tensor<4xf16>
  // CHECK-NEXT: lazy.log %{{.*}} : tensor<4xf16>
  %log = lazy.log %f : tensor<4xf16>
  // CHECK-NEXT: lazy.sqrt %{{.*}} : tensor<4xf16>
  %sqrt = lazy.sqrt %f : tensor<4xf16>
  // CHECK-NEXT: lazy.sin %{{.*}} : tensor<4xf16>
  %sin = lazy.sin %f : tensor<4xf16>
  // CHECK-NEXT: lazy.cos %{{.*}} : tensor<4xf16>
  %cos = lazy.cos %f : tensor<4xf16>
  // CHECK-NEXT: lazy.tanh %{{.*}} : tensor<4xf16>
  %tanh = lazy.tanh %f : tensor<4xf16>
  // CHECK-NEXT: lazy.erf %{{.*}} : tensor<4xf16>
  %erf = lazy.erf %f : tensor<4xf16>
  // CHECK-NEXT: lazy.floor %{{.*}} : tensor<4xf16>
  %floor = lazy.floor %f : tensor<4xf16>
  // CHECK-NEXT: lazy.ceil %{{.*}} : tensor<4xf16>
  %ceil = lazy.ceil %f : tensor<4xf16>
  // CHECK-NEXT: lazy.round %{{.*}} : tensor<4xf16>
  %round = lazy.round %f : tensor<4xf16>
  // CHECK-NEXT: lazy.neg %{{.*}} : tensor<2xui64>
  %n = lazy.neg %i : tensor<2xui64>
  // CHECK-NEXT: lazy.abs %{{.*}} : tensor<2xui64>
  %a = lazy.abs %i : tensor<2xui64>
  // CHECK-NEXT: lazy.not %{{.*}} : tensor<2xui64>
  %o = lazy.not %i : tensor<2xui64>
  return
}

// CHECK-LABEL: func.func @binary
func.func @binary(%f: tensor<4xf64>, %i: tensor<2xi16>, %c: tensor<4xi1>) {
  // CHECK-NEXT: lazy.add %{{.*}}, %{{.*}} : tensor<4xf64>
  %add = lazy.add %f, %f : tensor<4xf64>
  // CHECK-NEXT: lazy.sub %{{.*}}, %{{.*}} : tensor<4xf64>
  %sub = lazy.sub %f, %f : tensor<4xf64>
  // CHECK-NEXT: lazy.mul %{{.*}}, %{{.*}} : tensor<4xf64>
  %mul = lazy.mul %f, %f : tensor<4xf64>
  // CHECK-NEXT: lazy.div %{{.*}}, %{{.*}} : tensor<4xf64>
  %div = lazy.div %f, %f : tensor<4xf64>
  // CHECK-NEXT: lazy.rem %{{.*}}, %{{.*}} : tensor<4xf64>
  %rem = lazy.rem %f, %f : tensor<4xf64>
  // CHECK-NEXT: lazy.pow %{{.*}}, %{{.*}} : tensor<4xf64>
  %pow = lazy.pow %f, %f : tensor<4xf64>
  // CHECK-NEXT: lazy.max %{{.*}}, %{{.*}} : tensor<4xf64>
  %max = lazy.max %f, %f : tensor<4xf64>
  // CHECK-NEXT: lazy.min %{{.*}}, %{{.*}} : tensor<4xf64>
  %min = lazy.min %f, %f : tensor<4xf64>
  // CHECK-NEXT: lazy.and %{{.*}}, %{{.*}} : tensor<2xi16>
  %and = lazy.and %i, %i : tensor<2xi16>
  // CHECK-NEXT: lazy.or %{{.*}}, %{{.*}} : tensor<2xi16>
  %or = lazy.or %i, %i : tensor<2xi16>
  // CHECK-NEXT: lazy.xor %{{.*}}, %{{.*}} : tensor<2xi16>
  %xor = lazy.xor %i, %i : tensor<2xi16>
  // CHECK-NEXT: lazy.shl %{{.*}}, %{{.*}} : tensor<2xi16>
  %shl = lazy.shl %i, %i : tensor<2xi16>
  // CHECK-NEXT: lazy.shr %{{.*}}, %{{.*}} : tensor<2xi16>
  %shr = lazy.shr %i, %i : tensor<2xi16>
  // CHECK-NEXT: lazy.cmp eq, %{{.*}}, %{{.*}} : tensor<4xf64> -> tensor<4xi1>
  %eq = lazy.cmp eq, %f, %f : tensor<4xf64> -> tensor<4xi1>
  // CHECK-NEXT: lazy.cmp ne, %{{.*}}, %{{.*}} : tensor<4xf64> -> tensor<4xi1>
  %ne = lazy.cmp ne, %f, %f : tensor<4xf64> -> tensor<4xi1>
  // CHECK-NEXT: lazy.cmp lt, %{{.*}}, %{{.*}} : tensor<4xf64> -> tensor<4xi1>
  %lt = lazy.cmp lt, %f, %f : tensor<4xf64> -> tensor<4xi1>
  // CHECK-NEXT: lazy.cmp le, %{{.*}}, %{{.*}} : tensor<4xf64> -> tensor<4xi1>
  %le = lazy.cmp le, %f, %f : tensor<4xf64> -> tensor<4xi1>
  // CHECK-NEXT: lazy.cmp gt, %{{.*}}, %{{.*}} : tensor<4xf64> -> tensor<4xi1>
  %gt = lazy.cmp gt, %f, %f : tensor<4xf64> -> tensor<4xi1>
  // CHECK-NEXT: lazy.cmp ge, %{{.*}}, %{{.*}} : tensor<4xf64> -> tensor<4xi1>
  %ge = lazy.cmp ge, %f, %f : tensor<4xf64> -> tensor<4xi1>
  // CHECK-NEXT: lazy.where %{{.*}}, %{{.*}}, %{{.*}} : tensor<4xi1>, tensor<4xf64>
  %w = lazy.where %c, %f, %f : tensor<4xi1>, tensor<4xf64>
  // CHECK-NEXT: lazy.require %{{.*}}, %{{.*}} {message = "not finite", status = 9 : i32} : tensor<4xf64>
  %q = lazy.require %f, %c {status = 9 : i32, message = "not finite"} : tensor<4xf64>
  // CHECK-NEXT: lazy.cast %{{.*}} : tensor<4xf64> -> tensor<4xbf16>
  %x = lazy.cast %f : tensor<4xf64> -> tensor<4xbf16>
  // CHECK-NEXT: lazy.bitcast %{{.*}} : tensor<4xf64> -> tensor<4xui64>
  %y = lazy.bitcast %f : tensor<4xf64> -> tensor<4xui64>
  return
}

// CHECK-LABEL: func.func @reductions
func.func @reductions(%x: tensor<2x3x5xi32>, %a: tensor<2x3xf32>, %b: tensor<3x4xf32>) {
  // CHECK-NEXT: lazy.reduce add, %{{.*}}, [0, 2] : tensor<2x3x5xi32> -> tensor<3xi32>
  %0 = lazy.reduce add, %x, [0, 2] : tensor<2x3x5xi32> -> tensor<3xi32>
  // CHECK-NEXT: lazy.reduce mul, %{{.*}}, [1] : tensor<2x3x5xi32> -> tensor<2x5xi32>
  %1 = lazy.reduce mul, %x, [1] : tensor<2x3x5xi32> -> tensor<2x5xi32>
  // CHECK-NEXT: lazy.reduce max, %{{.*}}, [] : tensor<2x3x5xi32> -> tensor<2x3x5xi32>
  %2 = lazy.reduce max, %x, [] : tensor<2x3x5xi32> -> tensor<2x3x5xi32>
  // CHECK-NEXT: lazy.reduce min, %{{.*}}, [0, 1, 2] : tensor<2x3x5xi32> -> tensor<i32>
  %3 = lazy.reduce min, %x, [0, 1, 2] : tensor<2x3x5xi32> -> tensor<i32>
  // CHECK-NEXT: lazy.arg_reduce max, %{{.*}}, 1 : tensor<2x3x5xi32> -> tensor<2x5xi64>
  %4 = lazy.arg_reduce max, %x, 1 : tensor<2x3x5xi32> -> tensor<2x5xi64>
  // CHECK-NEXT: lazy.arg_reduce min, %{{.*}}, 0 {last} : tensor<2x3x5xi32> -> tensor<3x5xi64>
  %5 = lazy.arg_reduce min, %x, 0 {last} : tensor<2x3x5xi32> -> tensor<3x5xi64>
  // CHECK-NEXT: lazy.contract %{{.*}}, %{{.*}}, [#map, #map1, #map2] : tensor<2x3xf32>, tensor<3x4xf32> -> tensor<2x4xf32>
  %6 = lazy.contract %a, %b, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<2x3xf32>, tensor<3x4xf32> -> tensor<2x4xf32>
  return
}

// CHECK-LABEL: func.func @views
func.func @views(%x: tensor<2x6xf32>, %e: tensor<2x1xf32>, %s: tensor<?x6xf32, #lazy.dims<["N"], [8]>>) {
  // CHECK-NEXT: lazy.reshape %{{.*}} : tensor<2x6xf32> -> tensor<3x4xf32>
  %0 = lazy.reshape %x : tensor<2x6xf32> -> tensor<3x4xf32>
  // CHECK-NEXT: lazy.permute %{{.*}}, [1, 0] : tensor<2x6xf32> -> tensor<6x2xf32>
  %1 = lazy.permute %x, [1, 0] : tensor<2x6xf32> -> tensor<6x2xf32>
  // CHECK-NEXT: lazy.expand %{{.*}} : tensor<2x1xf32> -> tensor<2x5xf32>
  %2 = lazy.expand %e : tensor<2x1xf32> -> tensor<2x5xf32>
  // CHECK-NEXT: lazy.pad %{{.*}}, [0, 1], [2, 0], -1.000000e+00 : f32 : tensor<2x6xf32> -> tensor<4x7xf32>
  %3 = lazy.pad %x, [0, 1], [2, 0], -1.0 : f32 : tensor<2x6xf32> -> tensor<4x7xf32>
  // CHECK-NEXT: lazy.slice %{{.*}}, [0, 1], [1, 2] : tensor<2x6xf32> -> tensor<2x3xf32>
  %4 = lazy.slice %x, [0, 1], [1, 2] : tensor<2x6xf32> -> tensor<2x3xf32>
  // CHECK-NEXT: lazy.flip %{{.*}}, [1] : tensor<2x6xf32> -> tensor<2x6xf32>
  %5 = lazy.flip %x, [1] : tensor<2x6xf32> -> tensor<2x6xf32>
  // CHECK-NEXT: lazy.window %{{.*}}, axes [1] sizes [3] strides [2] dilations [1] : tensor<2x6xf32> -> tensor<2x2x3xf32>
  %6 = lazy.window %x, axes [1] sizes [3] strides [2] dilations [1] : tensor<2x6xf32> -> tensor<2x2x3xf32>
  // CHECK-NEXT: lazy.reshape %{{.*}} : tensor<?x6xf32, #lazy.dims<["N"], [8]>> -> tensor<?x2x3xf32, #lazy.dims<["N"], [8]>>
  %7 = lazy.reshape %s : tensor<?x6xf32, #lazy.dims<["N"], [8]>> -> tensor<?x2x3xf32, #lazy.dims<["N"], [8]>>
  return
}

// CHECK-LABEL: func.func @joins
func.func @joins(%x: tensor<2x3xf32>, %i: tensor<4x5xi32>, %p: tensor<i64>) {
  // CHECK-NEXT: lazy.concat %{{.*}}, %{{.*}} axis 1 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x6xf32>
  %0 = lazy.concat %x, %x axis 1 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x6xf32>
  // CHECK-NEXT: lazy.gather %{{.*}}, %{{.*}}, 1 : tensor<2x3xf32>, tensor<4x5xi32> -> tensor<2x4x5xf32>
  %1 = lazy.gather %x, %i, 1 : tensor<2x3xf32>, tensor<4x5xi32> -> tensor<2x4x5xf32>
  // CHECK-NEXT: lazy.scatter %{{.*}}, %{{.*}}, 1 : tensor<2x4x5xf32>, tensor<4x5xi32> -> tensor<2x3xf32>
  %2 = lazy.scatter %1, %i, 1 : tensor<2x4x5xf32>, tensor<4x5xi32> -> tensor<2x3xf32>
  // CHECK-NEXT: lazy.scatter max, %{{.*}}, %{{.*}}, 1 : tensor<2x4x5xf32>, tensor<4x5xi32> -> tensor<2x3xf32>
  %3 = lazy.scatter max, %1, %i, 1 : tensor<2x4x5xf32>, tensor<4x5xi32> -> tensor<2x3xf32>
  // CHECK-NEXT: lazy.scatter %{{.*}}, %{{.*}}, 1 : tensor<2x4x5xf32>, tensor<4x5xi32> -> tensor<2x3xf32>
  %4 = lazy.scatter add, %1, %i, 1 : tensor<2x4x5xf32>, tensor<4x5xi32> -> tensor<2x3xf32>
  // CHECK-NEXT: lazy.write %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, 1 : tensor<2x6xf32>, tensor<2x3xf32>
  %5 = lazy.write %0, %x, %p, %p, 1 : tensor<2x6xf32>, tensor<2x3xf32>
  return
}

// CHECK-LABEL: func.func @kernel
func.func @kernel(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK-NEXT: %[[R:.*]] = lazy.kernel "negate" (%[[A:.*]] = %{{.*}} : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [1]>], result_places = [#lazy.place<"arena", 0, 16, [1]>], schedule = {kind = "map"}} {
  // CHECK-NEXT: %[[N:.*]] = lazy.neg %[[A]] : tensor<4xf32>
  // CHECK-NEXT: lazy.yield %[[N]] : tensor<4xf32>
  // CHECK-NEXT: }
  %0 = lazy.kernel "negate" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = [#lazy.place<"input", 0, 0, [1]>], result_places = [#lazy.place<"arena", 0, 16, [1]>], schedule = {kind = "map"}} {
    %1 = lazy.neg %a : tensor<4xf32>
    lazy.yield %1 : tensor<4xf32>
  }
  // CHECK-NEXT: lazy.kernel "two \22names\22" () -> (tensor<f32>, tensor<2xi1>) {
  %2, %3 = lazy.kernel "two \22names\22" () -> (tensor<f32>, tensor<2xi1>) {
    %4 = lazy.splat 1.0 : f32 : tensor<f32>
    %5 = lazy.splat false : tensor<2xi1>
    lazy.yield %4, %5 : tensor<f32>, tensor<2xi1>
  }
  return %0 : tensor<4xf32>
}
