// 64-bit types, which WGSL lacks.
// RUN: nacre-opt --render=opencl %s > %t.cl
// RUN: diff -u %S/Inputs/opencl-only.cl %t.cl
// RUN: clang -x cl -cl-std=CL1.2 -Xclang -finclude-default-header -fsyntax-only -Wall -Wextra -Werror %t.cl
// RUN: not nacre-opt --render=wgsl %s 2>&1 | FileCheck %s --check-prefix=WGSL
// WGSL: error: 'arith.bitcast' op has no text in WGSL

func.func @wide(%x: memref<64xi64> {nacre.space = "memory", nacre.name = "x"},
                %d: memref<64xf64> {nacre.space = "memory", nacre.name = "d", nacre.write},
                %y: memref<64xi64> {nacre.space = "memory", nacre.write, nacre.name = "y"},
                %status: memref<1xi32>, %group: index, %item: index)
    attributes {nacre.kernel, nacre.group = 64 : i64, nacre.groups = 1 : i64} {
  %min = arith.constant -9223372036854775808 : i64
  %three = arith.constant 3 : i64
  %tenth = arith.constant 0.1 : f64
  %bits = arith.constant 9221120237041090560 : i64
  %nan = arith.bitcast %bits : i64 to f64
  %a = memref.load %x[%item] : memref<64xi64>
  %b = arith.muli %a, %three : i64
  %c = arith.addi %b, %min : i64
  %q = arith.divui %c, %three : i64
  memref.store %q, %y[%item] : memref<64xi64>
  %i = arith.index_cast %q : i64 to index
  %f = memref.load %d[%i] : memref<64xf64>
  %g = arith.mulf %f, %tenth : f64
  %h = arith.sitofp %a : i64 to f64
  %less = arith.cmpf olt, %g, %h : f64
  %r = arith.select %less, %nan, %g : f64
  %n = arith.trunci %a : i64 to i32
  %u = arith.extui %n : i32 to i64
  %uf = arith.uitofp %u : i64 to f64
  %s = arith.addf %r, %uf : f64
  %erf = math.erf %s : f64
  memref.store %erf, %d[%item] : memref<64xf64>
  return
}
