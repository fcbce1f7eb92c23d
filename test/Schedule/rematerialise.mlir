// RUN: nacre-opt -form-single-kernels -rematerialise=budget=12288 -split-input-file %s | FileCheck %s
// RUN: nacre-opt -form-single-kernels -rematerialise=budget=12288 -plan-memory -split-input-file %s | FileCheck %s --check-prefix=BYTES
// RUN: nacre-opt -form-single-kernels -rematerialise=budget=1 -plan-memory -split-input-file %s | FileCheck %s --check-prefix=LEAST

// What the second half reads of the first is computed again from the argument,
// which is there anyway: two values, of four that could be.
func.func @main(%x: tensor<1024xf32>) -> tensor<1024xf32> {
  %0 = lazy.sin %x : tensor<1024xf32>
  %1 = lazy.exp %0 : tensor<1024xf32>
  %2 = lazy.sqrt %1 : tensor<1024xf32>
  %3 = lazy.log %2 : tensor<1024xf32>
  %4 = lazy.cos %3 : tensor<1024xf32>
  %5 = lazy.mul %4, %3 : tensor<1024xf32>
  %6 = lazy.mul %5, %2 : tensor<1024xf32>
  %7 = lazy.mul %6, %1 : tensor<1024xf32>
  %8 = lazy.mul %7, %0 : tensor<1024xf32>
  return %8 : tensor<1024xf32>
}
// CHECK: module attributes {lazy.recomputed = {bytes_before = 20480 : i64, extra_flops = 2048 : i64, flops = 9216 : i64, values = 2 : i64}} {
// CHECK-NEXT: func.func @main(%arg0: tensor<1024xf32>) -> tensor<1024xf32> {
// CHECK-NEXT: %0 = lazy.kernel "sin" (%arg1 = %arg0 : tensor<1024xf32>) -> (tensor<1024xf32>) {
// CHECK-NEXT: %11 = lazy.sin %arg1 : tensor<1024xf32>
// CHECK-NEXT: lazy.yield %11 : tensor<1024xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %1 = lazy.kernel "exp" (%arg1 = %0 : tensor<1024xf32>) -> (tensor<1024xf32>) {
// CHECK-NEXT: %11 = lazy.exp %arg1 : tensor<1024xf32>
// CHECK-NEXT: lazy.yield %11 : tensor<1024xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %2 = lazy.kernel "sqrt" (%arg1 = %1 : tensor<1024xf32>) -> (tensor<1024xf32>) {
// CHECK-NEXT: %11 = lazy.sqrt %arg1 : tensor<1024xf32>
// CHECK-NEXT: lazy.yield %11 : tensor<1024xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %3 = lazy.kernel "log" (%arg1 = %2 : tensor<1024xf32>) -> (tensor<1024xf32>) {
// CHECK-NEXT: %11 = lazy.log %arg1 : tensor<1024xf32>
// CHECK-NEXT: lazy.yield %11 : tensor<1024xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %4 = lazy.kernel "cos" (%arg1 = %3 : tensor<1024xf32>) -> (tensor<1024xf32>) {
// CHECK-NEXT: %11 = lazy.cos %arg1 : tensor<1024xf32>
// CHECK-NEXT: lazy.yield %11 : tensor<1024xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %5 = lazy.kernel "mul" (%arg1 = %3 : tensor<1024xf32>, %arg2 = %4 : tensor<1024xf32>) -> (tensor<1024xf32>) {
// CHECK-NEXT: %11 = lazy.mul %arg2, %arg1 : tensor<1024xf32>
// CHECK-NEXT: lazy.yield %11 : tensor<1024xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %6 = lazy.kernel "mul_1" (%arg1 = %2 : tensor<1024xf32>, %arg2 = %5 : tensor<1024xf32>) -> (tensor<1024xf32>) {
// CHECK-NEXT: %11 = lazy.mul %arg2, %arg1 : tensor<1024xf32>
// CHECK-NEXT: lazy.yield %11 : tensor<1024xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %7 = lazy.kernel "sin_again" (%arg1 = %arg0 : tensor<1024xf32>) -> (tensor<1024xf32>) {
// CHECK-NEXT: %11 = lazy.sin %arg1 : tensor<1024xf32>
// CHECK-NEXT: lazy.yield %11 : tensor<1024xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %8 = lazy.kernel "exp_again" (%arg1 = %7 : tensor<1024xf32>) -> (tensor<1024xf32>) {
// CHECK-NEXT: %11 = lazy.exp %arg1 : tensor<1024xf32>
// CHECK-NEXT: lazy.yield %11 : tensor<1024xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %9 = lazy.kernel "mul_2" (%arg1 = %8 : tensor<1024xf32>, %arg2 = %6 : tensor<1024xf32>) -> (tensor<1024xf32>) {
// CHECK-NEXT: %11 = lazy.mul %arg2, %arg1 : tensor<1024xf32>
// CHECK-NEXT: lazy.yield %11 : tensor<1024xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %10 = lazy.kernel "mul_3" (%arg1 = %7 : tensor<1024xf32>, %arg2 = %9 : tensor<1024xf32>) -> (tensor<1024xf32>) {
// CHECK-NEXT: %11 = lazy.mul %arg2, %arg1 : tensor<1024xf32>
// CHECK-NEXT: lazy.yield %11 : tensor<1024xf32>
// CHECK-NEXT: }
// CHECK-NEXT: return %10 : tensor<1024xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }
// BYTES: module attributes {lazy.arena_bytes = 12288 : i64
// LEAST: module attributes {lazy.arena_bytes = 12288 : i64

