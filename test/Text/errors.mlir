// What has no text is an error at the operation.
// RUN: split-file %s %t
// RUN: not nacre-opt --render=opencl %t/unknown.mlir 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not nacre-opt --render=wgsl %t/erf.mlir 2>&1 | FileCheck %s --check-prefix=ERF
// RUN: not nacre-opt --render=wgsl %t/word.mlir 2>&1 | FileCheck %s --check-prefix=WORD
// RUN: not nacre-opt --render=opencl %t/rank.mlir 2>&1 | FileCheck %s --check-prefix=RANK

//--- unknown.mlir
// UNKNOWN: error: 'arith.maximumf' op has no text in OpenCL C
func.func @f(%y: memref<4xf32> {nacre.space = "memory", nacre.write}, %status: memref<1xi32>,
             %group: index, %item: index) attributes {nacre.kernel, nacre.group = 4 : i64} {
  %a = memref.load %y[%item] : memref<4xf32>
  %one = arith.constant 1.0 : f32
  %m = arith.maximumf %a, %one : f32
  memref.store %m, %y[%item] : memref<4xf32>
  return
}

//--- erf.mlir
// ERF: error: 'math.erf' op has no text in WGSL
func.func @f(%y: memref<4xf32> {nacre.space = "memory", nacre.write}, %status: memref<1xi32>,
             %group: index, %item: index) attributes {nacre.kernel, nacre.group = 4 : i64} {
  %a = memref.load %y[%item] : memref<4xf32>
  %m = math.erf %a : f32
  memref.store %m, %y[%item] : memref<4xf32>
  return
}

//--- word.mlir
// WORD: error: 'func.func' op is called 'filter', a word that WGSL or OpenCL C reserves
func.func @filter(%group: index, %item: index) attributes {nacre.kernel, nacre.group = 4 : i64} {
  return
}

//--- rank.mlir
// RANK: error: 'memref.load' op has no text in OpenCL C
func.func @f(%y: memref<4x4xf32> {nacre.space = "memory", nacre.write}, %status: memref<1xi32>,
             %group: index, %item: index) attributes {nacre.kernel, nacre.group = 4 : i64} {
  %a = memref.load %y[%item, %item] : memref<4x4xf32>
  memref.store %a, %y[%item, %item] : memref<4x4xf32>
  return
}
