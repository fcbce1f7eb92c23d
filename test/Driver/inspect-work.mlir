// What inspect counts: 785 weights of 128, 129 of 64 and 65 of 10 in f32; of
// each layer a product, a sum and, but for the last, a choice of the larger.
// RUN: rm -rf %t && mkdir %t
// RUN: nacre inspect %S/../../models/mlp.ngl --dim N=1 --triple x86_64-linux-gnu --cpu x86-64-v3 --json | FileCheck %s
// CHECK: "macs": 109184,
// CHECK: "constant_bytes": 437544,
// CHECK: "results": [
// CHECK-NEXT: "f32 [1, 128]"
// CHECK-NEXT: ],
// CHECK-NEXT: "kind": "contract",
// CHECK-NEXT: "lanes": 8,
// CHECK-NEXT: "macs": 100352,
// CHECK-NEXT: "flops": 200960,
// CHECK-NEXT: "bytes": 405568,

// A schedule that was edited is checked before it is counted.
// RUN: nacre compile %S/../../models/mlp.ngl --dim N=1 --triple x86_64-linux-gnu --cpu x86-64-v3 --emit schedule -o %t/a.mlir
// RUN: nacre inspect %t/a.mlir --from schedule | FileCheck %s --check-prefix=READ
// RUN: sed 's/kind = "contract"/kin = "contract"/' %t/a.mlir > %t/b.mlir
// RUN: cp %t/a.safetensors %t/b.safetensors
// RUN: not nacre inspect %t/b.mlir --from schedule 2>&1 | FileCheck %s --check-prefix=EDITED
// READ: {{\["f32 \[1, 10\]"\]}}  contract  8 lanes  640 macs  1290 flops  2896 bytes
// EDITED: b.mlir:{{.*}}: 'lazy.kernel' op kernel contract: the schedule has no 'kind'