// -----

// Keeping what the elementwise value is computed from would gain nothing: the
// contraction runs again as well.
func.func @main(%x: tensor<32x32xf32>, %w: tensor<32x32xf32>) -> tensor<32x32xf32> {
  %0 = lazy.contract %x, %w, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<32x32xf32>, tensor<32x32xf32> -> tensor<32x32xf32>
  %1 = lazy.exp %0 : tensor<32x32xf32>
  %2 = lazy.contract %1, %w, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<32x32xf32>, tensor<32x32xf32> -> tensor<32x32xf32>
  %3 = lazy.contract %2, %w, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<32x32xf32>, tensor<32x32xf32> -> tensor<32x32xf32>
  %4 = lazy.contract %2, %3, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<32x32xf32>, tensor<32x32xf32> -> tensor<32x32xf32>
  %5 = lazy.mul %4, %1 : tensor<32x32xf32>
  return %5 : tensor<32x32xf32>
}
// CHECK: module attributes {lazy.recomputed = {bytes_before = 16384 : i64, extra_flops = 66560 : i64, flops = 264192 : i64, values = 2 : i64}} {
// CHECK-NEXT: func.func @main(%arg0: tensor<32x32xf32>, %arg1: tensor<32x32xf32>) -> tensor<32x32xf32> {
// CHECK-NEXT: %0 = lazy.kernel "contract" (%arg2 = %arg1 : tensor<32x32xf32>, %arg3 = %arg0 : tensor<32x32xf32>) -> (tensor<32x32xf32>) {
// CHECK-NEXT: %8 = lazy.contract %arg3, %arg2, [#map, #map1, #map2] : tensor<32x32xf32>, tensor<32x32xf32> -> tensor<32x32xf32>
// CHECK-NEXT: lazy.yield %8 : tensor<32x32xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %1 = lazy.kernel "exp" (%arg2 = %0 : tensor<32x32xf32>) -> (tensor<32x32xf32>) {
// CHECK-NEXT: %8 = lazy.exp %arg2 : tensor<32x32xf32>
// CHECK-NEXT: lazy.yield %8 : tensor<32x32xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %2 = lazy.kernel "contract_1" (%arg2 = %arg1 : tensor<32x32xf32>, %arg3 = %1 : tensor<32x32xf32>) -> (tensor<32x32xf32>) {
// CHECK-NEXT: %8 = lazy.contract %arg3, %arg2, [#map, #map1, #map2] : tensor<32x32xf32>, tensor<32x32xf32> -> tensor<32x32xf32>
// CHECK-NEXT: lazy.yield %8 : tensor<32x32xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %3 = lazy.kernel "contract_2" (%arg2 = %arg1 : tensor<32x32xf32>, %arg3 = %2 : tensor<32x32xf32>) -> (tensor<32x32xf32>) {
// CHECK-NEXT: %8 = lazy.contract %arg3, %arg2, [#map, #map1, #map2] : tensor<32x32xf32>, tensor<32x32xf32> -> tensor<32x32xf32>
// CHECK-NEXT: lazy.yield %8 : tensor<32x32xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %4 = lazy.kernel "contract_3" (%arg2 = %3 : tensor<32x32xf32>, %arg3 = %2 : tensor<32x32xf32>) -> (tensor<32x32xf32>) {
// CHECK-NEXT: %8 = lazy.contract %arg3, %arg2, [#map, #map1, #map2] : tensor<32x32xf32>, tensor<32x32xf32> -> tensor<32x32xf32>
// CHECK-NEXT: lazy.yield %8 : tensor<32x32xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %5 = lazy.kernel "contract_again" (%arg2 = %arg1 : tensor<32x32xf32>, %arg3 = %arg0 : tensor<32x32xf32>) -> (tensor<32x32xf32>) {
// CHECK-NEXT: %8 = lazy.contract %arg3, %arg2, [#map, #map1, #map2] : tensor<32x32xf32>, tensor<32x32xf32> -> tensor<32x32xf32>
// CHECK-NEXT: lazy.yield %8 : tensor<32x32xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %6 = lazy.kernel "exp_again" (%arg2 = %5 : tensor<32x32xf32>) -> (tensor<32x32xf32>) {
// CHECK-NEXT: %8 = lazy.exp %arg2 : tensor<32x32xf32>
// CHECK-NEXT: lazy.yield %8 : tensor<32x32xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %7 = lazy.kernel "mul" (%arg2 = %6 : tensor<32x32xf32>, %arg3 = %4 : tensor<32x32xf32>) -> (tensor<32x32xf32>) {
// CHECK-NEXT: %8 = lazy.mul %arg3, %arg2 : tensor<32x32xf32>
// CHECK-NEXT: lazy.yield %8 : tensor<32x32xf32>
// CHECK-NEXT: }
// CHECK-NEXT: return %7 : tensor<32x32xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }
// BYTES: module attributes {lazy.arena_bytes = 12288 : i64
// LEAST: module attributes {lazy.arena_bytes = 12288 : i64

