// What a target lacks, in terms of what it has.
// RUN: nacre-opt %s -decompose='no-f64 no-i64 no-nan no-ops=math.erf,math.exp,math.floor' | FileCheck %s
// RUN: nacre-opt %s -decompose | FileCheck %s --check-prefix=FULL
// RUN: nacre-opt %s -decompose=no-f64 | FileCheck %s --check-prefix=LONG

// Helpers come first, what they call before them; unused ones are gone.
// CHECK-LABEL: func.func private @nacre_f16_to_f32(%arg0: i32) -> f32
// CHECK-NOT:     nacre_f32_to_f16
// CHECK:       func.func private @nacre_exp(%arg0: f32) -> f32
// CHECK:       func.func private @nacre_erf(%arg0: f32) -> f32
// CHECK:         call @nacre_exp
// FULL-NOT:    @nacre_exp
// FULL-NOT:    @nacre_f64

// i8 is an i32 that is wrapped; unsigned order is that of i32.
// CHECK-LABEL: func.func @narrow
// CHECK:         %[[C24:.*]] = arith.constant 24 : i32
// CHECK:         %[[BYTE:.*]] = memref.load
// CHECK-NEXT:    %[[A:.*]] = arith.extsi %[[BYTE]] : i8 to i32
// CHECK-NEXT:    %[[P:.*]] = arith.muli %[[A]], %[[A]] : i32
// CHECK-NEXT:    %[[UP:.*]] = arith.shli %[[P]], %[[C24]]
// CHECK-NEXT:    %[[W:.*]] = arith.shrsi %[[UP]], %[[C24]]
// CHECK-NEXT:    %[[C:.*]] = arith.cmpi ult, %[[W]], %[[A]] : i32
// CHECK-NEXT:    %[[S:.*]] = arith.select %[[C]], %[[A]], %[[W]] : i32
// CHECK-NEXT:    %[[T:.*]] = arith.trunci %[[S]] : i32 to i8
// CHECK-NEXT:    memref.store %[[T]]
func.func @narrow(%x: memref<8xi8>, %i: index) {
  %a = memref.load %x[%i] : memref<8xi8>
  %b = arith.muli %a, %a : i8
  %c = arith.cmpi ult, %b, %a : i8
  %d = arith.select %c, %a, %b : i8
  memref.store %d, %x[%i] : memref<8xi8>
  return
}

// No wrap before a store, which wraps itself.
// CHECK-LABEL: func.func @stored
// CHECK:         %[[S:.*]] = arith.addi %{{.*}} : i32
// CHECK-NEXT:    arith.trunci %[[S]] : i32 to i8
func.func @stored(%x: memref<8xi8>, %i: index) {
  %a = memref.load %x[%i] : memref<8xi8>
  %b = arith.addi %a, %a : i8
  memref.store %b, %x[%i] : memref<8xi8>
  return
}

// A copy and a constant have their i32, too.
// CHECK-LABEL: func.func @moved
// CHECK:         %[[W:.*]] = arith.extsi %{{.*}} : i8 to i32
// CHECK-NEXT:    %[[T:.*]] = arith.trunci %[[W]] : i32 to i8
// CHECK-NEXT:    memref.store %[[T]]
// CHECK:         %[[C:.*]] = arith.constant 3 : i32
// CHECK:         %[[U:.*]] = arith.trunci %[[C]] : i32 to i8
// CHECK-NEXT:    memref.store %[[U]]
func.func @moved(%x: memref<8xi8>, %i: index, %j: index) {
  %a = memref.load %x[%i] : memref<8xi8>
  memref.store %a, %x[%j] : memref<8xi8>
  %k = arith.constant 3 : i8
  memref.store %k, %x[%i] : memref<8xi8>
  return
}

// CHECK-LABEL: func.func @unsigned
// CHECK:         %[[V:.*]] = memref.load
// CHECK-NEXT:    %[[W:.*]] = arith.extui %[[V]] : i16 to i32
// CHECK-NEXT:    arith.sitofp %[[W]] : i32 to f32
func.func @unsigned(%x: memref<8xi16>, %y: memref<8xf32>, %i: index) {
  %a = memref.load %x[%i] : memref<8xi16>
  %b = arith.uitofp %a : i16 to f32
  memref.store %b, %y[%i] : memref<8xf32>
  return
}

