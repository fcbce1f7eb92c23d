// Sums of bytes by the instruction of a processor that has it, by words on one
// that has not; steps are taken four at a time, the last of them in part.
// RUN: rm -rf %t && mkdir %t
// RUN: nacre compile %s --triple x86_64-linux-gnu --cpu sapphirerapids --emit schedule -o %t/a.mlir
// RUN: FileCheck %s --check-prefix=CHOSEN --input-file=%t/a.mlir
// RUN: nacre compile %s --triple x86_64-linux-gnu --cpu sapphirerapids --emit llvm -o %t/a.ll
// RUN: FileCheck %s --check-prefix=LONG --input-file=%t/a.ll
// RUN: nacre compile %s --triple x86_64-linux-gnu --cpu alderlake --emit llvm -o %t/b.ll
// RUN: FileCheck %s --check-prefix=SHORT --input-file=%t/b.ll
// RUN: nacre compile %s --triple aarch64-linux-gnu --cpu neoverse-v1 --emit llvm -o %t/c.ll
// RUN: FileCheck %s --check-prefix=ARM --input-file=%t/c.ll
// RUN: nacre compile %s --triple x86_64-linux-gnu --cpu x86-64-v3 --emit llvm -o %t/d.ll
// RUN: FileCheck %s --check-prefix=NONE --input-file=%t/d.ll
// RUN: sed 's/dot = 4/dot = 2/' %t/a.mlir > %t/e.mlir
// RUN: not nacre compile %t/e.mlir --from schedule -o %t/e 2>&1 | FileCheck %s --check-prefix=EDITED
// CHOSEN: dot = 4 : i64
// CHOSEN-SAME: k_order = array<i64: 2>
// LONG: call <16 x i32> @llvm.x86.avx512.vpdpbusd.512(
// SHORT: call <8 x i32> @llvm.x86.avx512.vpdpbusd.256(
// ARM: call <4 x i32> @llvm.aarch64.neon.usdot.v4i32.v16i8(
// NONE-NOT: vpdpbusd
// NONE: mul <8 x i32>
// EDITED: 'dot' is 2 : i64, this kernel has 4 : i64
func.func @main(%x: tensor<5x18xui8>) -> tensor<5x32xi32> {
  %i = lazy.iota 0 : tensor<18x32xi32>
  %j = lazy.iota 1 : tensor<18x32xi32>
  %p = lazy.mul %i, %j : tensor<18x32xi32>
  %w = lazy.cast %p : tensor<18x32xi32> -> tensor<18x32xi8>
  %0 = lazy.contract %x, %w, [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>] : tensor<5x18xui8>, tensor<18x32xi8> -> tensor<5x32xi32>
  return %0 : tensor<5x32xi32>
}
