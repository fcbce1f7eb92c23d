// Operators, literals, parentheses and variables in both languages.
// RUN: nacre-opt --render=opencl %s > %t.cl
// RUN: diff -u %S/Inputs/expressions.cl %t.cl
// RUN: clang -x cl -cl-std=CL1.2 -Xclang -finclude-default-header -fsyntax-only -Wall -Wextra -Werror %t.cl
// RUN: nacre-opt --render=wgsl %s > %t.wgsl
// RUN: diff -u %S/Inputs/expressions.wgsl %t.wgsl
// RUN: %S/Inputs/valid_wgsl.sh %t.wgsl

func.func @wrapping(%x: memref<64xi32> {nacre.space = "memory", nacre.name = "x"},
                    %y: memref<512xi32> {nacre.space = "memory", nacre.write, nacre.name = "y"},
                    %status: memref<1xi32>, %group: index, %item: index)
    attributes {nacre.kernel, nacre.group = 64 : i64, nacre.groups = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %zero = arith.constant 0 : i32
  %min = arith.constant -2147483648 : i32
  %five = arith.constant 5 : i32
  %a = memref.load %x[%c0] : memref<64xi32>
  %b = memref.load %x[%c1] : memref<64xi32>
  %p = arith.muli %a, %b : i32
  %q = arith.addi %p, %min : i32
  memref.store %q, %y[%c0] : memref<512xi32>
  %m = arith.subi %zero, %a : i32
  %s = arith.subi %b, %m : i32
  memref.store %s, %y[%c1] : memref<512xi32>
  %d = arith.divui %a, %five : i32
  %h = arith.shrsi %d, %five : i32
  %k = arith.shli %h, %b : i32
  %o = arith.ori %k, %a : i32
  memref.store %o, %y[%c2] : memref<512xi32>
  // A division of literals, and one by zero, must not stop the compiler.
  %e = arith.divsi %five, %zero : i32
  %f = arith.remsi %a, %zero : i32
  %g = arith.addi %e, %f : i32
  memref.store %g, %y[%c3] : memref<512xi32>
  %w = arith.constant 2147483647 : i32
  %v = arith.addi %w, %five : i32
  memref.store %v, %y[%c4] : memref<512xi32>
  return
}

func.func @floats(%x: memref<64xf32> {nacre.space = "memory", nacre.name = "x"},
                  %y: memref<512xf32> {nacre.space = "memory", nacre.write, nacre.name = "y"},
                  %status: memref<1xi32>, %group: index, %item: index)
    attributes {nacre.kernel, nacre.group = 64 : i64, nacre.groups = 1 : i64} {
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %c5 = arith.constant 5 : index
  %bits = arith.constant 2143289344 : i32
  %nan = arith.bitcast %bits : i32 to f32
  %inf = arith.constant 0xFF800000 : f32
  %largest = arith.constant 3.4028234663852886e+38 : f32
  %smallest = arith.constant 1.4e-45 : f32
  %negzero = arith.constant -0.0 : f32
  %third = arith.constant 0.333333333 : f32
  %a = memref.load %x[%item] : memref<64xf32>
  %neg = arith.negf %a : f32
  %d0 = arith.subf %third, %neg : f32
  %d1 = arith.subf %a, %d0 : f32
  %d2 = arith.divf %largest, %d1 : f32
  memref.store %d2, %y[%item] : memref<512xf32>
  %isnan = arith.cmpf une, %a, %a : f32
  %big = arith.cmpf ugt, %a, %smallest : f32
  %not = arith.xori %isnan, %big : i1
  %r = arith.select %isnan, %nan, %inf : f32
  %r2 = arith.select %not, %r, %negzero : f32
  memref.store %r2, %y[%c1] : memref<512xf32>
  %e = math.exp %a : f32
  %t = math.roundeven %e : f32
  %abs = math.absf %t : f32
  %pow = math.powf %abs, %third : f32
  memref.store %pow, %y[%c2] : memref<512xf32>
  %i = arith.fptosi %pow : f32 to i32
  %u = arith.uitofp %i : i32 to f32
  memref.store %u, %y[%c3] : memref<512xf32>
  %b = arith.bitcast %a : f32 to i32
  %n = arith.index_cast %b : i32 to index
  %between = arith.cmpf one, %a, %third : f32
  %f = arith.uitofp %between : i1 to f32
  memref.store %f, %y[%n] : memref<512xf32>
  return
}

