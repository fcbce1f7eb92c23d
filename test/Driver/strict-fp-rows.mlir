// RUN: nacre compile %s --triple x86_64-linux-gnu --cpu x86-64-v3 --emit schedule -o %t 2>/dev/null
// RUN: FileCheck %s --input-file=%t --check-prefix=MULTIPLIED
// RUN: nacre compile %s --triple x86_64-linux-gnu --cpu x86-64-v3 --strict-fp --emit schedule -o %t 2>/dev/null
// RUN: FileCheck %s --input-file=%t --check-prefix=DIVIDED
// RUN: nacre compile %s --triple x86_64-linux-gnu --cpu x86-64-v3 --emit asm -o %t 2>/dev/null
// RUN: FileCheck %s --input-file=%t --check-prefix=VMUL
// RUN: nacre compile %s --triple x86_64-linux-gnu --cpu x86-64-v3 --strict-fp --emit asm -o %t 2>/dev/null
// RUN: FileCheck %s --input-file=%t --check-prefix=VDIV
// MULTIPLIED: reciprocals = 1
// DIVIDED: reciprocals = 0
// VMUL-NOT: vdivps
// VMUL: vdivss
// VMUL-NOT: vdivps
// VDIV-NOT: vdivss
// VDIV: vdivps
// VDIV-NOT: vdivss
func.func @main(%x: tensor<16x64xf32>) -> tensor<16x64xf32> {
  %0 = lazy.reduce add, %x, [1] : tensor<16x64xf32> -> tensor<16xf32>
  %1 = lazy.reshape %0 : tensor<16xf32> -> tensor<16x1xf32>
  %2 = lazy.expand %1 : tensor<16x1xf32> -> tensor<16x64xf32>
  %3 = lazy.div %x, %2 : tensor<16x64xf32>
  return %3 : tensor<16x64xf32>
}
