// A schedule is data: edited within its limits it computes the same.
// RUN: rm -rf %t && mkdir %t
// RUN: nacre compile %S/../../models/digits/digits.onnx --dim N=1 --emit schedule -o %t/a.mlir
// One lane, tiles of two by four.
// RUN: sed -E 's/lanes = [0-9]+ : i64/lanes = 1 : i64/g; s/tile_n = [0-9]+/tile_n = 4/; s/tile_m = [0-9]+/tile_m = 2/' %t/a.mlir > %t/b.mlir
// RUN: nacre verify %t/b.mlir --from schedule 2>&1 | FileCheck %s
// No lanes at all in map kernels.
// RUN: sed -E '/kind = "map"/{s/lane = [0-9]+ : i64/lane = -1 : i64/; s/lanes = [0-9]+ : i64/lanes = 1 : i64/}' %t/a.mlir > %t/c.mlir
// RUN: nacre verify %t/c.mlir --from schedule 2>&1 | FileCheck %s
// Beyond the limits it is refused.
// RUN: sed -E 's/tile_m = [0-9]+/tile_m = 77/' %t/a.mlir > %t/d.mlir
// RUN: not nacre verify %t/d.mlir --from schedule 2>&1 | FileCheck %s --check-prefix=REFUSED
// CHECK: ok compiled against reference output 'probabilities' f32 [1, 10]
// REFUSED: 'tile_m' is 77 : i64, expected a number from 1 to 32