// -----

// What is read late only is computed there, once.
func.func @main(%x: tensor<1536xf32>, %s: tensor<1xf32>) -> tensor<1536xf32> {
  %0 = lazy.expand %s : tensor<1xf32> -> tensor<1536xf32>
  %1 = lazy.exp %0 : tensor<1536xf32>
  %2 = lazy.sin %x : tensor<1536xf32>
  %3 = lazy.sqrt %2 : tensor<1536xf32>
  %4 = lazy.mul %3, %2 : tensor<1536xf32>
  %5 = lazy.mul %4, %1 : tensor<1536xf32>
  return %5 : tensor<1536xf32>
}
// CHECK: module attributes {lazy.recomputed = {bytes_before = 18432 : i64, extra_flops = 0 : i64, flops = 7680 : i64, values = 0 : i64}} {
// CHECK-NEXT: func.func @main(%arg0: tensor<1536xf32>, %arg1: tensor<1xf32>) -> tensor<1536xf32> {
// CHECK-NEXT: %0 = lazy.kernel "sin" (%arg2 = %arg0 : tensor<1536xf32>) -> (tensor<1536xf32>) {
// CHECK-NEXT: %5 = lazy.sin %arg2 : tensor<1536xf32>
// CHECK-NEXT: lazy.yield %5 : tensor<1536xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %1 = lazy.kernel "sqrt" (%arg2 = %0 : tensor<1536xf32>) -> (tensor<1536xf32>) {
// CHECK-NEXT: %5 = lazy.sqrt %arg2 : tensor<1536xf32>
// CHECK-NEXT: lazy.yield %5 : tensor<1536xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %2 = lazy.kernel "mul" (%arg2 = %0 : tensor<1536xf32>, %arg3 = %1 : tensor<1536xf32>) -> (tensor<1536xf32>) {
// CHECK-NEXT: %5 = lazy.mul %arg3, %arg2 : tensor<1536xf32>
// CHECK-NEXT: lazy.yield %5 : tensor<1536xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %3 = lazy.kernel "exp" (%arg2 = %arg1 : tensor<1xf32>) -> (tensor<1536xf32>) {
// CHECK-NEXT: %5 = lazy.expand %arg2 : tensor<1xf32> -> tensor<1536xf32>
// CHECK-NEXT: %6 = lazy.exp %5 : tensor<1536xf32>
// CHECK-NEXT: lazy.yield %6 : tensor<1536xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %4 = lazy.kernel "mul_1" (%arg2 = %3 : tensor<1536xf32>, %arg3 = %2 : tensor<1536xf32>) -> (tensor<1536xf32>) {
// CHECK-NEXT: %5 = lazy.mul %arg3, %arg2 : tensor<1536xf32>
// CHECK-NEXT: lazy.yield %5 : tensor<1536xf32>
// CHECK-NEXT: }
// CHECK-NEXT: return %4 : tensor<1536xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }
// BYTES: module attributes {lazy.arena_bytes = 12288 : i64
// LEAST: module attributes {lazy.arena_bytes = 12288 : i64