// Variables that a loop carries: swapped, handed on, renamed.
func.func @loops(%x: memref<64xf32> {nacre.space = "memory", nacre.name = "float"},
                 %y: memref<64xf32> {nacre.space = "memory", nacre.write, nacre.name = "fn"},
                 %status: memref<1xi32>, %n: index {nacre.name = "batch size"}, %group: index, %item: index)
    attributes {nacre.kernel, nacre.group = 64 : i64, nacre.comment = "a comment\\"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %scratch = memref.alloca() : memref<8xf32>
  %a:2 = scf.for %i = %c0 to %n step %c1 iter_args(%p = %zero, %q = %one) -> (f32, f32) {
    %s = arith.addf %p, %q : f32
    memref.store %s, %scratch[%i] : memref<8xf32>
    scf.yield %q, %s : f32, f32
  }
  %end = arith.minsi %n, %c8 : index
  %top = scf.for %i = %c1 to %end step %c1 iter_args(%m = %a#0) -> f32 {
    %v = memref.load %scratch[%i] : memref<8xf32>
    %more = arith.cmpf ogt, %v, %m : f32
    %w = arith.select %more, %v, %m : f32
    scf.yield %w : f32
  }
  %r:2 = scf.while (%v = %top, %k = %c0) : (f32, index) -> (f32, index) {
    %k1 = arith.addi %k, %c1 : index
    %go = arith.cmpi slt, %k1, %c8 : index
    %w = arith.mulf %v, %a#1 : f32
    scf.condition(%go) %w, %k1 : f32, index
  } do {
  ^bb0(%w: f32, %k: index):
    %u = memref.load %x[%k] : memref<64xf32>
    %z = arith.addf %w, %u : f32
    scf.yield %z, %k : f32, index
  }
  memref.store %r#0, %y[%r#1] : memref<64xf32>
  return
}

func.func @vectors(%x: memref<64xf32> {nacre.space = "memory", nacre.name = "x", nacre.align = 16 : i64},
                   %y: memref<64xf32> {nacre.space = "memory", nacre.write, nacre.name = "y", nacre.align = 16 : i64},
                   %status: memref<1xi32>, %group: index, %item: index)
    attributes {nacre.kernel, nacre.group = 16 : i64, nacre.groups = 1 : i64} {
  %c4 = arith.constant 4 : index
  %zero = arith.constant dense<0.0> : vector<4xf32>
  %mixed = arith.constant dense<[1.0, 2.0, -3.0, 4.5]> : vector<4xf32>
  %tile = memref.alloca() : memref<64xf32, #gpu.address_space<workgroup>>
  %at = arith.muli %item, %c4 : index
  %a = vector.load %x[%at] : memref<64xf32>, vector<4xf32>
  vector.store %a, %tile[%at] : memref<64xf32, #gpu.address_space<workgroup>>, vector<4xf32>
  gpu.barrier
  %b = vector.load %tile[%item] : memref<64xf32, #gpu.address_space<workgroup>>, vector<4xf32>
  %more = arith.cmpf ogt, %b, %zero : vector<4xf32>
  %relu = arith.select %more, %b, %mixed : vector<4xi1>, vector<4xf32>
  %s = vector.extract %relu[2] : f32 from vector<4xf32>
  %c = vector.insert %s, %a[0] : f32 into vector<4xf32>
  %v = vector.from_elements %s, %s, %s, %s : vector<4xf32>
  %m = arith.addf %c, %v : vector<4xf32>
  vector.store %m, %y[%at] : memref<64xf32>, vector<4xf32>
  return
}