// f16 is its bits, in memory an i16.
// CHECK-LABEL: func.func @half
// CHECK-SAME:    (%[[X:.*]]: memref<8xi16>, %{{.*}}: index, %{{.*}}: i1)
// CHECK:         %[[ONE:.*]] = arith.constant 15360 : i32
// CHECK:         %[[A:.*]] = scf.if %{{.*}} -> (i32) {
// CHECK:           arith.extsi %{{.*}} : i16 to i32
// CHECK:         } else {
// CHECK-NEXT:      scf.yield %[[ONE]] : i32
// CHECK:         arith.xori %[[A]], %c-32768_i32 : i32
func.func @half(%x: memref<8xf16>, %i: index, %c: i1) {
  %k = arith.constant 1.0 : f16
  %a = scf.if %c -> (f16) {
    %v = memref.load %x[%i] : memref<8xf16>
    scf.yield %v : f16
  } else {
    scf.yield %k : f16
  }
  %b = arith.negf %a : f16
  memref.store %b, %x[%i] : memref<8xf16>
  return
}

// CHECK-LABEL: func.func @sums
// CHECK:         %[[S:.*]] = scf.for {{.*}} iter_args(%[[ACC:.*]] = %{{.*}}) -> (f32)
// CHECK:           %[[A:.*]] = func.call @nacre_f16_to_f32
// CHECK:           arith.addf %[[ACC]], %[[A]] : f32
// CHECK:         call @nacre_f32_to_bf16(%[[S]]) : (f32) -> i32
func.func @sums(%x: memref<8xf16>, %y: memref<8xbf16>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %s = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %zero) -> (f32) {
    %v = memref.load %x[%i] : memref<8xf16>
    %w = arith.extf %v : f16 to f32
    %t = arith.addf %acc, %w : f32
    scf.yield %t : f32
  }
  %r = arith.truncf %s : f32 to bf16
  memref.store %r, %y[%c0] : memref<8xbf16>
  return
}

// i64 is two words at 2*i and 2*i + 1.
// CHECK-LABEL: func.func @wide
// CHECK-SAME:    (%[[X:.*]]: memref<?xi32>, %[[I:.*]]: index, %[[N:.*]]: index)
// CHECK:         %[[M:.*]] = arith.muli %[[N]], %c2 : index
// CHECK:         %[[S:.*]] = memref.alloc(%[[M]]) : memref<?xi32, 3>
// CHECK:         %[[AT:.*]] = arith.muli %[[I]], %c2 : index
// CHECK:         %[[L:.*]] = memref.load %[[X]][%[[AT]]]
// CHECK:         %[[NEXT:.*]] = arith.addi %[[AT]], %c1 : index
// CHECK:         %[[H:.*]] = memref.load %[[X]][%[[NEXT]]]
// CHECK:         %[[LOW:.*]] = arith.addi %[[L]], %c5_i32 : i32
// CHECK:         %[[CARRY:.*]] = arith.cmpi ult, %[[LOW]], %[[L]] : i32
// CHECK:         memref.store %[[LOW]], %[[S]][%[[AT]]]
// CHECK:         memref.store %{{.*}}, %[[S]][%[[NEXT]]]
// LONG-LABEL: func.func @wide
// LONG:         arith.addi %{{.*}} : i64
func.func @wide(%x: memref<?xi64>, %i: index, %n: index) {
  %s = memref.alloc(%n) : memref<?xi64, 3>
  %a = memref.load %x[%i] : memref<?xi64>
  %k = arith.constant 5 : i64
  %b = arith.addi %a, %k : i64
  memref.store %b, %s[%i] : memref<?xi64, 3>
  %c = memref.load %s[%n] : memref<?xi64, 3>
  memref.store %c, %x[%n] : memref<?xi64>
  return
}

// An index out of 32 bits becomes the furthest, so that it is out of range.
// CHECK-LABEL: func.func @index
// CHECK-SAME:    memref<16xi32>
// CHECK:         %[[L:.*]] = memref.load
// CHECK:         %[[H:.*]] = memref.load
// CHECK:         %[[SIGN:.*]] = arith.shrsi %[[L]], %c31_i32
// CHECK:         %[[FITS:.*]] = arith.cmpi eq, %[[H]], %[[SIGN]]
// CHECK:         %[[WHICH:.*]] = arith.shrsi %[[H]], %c31_i32
// CHECK:         %[[FAR:.*]] = arith.xori %[[WHICH]], %c2147483647_i32
// CHECK:         %[[V:.*]] = arith.select %[[FITS]], %[[L]], %[[FAR]]
// CHECK:         arith.index_cast %[[V]] : i32 to index
func.func @index(%x: memref<8xi64>, %i: index) -> index {
  %a = memref.load %x[%i] : memref<8xi64>
  %b = arith.index_cast %a : i64 to index
  return %b : index
}

