// What cannot be expressed is said where it is.
// RUN: nacre-opt %s -decompose='no-i64' -split-input-file -verify-diagnostics
// RUN: not nacre-opt %s -decompose=no-ops=math.sinh 2>&1 | FileCheck %s

// CHECK: error: 'math.sinh' cannot be expanded

func.func @twice(%a: f64) -> f16 {
  // expected-error@+1 {{'arith.truncf' op cannot be expressed for this target}}
  %b = arith.truncf %a : f64 to f16
  return %b : f16
}

// -----

// expected-error@+1 {{'func.func' op cannot be expressed for this target}}
func.func @matrix(%a: memref<2x2xi64>) {
  return
}

// -----

func.func @lanes(%x: memref<64xf16>, %i: index) {
  // expected-error@+1 {{'vector.load' op cannot be expressed for this target}}
  %a = vector.load %x[%i] : memref<64xf16>, vector<4xf16>
  vector.store %a, %x[%i] : memref<64xf16>, vector<4xf16>
  return
}

// -----

func.func @bits(%x: i64) -> i64 {
  // expected-error@+1 {{'math.ctpop' op cannot be expressed for this target}}
  %a = math.ctpop %x : i64
  return %a : i64
}

// -----

func.func @function(%x: f32) -> f32 {
  // expected-error@+1 {{'math.sinh' op was not decomposed}}
  %a = math.sinh %x : f32
  return %a : f32
}
