// On a grid: a schedule with groups, a border in the launch of what it
// surrounds, and edits that are obeyed or refused.
// RUN: rm -rf %t && mkdir %t
// RUN: nacre compile %S/../../models/digits/digits.onnx --dim N=1 --target wgsl --emit schedule -o %t/a.mlir
// RUN: FileCheck %s --check-prefix=PLAN --input-file=%t/a.mlir
// RUN: nacre compile %S/../../models/digits/digits.onnx --dim N=1 --target wgsl -o %t/a
// RUN: FileCheck %s --check-prefix=JOINED --input-file=%t/a/manifest.json
// An edited schedule is another kernel that computes the same.
// RUN: sed -E 's/joined = 1/joined = 0/; s/tile_m = [0-9]+/tile_m = 2/' %t/a.mlir > %t/b.mlir
// RUN: nacre compile %t/b.mlir --from schedule --target wgsl --name digits -o %t/b
// RUN: FileCheck %s --check-prefix=APART --input-file=%t/b/manifest.json
// Blocks that do not fit the group are refused by the lowering.
// RUN: sed -E 's/block_m = 0/block_m = 64/; s/block_n = 0/block_n = 64/; s/block_k = 0/block_k = 16/' %t/a.mlir > %t/c.mlir
// RUN: not nacre compile %t/c.mlir --from schedule --target wgsl -o %t/c 2>&1 | FileCheck %s --check-prefix=MISFIT
// RUN: sed -E 's/k_split = [0-9]+/k_split = 65/' %t/a.mlir > %t/d.mlir
// RUN: not nacre compile %t/d.mlir --from schedule --target wgsl -o %t/d 2>&1 | FileCheck %s --check-prefix=LIMIT

// PLAN: lazy.kernel "stem"
// PLAN-SAME: group = 128 : i64, kind = "map", lane = -1 : i64, lanes = 1 : i64, loops = array<i64: 2, 3>, prefix = 2 : i64
// PLAN: lazy.kernel "block1_depthwise"
// PLAN-SAME: joined = 1 : i64
// JOINED: "name": "stem_1"
// JOINED: "computes": "tensor<1x16x8x8xf32> = contract expand mul expand add max with the border of tensor<1x16x10x10xf32> = pad"
// APART: "name": "block1_depthwise"
// APART: "computes": "tensor<1x16x10x10xf32> = pad"
// MISFIT: block_m, block_n and block_k do not fit the group of {{[0-9]+}} items
// LIMIT: 'k_split' is 65 : i64, expected a number from 1 to 64
