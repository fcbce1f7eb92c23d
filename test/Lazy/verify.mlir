// RUN: nacre-opt -split-input-file -verify-diagnostics %s
// What each operation refuses, in its own words.

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.splat' op value has type 'i32', the tensor holds 'f32'}}
  %0 = lazy.splat 1 : i32 : tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.iota' op axis 1 is outside rank 1}}
  %0 = lazy.iota 1 : tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.bitcast' op changes the width of the elements}}
  %0 = lazy.bitcast %x : tensor<2x3xf32> -> tensor<2x3xf64>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.cast' op requires the same shape for all operands and results}}
  %0 = lazy.cast %x : tensor<2x3xf32> -> tensor<3x2xf16>
  return
}

// -----

func.func @f(%x: tensor<2xi32>) {
  // expected-error@+1 {{'lazy.exp' op operand #0 must be ranked tensor of 16-bit float or bfloat16 type or 32-bit float or 64-bit float values with bounded extents, but got 'tensor<2xi32>'}}
  %0 = lazy.exp %x : tensor<2xi32>
  return
}

// -----

func.func @f(%x: tensor<2xf32>) {
  // expected-error@+1 {{'lazy.and' op operand #0 must be ranked tensor of 1-bit signless integer or 8-bit signless integer or 16-bit signless integer or 32-bit signless integer or 64-bit signless integer or 8-bit unsigned integer or 16-bit unsigned integer or 32-bit unsigned integer or 64-bit unsigned integer values with bounded extents, but got 'tensor<2xf32>'}}
  %0 = lazy.and %x, %x : tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2xsi32>) {
  // expected-error@+1 {{'lazy.neg' op operand #0 must be ranked tensor of 16-bit float or bfloat16 type or 32-bit float or 64-bit float or 1-bit signless integer or 8-bit signless integer or 16-bit signless integer or 32-bit signless integer or 64-bit signless integer or 8-bit unsigned integer or 16-bit unsigned integer or 32-bit unsigned integer or 64-bit unsigned integer values with bounded extents, but got 'tensor<2xsi32>'}}
  %0 = lazy.neg %x : tensor<2xsi32>
  return
}

// -----

func.func @f(%x: tensor<2xf32>) {
  // expected-error@+1 {{'lazy.cmp' op result #0 must be ranked tensor of 1-bit signless integer values with bounded extents, but got 'tensor<2xi8>'}}
  %0 = lazy.cmp lt, %x, %x : tensor<2xf32> -> tensor<2xi8>
  return
}

// -----

func.func @f(%x: tensor<2xf32>) {
  // expected-error@+1 {{'lazy.cmp' op requires the same shape for all operands and results}}
  %0 = lazy.cmp lt, %x, %x : tensor<2xf32> -> tensor<3xi1>
  return
}

// -----

func.func @f(%x: tensor<2xf32>, %c: tensor<3xi1>) {
  // expected-error@+1 {{'lazy.where' op requires the same shape for all operands and results}}
  %0 = lazy.where %c, %x, %x : tensor<3xi1>, tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.reduce' op keeps the element type}}
  %0 = lazy.reduce add, %x, [1] : tensor<2x3xf32> -> tensor<2xf64>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.reduce' op axis 2 is outside rank 2}}
  %0 = lazy.reduce add, %x, [2] : tensor<2x3xf32> -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.reduce' op axis -1 is outside rank 2}}
  %0 = lazy.reduce add, %x, [-1] : tensor<2x3xf32> -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.reduce' op result shape is not the source's without the axes}}
  %0 = lazy.reduce add, %x, [1] : tensor<2x3xf32> -> tensor<3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.arg_reduce' op kind must be max or min}}
  %0 = lazy.arg_reduce add, %x, 1 : tensor<2x3xf32> -> tensor<2xi64>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.arg_reduce' op axis 2 is outside rank 2}}
  %0 = lazy.arg_reduce max, %x, 2 : tensor<2x3xf32> -> tensor<2xi64>
  return
}

// -----

