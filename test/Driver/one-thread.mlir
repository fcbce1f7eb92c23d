// A product of some microseconds is handed out to several threads, in the tasks
// of its schedule.
// RUN: split-file %s %t
// RUN: nacre compile %t/alone.mlir --triple x86_64-linux-gnu --cpu sapphirerapids --emit llvm -o %t/alone.ll
// RUN: FileCheck %s --check-prefix=ALONE --input-file=%t/alone.ll
// ALONE: call void @alone_dispatch(ptr {{.*}}, ptr {{.*}}, ptr @alone_task0, i64 8)

// Among small kernels it is not, since they are small on average; of those each
// stays on the caller's thread anyway.
// RUN: nacre compile %t/among.mlir --triple x86_64-linux-gnu --cpu sapphirerapids --emit llvm -o %t/among.ll
// RUN: FileCheck %s --check-prefix=AMONG --implicit-check-not=_dispatch --input-file=%t/among.ll
// AMONG: define internal void @among_dispatch(
// AMONG-COUNT-7: call void @among_dispatch(ptr {{.*}}, ptr {{.*}}, ptr @among_task{{[0-6]}}, i64 1)

//--- alone.mlir
func.func @main(%x: tensor<128x64xf32>) -> tensor<128x256xf32> {
  %i = lazy.iota 0 : tensor<64x256xi32>
  %w = lazy.cast %i : tensor<64x256xi32> -> tensor<64x256xf32>
  %0 = lazy.contract %x, %w, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<128x64xf32>, tensor<64x256xf32> -> tensor<128x256xf32>
  return %0 : tensor<128x256xf32>
}
//--- among.mlir
func.func @main(%x: tensor<128x64xf32>, %z: tensor<3x8xf32>) -> (tensor<128x256xf32>, tensor<3x8xf32>) {
  %i = lazy.iota 0 : tensor<64x256xi32>
  %w = lazy.cast %i : tensor<64x256xi32> -> tensor<64x256xf32>
  %0 = lazy.contract %x, %w, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<128x64xf32>, tensor<64x256xf32> -> tensor<128x256xf32>
  %j = lazy.iota 0 : tensor<8x8xi32>
  %v = lazy.cast %j : tensor<8x8xi32> -> tensor<8x8xf32>
  %s0 = lazy.contract %z, %v, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<3x8xf32>, tensor<8x8xf32> -> tensor<3x8xf32>
  %s1 = lazy.contract %s0, %v, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<3x8xf32>, tensor<8x8xf32> -> tensor<3x8xf32>
  %s2 = lazy.contract %s1, %v, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<3x8xf32>, tensor<8x8xf32> -> tensor<3x8xf32>
  %s3 = lazy.contract %s2, %v, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<3x8xf32>, tensor<8x8xf32> -> tensor<3x8xf32>
  %s4 = lazy.contract %s3, %v, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<3x8xf32>, tensor<8x8xf32> -> tensor<3x8xf32>
  %s5 = lazy.contract %s4, %v, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<3x8xf32>, tensor<8x8xf32> -> tensor<3x8xf32>
  return %0, %s5 : tensor<128x256xf32>, tensor<3x8xf32>
}
