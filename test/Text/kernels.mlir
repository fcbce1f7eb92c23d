// Whole kernels as text in both languages.
// RUN: nacre-opt --render=opencl %s > %t.cl
// RUN: diff -u %S/Inputs/kernels.cl %t.cl
// RUN: clang -x cl -cl-std=CL1.2 -Xclang -finclude-default-header -fsyntax-only -Wall -Wextra -Werror %t.cl
// RUN: nacre-opt --render=wgsl %s > %t.wgsl
// RUN: diff -u %S/Inputs/kernels.wgsl %t.wgsl
// RUN: %S/Inputs/valid_wgsl.sh %t.wgsl
// RUN: nacre-opt --render=use %s | diff -u %S/Inputs/kernels.use -

func.func @scale(%x: memref<1024xf32> {nacre.space = "memory", nacre.name = "picture", llvm.noalias},
                 %y: memref<1024xf32> {nacre.space = "memory", nacre.write, nacre.name = "out", llvm.noalias},
                 %status: memref<1xi32>, %group: index, %item: index)
    attributes {nacre.kernel, nacre.group = 64 : i64, nacre.groups = 16 : i64,
                nacre.comment = "scale: out = 1.5 * picture + 1\nof 1024 elements"} {
  %c64 = arith.constant 64 : index
  %half = arith.constant 1.5 : f32
  %one = arith.constant 1.0 : f32
  %g = arith.muli %group, %c64 : index
  %at = arith.addi %g, %item : index
  %v = memref.load %x[%at] : memref<1024xf32>
  %m = arith.mulf %v, %half : f32
  %a = arith.addf %m, %one : f32
  memref.store %a, %y[%at] : memref<1024xf32>
  return
}

func.func @row_sums(%x: memref<4096xf32> {nacre.space = "memory", nacre.name = "x"},
                 %y: memref<64xf32> {nacre.space = "memory", nacre.write, nacre.name = "y"},
                 %status: memref<1xi32>, %rows: index {nacre.name = "N"}, %group: index, %item: index)
    attributes {nacre.kernel, nacre.group = 64 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %c32 = arith.constant 32 : index
  %zero = arith.constant 0.0 : f32
  %shared = memref.alloca() : memref<64xf32, #gpu.address_space<workgroup>>
  %inside = arith.cmpi slt, %group, %rows : index
  scf.if %inside {
    %s = scf.for %i = %item to %c64 step %c64 iter_args(%acc = %zero) -> f32 {
      %s2 = scf.for %j = %c0 to %c32 step %c1 iter_args(%acc2 = %acc) -> f32 {
        %r = arith.muli %group, %c64 : index
        %p = arith.addi %r, %i : index
        %q = arith.addi %p, %j : index
        %v = memref.load %x[%q] : memref<4096xf32>
        %n = arith.addf %acc2, %v : f32
        scf.yield %n : f32
      }
      scf.yield %s2 : f32
    }
    memref.store %s, %shared[%item] : memref<64xf32, #gpu.address_space<workgroup>>
  }
  gpu.barrier
  %last = arith.cmpi eq, %item, %c0 : index
  %both = arith.andi %inside, %last : i1
  scf.if %both {
    %t = scf.for %i = %c0 to %c64 step %c1 iter_args(%acc = %zero) -> f32 {
      %v = memref.load %shared[%i] : memref<64xf32, #gpu.address_space<workgroup>>
      %n = arith.addf %acc, %v : f32
      scf.yield %n : f32
    }
    memref.store %t, %y[%group] : memref<64xf32>
  }
  return
}

func.func @gather(%table: memref<40xf32> {nacre.space = "weights", nacre.name = "table"},
                  %index: memref<100000000xi32> {nacre.space = "memory", nacre.name = "indices"},
                  %y: memref<100000000xf32> {nacre.space = "memory", nacre.write, nacre.name = "y"},
                  %status: memref<1xi32>, %group: index, %item: index)
    attributes {nacre.kernel, nacre.group = 256 : i64, nacre.groups = 390625 : i64} {
  %c0 = arith.constant 0 : index
  %c256 = arith.constant 256 : index
  %code = arith.constant 3 : i32
  %n = arith.constant 40 : i32
  %zero = arith.constant 0.0 : f32
  %g = arith.muli %group, %c256 : index
  %at = arith.addi %g, %item : index
  %v = memref.load %index[%at] : memref<100000000xi32>
  %ok = arith.cmpi ult, %v, %n : i32
  %r = scf.if %ok -> f32 {
    %k = arith.index_cast %v : i32 to index
    %t = memref.load %table[%k] : memref<40xf32>
    scf.yield %t : f32
  } else {
    %old = memref.atomic_rmw assign %code, %status[%c0] : (i32, memref<1xi32>) -> i32
    scf.yield %zero : f32
  }
  memref.store %r, %y[%at] : memref<100000000xf32>
  return
}

