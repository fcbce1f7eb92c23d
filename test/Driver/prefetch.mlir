// A large packed operand is asked for before it is read: some way ahead, and
// each of the three tiles of a task asks for its third of the next task's block
// of 256 x 32 elements. A small one is not.
// RUN: rm -rf %t && mkdir %t
// RUN: nacre compile %s --triple x86_64-linux-gnu --cpu sapphirerapids --emit llvm -o %t/a.ll
// RUN: FileCheck %s --input-file=%t/a.ll
// RUN: sed 's/512/128/g' %s > %t/small.mlir
// RUN: nacre compile %t/small.mlir --triple x86_64-linux-gnu --cpu sapphirerapids --emit llvm -o %t/b.ll
// RUN: FileCheck %s --check-prefix=SMALL --input-file=%t/b.ll
// CHECK: [[PASS:%.+]] = udiv i64 {{%.+}}, 14
// CHECK-NEXT: [[WHOLE:%.+]] = mul i64 [[PASS]], 8192
// CHECK-NEXT: [[DONE:%.+]] = udiv i64 [[WHOLE]], 3
// CHECK-NEXT: [[TASK:%.+]] = add i64 {{%.+}}, 1
// CHECK-NEXT: [[START:%.+]] = mul i64 [[TASK]], 8192
// CHECK-NEXT: [[PART:%.+]] = add i64 [[START]], [[DONE]]
// CHECK: [[STEP:%.+]] = mul i64 {{%.+}}, 32
// CHECK-NEXT: [[BLOCK:%.+]] = mul i64 {{%.+}}, 8192
// CHECK-NEXT: [[AT:%.+]] = add i64 [[STEP]], [[BLOCK]]
// CHECK: [[AHEAD:%.+]] = add i64 [[AT]], 1024
// CHECK: [[P:%.+]] = getelementptr float, ptr {{%.+}}, i64 [[AHEAD]]
// CHECK: call void @llvm.prefetch.p0(ptr [[P]], i32 0, i32 3, i32 1)
// CHECK: [[THIRD:%.+]] = udiv i64 [[STEP]], 3
// CHECK: [[NEXT:%.+]] = add i64 [[PART]], [[THIRD]]
// CHECK: [[Q:%.+]] = getelementptr float, ptr {{%.+}}, i64 [[NEXT]]
// CHECK: call void @llvm.prefetch.p0(ptr [[Q]], i32 0, i32 2, i32 1)
// SMALL: fmuladd
// SMALL-NOT: @llvm.prefetch
func.func @main(%x: tensor<32x256xf32>) -> tensor<32x512xf32> {
  %i = lazy.iota 0 : tensor<256x512xi32>
  %j = lazy.iota 1 : tensor<256x512xi32>
  %p = lazy.add %i, %j : tensor<256x512xi32>
  %w = lazy.cast %p : tensor<256x512xi32> -> tensor<256x512xf32>
  %0 = lazy.contract %x, %w, [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>] : tensor<32x256xf32>, tensor<256x512xf32> -> tensor<32x512xf32>
  return %0 : tensor<32x512xf32>
}
