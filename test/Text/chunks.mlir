// Weights that begin in one chunk are bound together, for the longest of them;
// those of another chunk, and what nothing reads, are not.
// RUN: nacre-opt --render=wgsl %s | FileCheck %s
// RUN: nacre-opt --render=use %s | FileCheck %s --check-prefix=USE

// CHECK: @group(0) @binding(1) var<storage, read_write> memory: array<u32>;
// CHECK: @group(0) @binding(2) var<storage, read> chunk_2: array<u32>;
// CHECK: @group(0) @binding(3) var<storage, read> chunk_3: array<u32>;
// CHECK: @group(0) @binding(4) var<storage, read> chunk_4: array<u32>;
// CHECK-NOT: @binding(5)
// CHECK: bitcast<f32>(chunk_2[a_at
// CHECK: bitcast<f32>(chunk_2_of_2(b_at
// CHECK: bitcast<f32>(chunk_4[d_at
// USE: 4 storage buffers: memory weights(buffer 0, chunk 0) weights(buffer 0, chunk 1) weights(buffer 3, chunk 0)
func.func @chunks(%a: memref<64xf32> {nacre.space = "weights", nacre.name = "a", nacre.chunks = 1 : i64, nacre.chunk_set = 0 : i64},
                  %b: memref<67108864xf32> {nacre.space = "weights", nacre.name = "b", nacre.chunks = 2 : i64, nacre.chunk_set = 0 : i64},
                  %c: memref<64xf32> {nacre.space = "weights", nacre.name = "c", nacre.chunks = 1 : i64, nacre.chunk_set = 0 : i64},
                  %d: memref<64xf32> {nacre.space = "weights", nacre.name = "d", nacre.chunks = 1 : i64, nacre.chunk_set = 3 : i64},
                  %y: memref<64xf32> {nacre.space = "memory", nacre.write, nacre.name = "y"},
                  %status: memref<1xi32>, %group: index, %item: index)
    attributes {nacre.kernel, nacre.group = 64 : i64, nacre.groups = 1 : i64} {
  %p = memref.load %a[%item] : memref<64xf32>
  %q = memref.load %b[%item] : memref<67108864xf32>
  %r = memref.load %d[%item] : memref<64xf32>
  %s = arith.addf %p, %q : f32
  %t = arith.addf %s, %r : f32
  memref.store %t, %y[%item] : memref<64xf32>
  return
}