func.func @dot4(%x: memref<4096xf32> {nacre.space = "memory", nacre.name = "x", nacre.align = 16 : i64},
                %w: memref<67108864xf32> {nacre.space = "weights", nacre.name = "w", nacre.align = 64 : i64, nacre.chunks = 3 : i64},
                %y: memref<64xf32> {nacre.space = "memory", nacre.write, nacre.name = "y", nacre.align = 4 : i64},
                %status: memref<1xi32>, %group: index, %item: index)
    attributes {nacre.kernel, nacre.group = 16 : i64, nacre.groups = 4 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c64 = arith.constant 64 : index
  %c1023 = arith.constant 1023 : index
  %zero = arith.constant dense<0.0> : vector<4xf32>
  %base = arith.muli %item, %c64 : index
  %s = scf.for %i = %c0 to %c64 step %c4 iter_args(%acc = %zero) -> vector<4xf32> {
    %p = arith.addi %base, %i : index
    %a = vector.load %x[%p] : memref<4096xf32>, vector<4xf32>
    %q = arith.addi %i, %c1023 : index
    %b = vector.load %w[%q] : memref<67108864xf32>, vector<4xf32>
    %n = vector.fma %a, %b, %acc : vector<4xf32>
    scf.yield %n : vector<4xf32>
  }
  %e:4 = vector.to_elements %s : vector<4xf32>
  %t0 = arith.addf %e#0, %e#1 : f32
  %t1 = arith.addf %e#2, %e#3 : f32
  %t = arith.addf %t0, %t1 : f32
  %two = vector.broadcast %t : f32 to vector<4xf32>
  %m = arith.mulf %two, %s : vector<4xf32>
  %o = arith.addi %item, %c1 : index
  vector.store %m, %y[%o] : memref<64xf32>, vector<4xf32>
  return
}

func.func @quantized(%x: memref<256xi8> {nacre.space = "memory", nacre.name = "x"},
                %u: memref<256xi16> {nacre.space = "memory", nacre.name = "u"},
                %y: memref<256xi8> {nacre.space = "memory", nacre.write, nacre.name = "y"},
                %status: memref<1xi32>, %group: index, %item: index)
    attributes {nacre.kernel, nacre.group = 64 : i64, nacre.groups = 4 : i64} {
  %c64 = arith.constant 64 : index
  %c7 = arith.constant 7 : i32
  %hi = arith.constant 127 : i32
  %lo = arith.constant -128 : i32
  %g = arith.muli %group, %c64 : index
  %at = arith.addi %g, %item : index
  %a8 = memref.load %x[%at] : memref<256xi8>
  %a = arith.extsi %a8 : i8 to i32
  %b16 = memref.load %u[%at] : memref<256xi16>
  %b = arith.extui %b16 : i16 to i32
  %p = arith.muli %a, %b : i32
  %p2 = arith.addi %p, %c7 : i32
  %m = arith.minsi %p2, %hi : i32
  %n = arith.maxsi %m, %lo : i32
  %r = arith.trunci %n : i32 to i8
  memref.store %r, %y[%at] : memref<256xi8>
  return
}

func.func private @halve(%x: i32 {nacre.name = "x"}) -> i32 {
  %c1 = arith.constant 1 : i32
  %r = scf.while (%v = %x) : (i32) -> i32 {
    %odd = arith.andi %v, %c1 : i32
    %zero = arith.constant 0 : i32
    %even = arith.cmpi eq, %odd, %zero : i32
    scf.condition(%even) %v : i32
  } do {
  ^bb0(%v: i32):
    %h = arith.shrui %v, %c1 : i32
    scf.yield %h : i32
  }
  return %r : i32
}

func.func private @divide(%x: i32 {nacre.name = "x"}, %y: i32 {nacre.name = "y"}) -> (i32, i32) {
  %h = func.call @halve(%y) : (i32) -> i32
  %q = arith.divui %x, %h : i32
  %r = arith.remui %x, %h : i32
  return %q, %r : i32, i32
}

func.func @helpers(%x: memref<64xi32> {nacre.space = "memory", nacre.name = "x"},
                %y: memref<64xi32> {nacre.space = "memory", nacre.write, nacre.name = "y"},
                %status: memref<1xi32>, %group: index, %item: index)
    attributes {nacre.kernel, nacre.group = 64 : i64, nacre.groups = 1 : i64} {
  %c1 = arith.constant 1 : i32
  %c12 = arith.constant 12 : i32
  %a = memref.load %x[%item] : memref<64xi32>
  %or = arith.ori %a, %c1 : i32
  %d:2 = func.call @divide(%a, %or) : (i32, i32) -> (i32, i32)
  %s = arith.addi %d#0, %d#1 : i32
  %k = arith.muli %s, %c12 : i32
  memref.store %k, %y[%item] : memref<64xi32>
  return
}