// -----

// A join lies in one piece of memory and is computed again as a whole.
func.func @main(%x: tensor<1x768xf32>) -> tensor<2x768xf32> {
  %0 = lazy.sin %x : tensor<1x768xf32>
  %1 = lazy.cos %x : tensor<1x768xf32>
  %2 = lazy.concat %0, %1 axis 0 : (tensor<1x768xf32>, tensor<1x768xf32>) -> tensor<2x768xf32>
  %3 = lazy.exp %2 : tensor<2x768xf32>
  %4 = lazy.sqrt %3 : tensor<2x768xf32>
  %5 = lazy.mul %4, %3 : tensor<2x768xf32>
  %6 = lazy.mul %5, %2 : tensor<2x768xf32>
  return %6 : tensor<2x768xf32>
}
// CHECK: module attributes {lazy.recomputed = {bytes_before = 18432 : i64, extra_flops = 1536 : i64, flops = 7680 : i64, values = 2 : i64}} {
// CHECK-NEXT: func.func @main(%arg0: tensor<1x768xf32>) -> tensor<2x768xf32> {
// CHECK-NEXT: %0 = lazy.kernel "sin" (%arg1 = %arg0 : tensor<1x768xf32>) -> (tensor<1x768xf32>) {
// CHECK-NEXT: %10 = lazy.sin %arg1 : tensor<1x768xf32>
// CHECK-NEXT: lazy.yield %10 : tensor<1x768xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %1 = lazy.kernel "cos" (%arg1 = %arg0 : tensor<1x768xf32>) -> (tensor<1x768xf32>) {
// CHECK-NEXT: %10 = lazy.cos %arg1 : tensor<1x768xf32>
// CHECK-NEXT: lazy.yield %10 : tensor<1x768xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %2 = lazy.concat %0, %1 axis 0 : (tensor<1x768xf32>, tensor<1x768xf32>) -> tensor<2x768xf32>
// CHECK-NEXT: %3 = lazy.kernel "exp" (%arg1 = %2 : tensor<2x768xf32>) -> (tensor<2x768xf32>) {
// CHECK-NEXT: %10 = lazy.exp %arg1 : tensor<2x768xf32>
// CHECK-NEXT: lazy.yield %10 : tensor<2x768xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %4 = lazy.kernel "sqrt" (%arg1 = %3 : tensor<2x768xf32>) -> (tensor<2x768xf32>) {
// CHECK-NEXT: %10 = lazy.sqrt %arg1 : tensor<2x768xf32>
// CHECK-NEXT: lazy.yield %10 : tensor<2x768xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %5 = lazy.kernel "mul" (%arg1 = %3 : tensor<2x768xf32>, %arg2 = %4 : tensor<2x768xf32>) -> (tensor<2x768xf32>) {
// CHECK-NEXT: %10 = lazy.mul %arg2, %arg1 : tensor<2x768xf32>
// CHECK-NEXT: lazy.yield %10 : tensor<2x768xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %6 = lazy.kernel "sin_again" (%arg1 = %arg0 : tensor<1x768xf32>) -> (tensor<1x768xf32>) {
// CHECK-NEXT: %10 = lazy.sin %arg1 : tensor<1x768xf32>
// CHECK-NEXT: lazy.yield %10 : tensor<1x768xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %7 = lazy.kernel "cos_again" (%arg1 = %arg0 : tensor<1x768xf32>) -> (tensor<1x768xf32>) {
// CHECK-NEXT: %10 = lazy.cos %arg1 : tensor<1x768xf32>
// CHECK-NEXT: lazy.yield %10 : tensor<1x768xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %8 = lazy.concat %6, %7 axis 0 : (tensor<1x768xf32>, tensor<1x768xf32>) -> tensor<2x768xf32>
// CHECK-NEXT: %9 = lazy.kernel "mul_1" (%arg1 = %8 : tensor<2x768xf32>, %arg2 = %5 : tensor<2x768xf32>) -> (tensor<2x768xf32>) {
// CHECK-NEXT: %10 = lazy.mul %arg2, %arg1 : tensor<2x768xf32>
// CHECK-NEXT: lazy.yield %10 : tensor<2x768xf32>
// CHECK-NEXT: }
// CHECK-NEXT: return %9 : tensor<2x768xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }
// BYTES: module attributes {lazy.arena_bytes = 12288 : i64
// LEAST: module attributes {lazy.arena_bytes = 12288 : i64