func.func @f(%x: tensor<2x0xf32>) {
  // expected-error@+1 {{'lazy.arg_reduce' op axis 1 is empty}}
  %0 = lazy.arg_reduce max, %x, 1 : tensor<2x0xf32> -> tensor<2xi64>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.arg_reduce' op result shape is not the source's without the axis}}
  %0 = lazy.arg_reduce max, %x, 1 : tensor<2x3xf32> -> tensor<3xi64>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.reshape' op changes the number of elements: 'tensor<2x3xf32>' to 'tensor<7xf32>'}}
  %0 = lazy.reshape %x : tensor<2x3xf32> -> tensor<7xf32>
  return
}

// -----

func.func @f(%x: tensor<?x3xf32, #lazy.dims<["N"], [8]>>) {
  // expected-error@+1 {{'lazy.reshape' op a symbolic extent must be the leading one}}
  %0 = lazy.reshape %x : tensor<?x3xf32, #lazy.dims<["N"], [8]>> -> tensor<3x?xf32, #lazy.dims<["N"], [8]>>
  return
}

// -----

func.func @f(%x: tensor<4294967296x4294967296xf32>) {
  // expected-error@+1 {{'lazy.reshape' op has more than 2^63 elements}}
  %0 = lazy.reshape %x : tensor<4294967296x4294967296xf32> -> tensor<1x4294967296x4294967296xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.permute' op perm has 1 entries, the source rank 2}}
  %0 = lazy.permute %x, [0] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.permute' op perm is no permutation}}
  %0 = lazy.permute %x, [0, 0] : tensor<2x3xf32> -> tensor<2x2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.permute' op extent 0 does not match the source}}
  %0 = lazy.permute %x, [1, 0] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x1xf32>) {
  // expected-error@+1 {{'lazy.expand' op keeps the rank: 'tensor<2x1xf32>' to 'tensor<2x1x3xf32>'}}
  %0 = lazy.expand %x : tensor<2x1xf32> -> tensor<2x1x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x1xf32>) {
  // expected-error@+1 {{'lazy.expand' op extent 0 is 2, neither 1 nor 3}}
  %0 = lazy.expand %x : tensor<2x1xf32> -> tensor<3x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.pad' op low, high and ranks differ}}
  %0 = lazy.pad %x, [0], [0, 0], 0.0 : f32 : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.pad' op padding must not be negative}}
  %0 = lazy.pad %x, [0, -1], [0, 1], 0.0 : f32 : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.pad' op extent 1 does not match the padding}}
  %0 = lazy.pad %x, [0, 1], [0, 1], 0.0 : f32 : tensor<2x3xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.pad' op value has another type than the elements}}
  %0 = lazy.pad %x, [0, 1], [0, 1], 0 : i32 : tensor<2x3xf32> -> tensor<2x5xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.slice' op starts, steps and ranks differ}}
  %0 = lazy.slice %x, [0], [1, 1] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.slice' op starts must be at least 0 and steps at least 1}}
  %0 = lazy.slice %x, [0, 0], [1, 0] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.slice' op starts must be at least 0 and steps at least 1}}
  %0 = lazy.slice %x, [0, -1], [1, 1] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.slice' op axis 1 leaves the source}}
  %0 = lazy.slice %x, [0, 1], [1, 2] : tensor<2x3xf32> -> tensor<2x2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.slice' op axis 1 leaves the source}}
  %0 = lazy.slice %x, [0, 1], [1, 9223372036854775807] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<?x3xf32, #lazy.dims<["N"], [8]>>) {
  // expected-error@+1 {{'lazy.slice' op cannot cut symbolic extent 0}}
  %0 = lazy.slice %x, [1, 0], [1, 1] : tensor<?x3xf32, #lazy.dims<["N"], [8]>> -> tensor<?x3xf32, #lazy.dims<["N"], [8]>>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.flip' op keeps the type}}
  %0 = lazy.flip %x, [0] : tensor<2x3xf32> -> tensor<3x2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.flip' op axis 2 is not a static axis of the source}}
  %0 = lazy.flip %x, [2] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x6xf32>) {
  // expected-error@+1 {{'lazy.window' op axes, sizes, strides, dilations and ranks differ}}
  %0 = lazy.window %x, axes [1] sizes [3] strides [2] dilations [] : tensor<2x6xf32> -> tensor<2x2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x6xf32>) {
  // expected-error@+1 {{'lazy.window' op axis 2 is not a static axis of the source}}
  %0 = lazy.window %x, axes [2] sizes [3] strides [2] dilations [1] : tensor<2x6xf32> -> tensor<2x2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x6xf32>) {
  // expected-error@+1 {{'lazy.window' op sizes, strides and dilations must be at least 1}}
  %0 = lazy.window %x, axes [1] sizes [3] strides [0] dilations [1] : tensor<2x6xf32> -> tensor<2x2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x6xf32>) {
  // expected-error@+1 {{'lazy.window' op window extent 0 does not match its size}}
  %0 = lazy.window %x, axes [1] sizes [3] strides [2] dilations [1] : tensor<2x6xf32> -> tensor<2x2x4xf32>
  return
}