// f64 is computed in f32, but copied whole.
// CHECK-LABEL: func.func @double
// CHECK-SAME:    (%[[X:.*]]: memref<16xi32>, %[[Y:.*]]: memref<16xi32>
// CHECK:         %[[L:.*]] = memref.load %[[X]]
// CHECK:         %[[H:.*]] = memref.load %[[X]]
// CHECK:         %[[F:.*]] = call @nacre_f64_to_f32(%[[L]], %[[H]]) : (i32, i32) -> f32
// CHECK:         memref.store %[[L]], %[[Y]]
// CHECK:         memref.store %[[H]], %[[Y]]
// CHECK:         %[[P:.*]] = arith.mulf %[[F]], %[[F]] : f32
// CHECK:         call @nacre_f32_to_f64_low(%[[P]])
// CHECK:         call @nacre_f32_to_f64_high(%[[P]])
// FULL-LABEL: func.func @double
// FULL:         arith.mulf %{{.*}} : f64
// LONG-LABEL: func.func @double
// LONG-SAME:    memref<16xi32>
// LONG:         arith.mulf %{{.*}} : f32
func.func @double(%x: memref<8xf64>, %y: memref<8xf64>, %i: index) {
  %a = memref.load %x[%i] : memref<8xf64>
  memref.store %a, %y[%i] : memref<8xf64>
  %b = arith.mulf %a, %a : f64
  memref.store %b, %x[%i] : memref<8xf64>
  return
}

// NaN is seen in bits, and neither it nor infinity is a float constant.
// CHECK-LABEL: func.func @nan
// CHECK-SAME:    (%[[A:.*]]: f32, %[[B:.*]]: f32)
// CHECK:         %[[INF:.*]] = arith.bitcast %c2139095040_i32 : i32 to f32
// CHECK:         %[[ABITS:.*]] = arith.bitcast %[[A]] : f32 to i32
// CHECK:         %[[AMAG:.*]] = arith.andi %[[ABITS]], %c2147483647_i32
// CHECK:         %[[ANAN:.*]] = arith.cmpi sgt, %[[AMAG]], %c2139095040_i32
// CHECK:         %[[BNAN:.*]] = arith.cmpi sgt, %{{.*}}, %c2139095040_i32
// CHECK:         %[[EITHER:.*]] = arith.ori %[[ANAN]], %[[BNAN]]
// CHECK:         %[[LESS:.*]] = arith.cmpf olt, %[[A]], %[[B]]
// CHECK:         %[[ULT:.*]] = arith.ori %[[EITHER]], %[[LESS]]
// CHECK:         return %[[ANAN]], %[[ULT]], %[[LESS]], %[[INF]]
// FULL-LABEL: func.func @nan
// FULL:         %[[NAN:.*]] = arith.cmpf une, %arg0, %arg0
// FULL:         %[[GE:.*]] = arith.cmpf oge, %arg0, %arg1
// FULL:         %[[ULT:.*]] = arith.xori %[[GE]], %true
// FULL:         return %[[NAN]], %[[ULT]]
func.func @nan(%a: f32, %b: f32) -> (i1, i1, i1, f32) {
  %p = arith.cmpf une, %a, %a : f32
  %q = arith.cmpf ult, %a, %b : f32
  %r = arith.cmpf olt, %a, %b : f32
  %k = arith.constant 0x7F800000 : f32
  return %p, %q, %r, %k : i1, i1, i1, f32
}

// C's division and a correction.
// CHECK-LABEL: func.func @floor_division
// CHECK:         %[[Q:.*]] = arith.divsi %arg0, %c3 : index
// CHECK:         %[[R:.*]] = arith.remsi %arg0, %c3 : index
// CHECK:         %[[N:.*]] = arith.cmpi slt, %[[R]], %c0 : index
// CHECK:         %[[ONE:.*]] = arith.select %[[N]], %c1, %c0 : index
// CHECK:         arith.subi %[[Q]], %[[ONE]] : index
func.func @floor_division(%i: index) -> index {
  %c3 = arith.constant 3 : index
  %a = arith.floordivsi %i, %c3 : index
  return %a : index
}

// Vectors of f32 pass.
// CHECK-LABEL: func.func @vectors
// CHECK:         vector.load
// CHECK:         arith.addf %{{.*}} : vector<4xf32>
func.func @vectors(%x: memref<64xf32>, %i: index) -> vector<4xf32> {
  %a = vector.load %x[%i] : memref<64xf32>, vector<4xf32>
  %b = arith.addf %a, %a : vector<4xf32>
  return %b : vector<4xf32>
}

// CHECK-LABEL: func.func @functions
// CHECK:         call @nacre_erf
// CHECK:         call @nacre_exp
// CHECK:         call @nacre_floor
// CHECK:         math.sqrt
// FULL-LABEL: func.func @functions
// FULL:         math.erf
func.func @functions(%x: f32) -> f32 {
  %a = math.erf %x : f32
  %b = math.exp %a : f32
  %c = math.floor %b : f32
  %d = math.sqrt %c : f32
  return %d : f32
}