// -----

// Within the budget nothing changes.
func.func @main(%x: tensor<1024xf32>) -> tensor<1024xf32> {
  %0 = lazy.sin %x : tensor<1024xf32>
  %1 = lazy.exp %0 : tensor<1024xf32>
  %2 = lazy.sqrt %1 : tensor<1024xf32>
  %3 = lazy.mul %2, %1 : tensor<1024xf32>
  %4 = lazy.mul %3, %0 : tensor<1024xf32>
  return %4 : tensor<1024xf32>
}
// CHECK: module {
// CHECK-NEXT: func.func @main(%arg0: tensor<1024xf32>) -> tensor<1024xf32> {
// CHECK-NEXT: %0 = lazy.kernel "sin" (%arg1 = %arg0 : tensor<1024xf32>) -> (tensor<1024xf32>) {
// CHECK-NEXT: %5 = lazy.sin %arg1 : tensor<1024xf32>
// CHECK-NEXT: lazy.yield %5 : tensor<1024xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %1 = lazy.kernel "exp" (%arg1 = %0 : tensor<1024xf32>) -> (tensor<1024xf32>) {
// CHECK-NEXT: %5 = lazy.exp %arg1 : tensor<1024xf32>
// CHECK-NEXT: lazy.yield %5 : tensor<1024xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %2 = lazy.kernel "sqrt" (%arg1 = %1 : tensor<1024xf32>) -> (tensor<1024xf32>) {
// CHECK-NEXT: %5 = lazy.sqrt %arg1 : tensor<1024xf32>
// CHECK-NEXT: lazy.yield %5 : tensor<1024xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %3 = lazy.kernel "mul" (%arg1 = %1 : tensor<1024xf32>, %arg2 = %2 : tensor<1024xf32>) -> (tensor<1024xf32>) {
// CHECK-NEXT: %5 = lazy.mul %arg2, %arg1 : tensor<1024xf32>
// CHECK-NEXT: lazy.yield %5 : tensor<1024xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %4 = lazy.kernel "mul_1" (%arg1 = %0 : tensor<1024xf32>, %arg2 = %3 : tensor<1024xf32>) -> (tensor<1024xf32>) {
// CHECK-NEXT: %5 = lazy.mul %arg2, %arg1 : tensor<1024xf32>
// CHECK-NEXT: lazy.yield %5 : tensor<1024xf32>
// CHECK-NEXT: }
// CHECK-NEXT: return %4 : tensor<1024xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }
// BYTES: module attributes {lazy.arena_bytes = 12288 : i64
// LEAST: module attributes {lazy.arena_bytes = 8192 : i64
