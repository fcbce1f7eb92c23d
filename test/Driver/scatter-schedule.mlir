// A scatter on cpu and on a grid: edited blocks are obeyed, also those larger
// than the result, and give the same numbers.
// RUN: rm -rf %t && mkdir %t
// RUN: nacre compile %s --emit schedule -o %t/a.mlir
// RUN: FileCheck %s --check-prefix=CPU --input-file=%t/a.mlir
// RUN: sed -E 's/block_rows = [0-9]+/block_rows = 3/; s/block_columns = [0-9]+/block_columns = 5/; s/lanes = [0-9]+ : i64, loops = array<i64: 0>/lanes = 2 : i64, loops = array<i64: 0>/' %t/a.mlir > %t/b.mlir
// RUN: not cmp %t/a.mlir %t/b.mlir
// RUN: nacre verify %t/b.mlir --from schedule
// RUN: sed -E 's/block_rows = [0-9]+/block_rows = 1099511627776/; s/block_columns = [0-9]+/block_columns = 1099511627776/' %t/a.mlir > %t/c.mlir
// RUN: nacre verify %t/c.mlir --from schedule
// RUN: sed -E 's/block_columns = [0-9]+/block_columns = 1099511627777/' %t/a.mlir > %t/d.mlir
// RUN: not nacre verify %t/d.mlir --from schedule 2>&1 | FileCheck %s --check-prefix=LIMIT
// RUN: nacre compile %s --target wgsl --emit schedule -o %t/e.mlir
// RUN: FileCheck %s --check-prefix=GRID --input-file=%t/e.mlir
// RUN: nacre compile %s --target wgsl --emit wgsl | FileCheck %s --check-prefix=TEXT

// CPU: lazy.kernel "scatter"
// CPU-SAME: schedule = {block_columns = 70 : i64, block_rows = 10 : i64, extents = array<i64: 2, 10, 70>, inner = array<i64: 2>, kind = "scatter", lane = 2 : i64, lanes = {{[0-9]+}} : i64, loops = array<i64: 0>}}
// LIMIT: kernel scatter: 'block_columns' is 1099511627777 : i64, expected a number from 1 to 1099511627776
// GRID: lazy.kernel "scatter"
// GRID-SAME: schedule = {block_columns = 1 : i64, block_rows = 3 : i64, extents = array<i64: 2, 10, 70>, group = 128 : i64, inner = array<i64>, kind = "scatter", lane = -1 : i64, lanes = 1 : i64, loops = array<i64: 0, 2>}}
// An item clears three rows of a column and looks at each index.
// TEXT-LABEL: fn scatter(
// TEXT: for (var i: i32 = at4; i < at5; i++) {
// TEXT-NEXT: memory[y0_at + at3 * 700 + i * 70 + at1] = bitcast<u32>(0.0f);
// TEXT-NEXT: }
// TEXT-NEXT: for (var i: i32 = 0; i < 33; i++) {
// TEXT-NEXT: let x0_0 = bitcast<i32>(memory[x0_at + i]);
// TEXT-NEXT: let n0 = select(x0_0, x0_0 + 10, x0_0 < 0);
// TEXT-NEXT: let is0 = u32(n0) >= 10u;
// TEXT-NEXT: if (is0) {
// TEXT-NEXT: atomicStore(&status, 2);
// TEXT-NEXT: }
// TEXT-NEXT: let at6 = select(n0, -1, is0);
// TEXT-NEXT: if (at6 >= at4 && at6 < at5) {
func.func @main(%x: tensor<2x33x70xf32> {lazy.name = "x"}, %i: tensor<33xi32> {lazy.name = "i"}) -> (tensor<2x10x70xf32> {lazy.name = "y"}) {
  %ten = lazy.splat 10 : i32 : tensor<33xi32>
  %0 = lazy.rem %i, %ten : tensor<33xi32>
  %1 = lazy.scatter %x, %0, 1 : tensor<2x33x70xf32>, tensor<33xi32> -> tensor<2x10x70xf32>
  return %1 : tensor<2x10x70xf32>
}