// -----

func.func @f(%x: tensor<2x6xf32>) {
  // expected-error@+1 {{'lazy.window' op axis 1 leaves the source}}
  %0 = lazy.window %x, axes [1] sizes [3] strides [2] dilations [1] : tensor<2x6xf32> -> tensor<2x3x3xf32>
  return
}

// -----

func.func @f() {
  // expected-error@+1 {{'lazy.concat' op needs an operand}}
  %0 = "lazy.concat"() {axis = 0 : i64} : () -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.concat' op axis 2 is outside rank 2}}
  %0 = lazy.concat %x, %x axis 2 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %y: tensor<2x3xi32>) {
  // expected-error@+1 {{'lazy.concat' op operands and result have one rank and element type}}
  %0 = lazy.concat %x, %y axis 0 : (tensor<2x3xf32>, tensor<2x3xi32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %y: tensor<2x4xf32>) {
  // expected-error@+1 {{'lazy.concat' op extent 1 differs between operands}}
  %0 = lazy.concat %x, %y axis 0 : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error@+1 {{'lazy.concat' op result extent is 7, the operands add up to 6}}
  %0 = lazy.concat %x, %x axis 1 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x7xf32>
  return
}

// -----

func.func @f(%x: tensor<?x3xf32, #lazy.dims<["N"], [8]>>) {
  // expected-error@+1 {{'lazy.concat' op cannot join along a symbolic extent}}
  %0 = lazy.concat %x, %x axis 0 : (tensor<?x3xf32, #lazy.dims<["N"], [8]>>, tensor<?x3xf32, #lazy.dims<["N"], [8]>>) -> tensor<?x3xf32, #lazy.dims<["N"], [8]>>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %i: tensor<4xi64>) {
  // expected-error@+1 {{'lazy.gather' op axis 2 is outside rank 2}}
  %0 = lazy.gather %x, %i, 2 : tensor<2x3xf32>, tensor<4xi64> -> tensor<2x4xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %i: tensor<4xi64>) {
  // expected-error@+1 {{'lazy.gather' op result type does not follow from source and index}}
  %0 = lazy.gather %x, %i, 1 : tensor<2x3xf32>, tensor<4xi64> -> tensor<4x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x4xf32>, %i: tensor<4xi64>) {
  // expected-error@+1 {{'lazy.scatter' op axis -1 is outside rank 2}}
  %0 = lazy.scatter %x, %i, -1 : tensor<2x4xf32>, tensor<4xi64> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x4xf32>, %i: tensor<4xi64>) {
  // expected-error@+1 {{'lazy.scatter' op the updates are not what a gather of the result by the index would give}}
  %0 = lazy.scatter %x, %i, 0 : tensor<2x4xf32>, tensor<4xi64> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x4xf32>, %i: tensor<4xi64>) {
  // expected-error@+1 {{'lazy.scatter' op the updates are not what a gather of the result by the index would give}}
  %0 = lazy.scatter %x, %i, 1 : tensor<2x4xf32>, tensor<4xi64> -> tensor<2x3xf64>
  return
}

// -----

func.func @f(%x: tensor<4xf32>, %i: tensor<4xi64>) {
  // expected-error@+1 {{'lazy.scatter' op cannot scatter along a symbolic extent}}
  %0 = lazy.scatter %x, %i, 0 : tensor<4xf32>, tensor<4xi64> -> tensor<?xf32, #lazy.dims<["N"], [8]>>
  return
}

// -----

func.func @f(%x: tensor<4xf32>, %i: tensor<4xf32>) {
  // expected-error@+1 {{'lazy.scatter' op operand #1 must be ranked tensor of 32-bit signless integer or 64-bit signless integer values with bounded extents, but got 'tensor<4xf32>'}}
  %0 = lazy.scatter %x, %i, 0 : tensor<4xf32>, tensor<4xf32> -> tensor<3xf32>
  return
}

// -----

func.func @f(%x: tensor<4xf32>, %c: tensor<4xi1>) {
  // expected-error@+1 {{'lazy.require' op status 0 is no nacre_status of a failure, 1 to 11}}
  %0 = lazy.require %x, %c {status = 0 : i32, message = "no"} : tensor<4xf32>
  return
}

// -----

func.func @f(%x: tensor<4xf32>, %c: tensor<4xi1>) {
  // expected-error@+1 {{'lazy.require' op status 12 is no nacre_status of a failure, 1 to 11}}
  %0 = lazy.require %x, %c {status = 12 : i32, message = "no"} : tensor<4xf32>
  return
}

// -----

func.func @f(%x: tensor<4xf32>, %c: tensor<3xi1>) {
  // expected-error@+1 {{'lazy.require' op failed to verify that 'ok' is i1 of the shape of 'x'}}
  %0 = "lazy.require"(%x, %c) {status = 9 : i32, message = "no"} : (tensor<4xf32>, tensor<3xi1>) -> tensor<4xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %i: tensor<4xf32>) {
  // expected-error@+1 {{'lazy.gather' op operand #1 must be ranked tensor of 32-bit signless integer or 64-bit signless integer values with bounded extents, but got 'tensor<4xf32>'}}
  %0 = lazy.gather %x, %i, 1 : tensor<2x3xf32>, tensor<4xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @f(%a: tensor<5x13xf32>, %b: tensor<13x7xf32>) {
  // expected-error@+1 {{'lazy.contract' op needs three maps}}
  %0 = lazy.contract %a, %b, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>] : tensor<5x13xf32>, tensor<13x7xf32> -> tensor<5x7xf32>
  return
}

// -----

func.func @f(%a: tensor<5x13xf32>, %b: tensor<13x7xf32>) {
  // expected-error@+1 {{'lazy.contract' op map 0 does not fit its tensor}}
  %0 = lazy.contract %a, %b, [affine_map<(d0, d1, d2) -> (d0)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<5x13xf32>, tensor<13x7xf32> -> tensor<5x7xf32>
  return
}

// -----

func.func @f(%a: tensor<5x13xi8>, %b: tensor<13x7xui8>) {
  %0 = lazy.contract %a, %b, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<5x13xi8>, tensor<13x7xui8> -> tensor<5x7xi32>
  // expected-error@+1 {{'lazy.contract' op operands and result have one element type, or operands of i8 and u8 a result of i32}}
  %1 = lazy.contract %a, %b, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<5x13xi8>, tensor<13x7xui8> -> tensor<5x7xf32>
  return
}

// -----

func.func @f(%a: tensor<5x13xf32>, %b: tensor<13x7xf32>) {
  // expected-error@+1 {{'lazy.contract' op operands and result have one element type, or operands of i8 and u8 a result of i32}}
  %0 = lazy.contract %a, %b, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<5x13xf32>, tensor<13x7xf32> -> tensor<5x7xf64>
  return
}

// -----

func.func @f(%a: tensor<5x13xf32>, %b: tensor<13x7xf32>) {
  // expected-error@+1 {{'lazy.contract' op dimension 1 is 7 and 8}}
  %0 = lazy.contract %a, %b, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<5x13xf32>, tensor<13x7xf32> -> tensor<5x8xf32>
  return
}

// -----

func.func @f(%a: tensor<5x13xf32>, %b: tensor<13x7xf32>) {
  // expected-error@+1 {{'lazy.contract' op dimension 3 stands alone in no map}}
  %0 = lazy.contract %a, %b, [affine_map<(d0, d1, d2, d3) -> (d0, d2)>, affine_map<(d0, d1, d2, d3) -> (d2, d1)>, affine_map<(d0, d1, d2, d3) -> (d0, d1)>] : tensor<5x13xf32>, tensor<13x7xf32> -> tensor<5x7xf32>
  return
}

// -----

func.func @f(%a: tensor<5x13xf32>, %b: tensor<13x7xf32>) {
  // expected-error@+1 {{'lazy.contract' op map 0 divides; only sums of multiples are maps of a contraction}}
  %0 = lazy.contract %a, %b, [affine_map<(d0, d1, d2) -> (d0, d2 floordiv 2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<5x13xf32>, tensor<13x7xf32> -> tensor<5x7xf32>
  return
}

// -----

func.func @f(%a: tensor<5x13xf32>, %b: tensor<13x7xf32>) {
  // expected-error@+1 {{'lazy.contract' op the result map must hold distinct dimensions}}
  %0 = lazy.contract %a, %b, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d0)>] : tensor<5x13xf32>, tensor<13x7xf32> -> tensor<5x5xf32>
  return
}

// -----

func.func @f(%a: tensor<5x13xf32>, %b: tensor<13x7xf32>) {
  // expected-error@+1 {{'lazy.contract' op map 0 leaves axis 1 of its tensor}}
  %0 = lazy.contract %a, %b, [affine_map<(d0, d1, d2) -> (d0, d2 + 1)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<5x13xf32>, tensor<13x7xf32> -> tensor<5x7xf32>
  return
}

// -----

func.func @f(%a: tensor<5x13xf32>, %b: tensor<13x7xf32>) {
  // expected-error@+1 {{'lazy.contract' op map 0 leaves axis 1 of its tensor}}
  %0 = lazy.contract %a, %b, [affine_map<(d0, d1, d2) -> (d0, d2 * 2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<5x13xf32>, tensor<13x7xf32> -> tensor<5x7xf32>
  return
}

// -----

func.func @f(%a: tensor<5x13xf32>, %b: tensor<13x7xf32>) {
  // expected-error@+1 {{non-affine expression: at least one of the multiply operands has to be either a constant or symbolic}}
  %0 = lazy.contract %a, %b, [affine_map<(d0, d1, d2) -> (d0, d0 * d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<5x13xf32>, tensor<13x7xf32> -> tensor<5x7xf32>
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{'lazy.kernel' op must yield its result types}}
  %0 = lazy.kernel "k" (%a = %x : tensor<4xf32>) -> (tensor<5xf32>) {
    lazy.yield %a : tensor<4xf32>
  }
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{'lazy.kernel' op has 1 operands and 0 places}}
  %0 = lazy.kernel "k" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {operand_places = []} {
    lazy.yield %a : tensor<4xf32>
  }
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{'lazy.kernel' op a place does not fit its results}}
  %0 = lazy.kernel "k" (%a = %x : tensor<4xf32>) -> (tensor<4xf32>) attributes {result_places = [#lazy.place<"arena", 0, 0, [1, 1]>]} {
    lazy.yield %a : tensor<4xf32>
  }
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{'lazy.kernel' op operand and block argument types differ}}
  %0 = "lazy.kernel"(%x) <{name = "k"}> ({
  ^bb0(%a: tensor<5xf32>):
    lazy.yield %a : tensor<5xf32>
  }) : (tensor<4xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  "lazy.kernel"(%x) <{name = "k"}> ({
  // expected-error@+1 {{expected ':'}}
    lazy.yield
  }) : (tensor<4xf32>) -> ()
  return
}

// -----

func.func @f(%x: tensor<4xf32>) {
  // expected-error@+1 {{'lazy.reshape' op keeps the element type}}
  %0 = lazy.reshape %x : tensor<4xf32> -> tensor<2x2xi32>
  return
}

// -----

func.func @f(%x: tensor<4x1xf32>) {
  // expected-error@+1 {{'lazy.expand' op keeps the element type}}
  %0 = lazy.expand %x : tensor<4x1xf32> -> tensor<4x2xi32>
  return
}

// -----

func.func @f(%x: tensor<4x2xf32>) {
  // expected-error@+1 {{'lazy.permute' op keeps the element type}}
  %0 = lazy.permute %x, [1, 0] : tensor<4x2xf32> -> tensor<2x4xf64>
  return
}

// -----

func.func @f(%x: tensor<3x8xf32>) {
  // expected-error@+1 {{'lazy.window' op extent 0 does not match the source}}
  %0 = lazy.window %x, axes [1] sizes [3] strides [1] dilations [1] : tensor<3x8xf32> -> tensor<4x6x3xf32>
  return
}

// -----

func.func @f(%x: tensor<8xf32>) {
  // expected-error@+1 {{'lazy.window' op axis 0 is listed twice}}
  %0 = lazy.window %x, axes [0, 0] sizes [3, 3] strides [1, 1] dilations [1, 1] : tensor<8xf32> -> tensor<6x3x3xf32>
  return
}

// -----

// expected-error@+2 {{'lazy.splat' op result #0 must be ranked tensor of 16-bit float or bfloat16 type or 32-bit float or 64-bit float or 1-bit signless integer or 8-bit signless integer or 16-bit signless integer or 32-bit signless integer or 64-bit signless integer or 8-bit unsigned integer or 16-bit unsigned integer or 32-bit unsigned integer or 64-bit unsigned integer or float of 8 or 4 bits or integer of 4 or 2 bits values with bounded extents, but got 'tensor<?xf32>'}}
func.func @f(%x: tensor<4xf32>) {
  %0 = lazy.splat 1.0 : f32 : tensor<?xf32>
  return
}

// -----

func.func @f(%x: tensor<4xf8E4M3FN>) {
  // expected-error@+1 {{64-bit unsigned integer values with bounded extents, but got 'tensor<4xf8E4M3FN>'}}
  %0 = lazy.add %x, %x : tensor<4xf8E4M3FN>
  return
}

// -----

func.func @f(%x: tensor<4xi4>, %y: tensor<4xi4>) {
  // expected-error@+1 {{64-bit unsigned integer values with bounded extents, but got 'tensor<4xi4>'}}
  %0 = lazy.cmp lt, %x, %y : tensor<4xi4> -> tensor<4xi1>
  return
}

// -----

func.func @f(%x: tensor<4xi3>) {
  // expected-error@+1 {{float of 8 or 4 bits or integer of 4 or 2 bits values with bounded extents, but got 'tensor<4xi3>'}}
  %0 = lazy.reshape %x : tensor<4xi3> -> tensor<2x2xi3>
  return
}

// -----

func.func @f(%x: tensor<4xf4E2M1FN>) {
  // expected-error@+1 {{'lazy.bitcast' op changes the width of the elements}}
  %0 = lazy.bitcast %x : tensor<4xf4E2M1FN> -> tensor<4xi8>
  return
}

// -----

func.func @f(%x: tensor<4x3xf32>, %r: tensor<2x2xf32>, %p: tensor<i64>) {
  // expected-error@+1 {{'lazy.write' op the rows are no slices of the result along axis 0}}
  %0 = lazy.write %x, %r, %p, %p, 0 : tensor<4x3xf32>, tensor<2x2xf32>
  return
}

// -----

func.func @f(%x: tensor<4x3xf32>, %r: tensor<4x3xf32>, %p: tensor<i64>) {
  // expected-error@+1 {{'lazy.write' op axis 2 is outside rank 2}}
  %0 = lazy.write %x, %r, %p, %p, 2 : tensor<4x3xf32>, tensor<4x3xf32>
  return
}
