//===- Decompose.h - what a target lacks, in terms of what it has -*- C++ -*-=//
//
// Kernels come from lowering as functions of func, scf, arith, math and memref
// over every element type. A text target is a language of a few types: here the
// rest is rewritten, so that printing needs no thought.
//
// After `decompose` exactly this remains, and `verifyDecomposed` checks it.
//
//   values    i1, i32, index, f32; i64 and f64 when not lacked; vector<4xf32>,
//             gpu operations, barriers and memory spaces pass untouched.
//   i8, i16   exist between a memref.load and the arith.extsi or extui behind
//             it, and between an arith.trunci and the memref.store that alone
//             uses it. In between such a value is an i32, sign-extended from
//             its width.
//   f16, bf16 exist no more: their memory is i16, their values are i32 bits.
//   i64, f64  where lacked: memref<Nxi64> and memref<Nxf64> are memref<2Nxi32>,
//             element i the words 2*i (low) and 2*i+1 (high). An i64 value is
//             two i32, an f64 value is computed in f32.
//   arith     integers: addi subi muli andi ori xori shli shrsi shrui cmpi
//             select divsi divui remsi remui (as C's; never by 0) maxsi minsi
//             maxui minui, extsi extui trunci index_cast index_castui. On i1
//             only andi ori xori select and cmpi eq, ne. extsi and extui of
//             an i1 are c ? -1 : 0 and c ? 1 : 0.
//             floats: addf subf mulf divf negf remf, sitofp uitofp fptosi
//             fptoui (the value is in range), extf truncf between f32 and f64,
//             bitcast between equal widths.
//   cmpf      oeq une olt ole ogt oge: C's == != < <= > >=. Where NaN is not
//             reliable, a result that NaN decides by being true comes from an
//             integer test; only a false comparison is still relied upon.
//   constants of f32 and f64 are finite. NaN and infinities are
//             arith.bitcast(arith.constant : i32): print the constant so that
//             the target's compiler does not see through it.
//   math      floor ceil trunc roundeven fma sqrt absf exp exp2 log log2 sin
//             cos tanh erf powf, without those lacked, on f32 (and f64).
//   func      private helper functions `nacre_*`, before their users, of scalar
//             arguments and one scalar result, without memory; func.call.
//   scf       for (with results), if, while, yield, condition; i1, i32, index,
//             f32 results.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_CODEGEN_DECOMPOSE_DECOMPOSE_H
#define NACRE_CODEGEN_DECOMPOSE_DECOMPOSE_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringSet.h"

namespace nacre::codegen {

/// What a target has not.
struct Lacks {
  bool f64 = false; ///< no arithmetic in f64; computed in f32
  bool i64 = false; ///< no arithmetic in i64
  /// False: the target's compiler may assume that there is no NaN.
  bool reliableNaN = true;
  /// Operations without a good counterpart, by name ("math.erf",
  /// "arith.remf"). Any of expandableOps.
  llvm::StringSet<> ops;
  bool op(llvm::StringRef name) const { return ops.contains(name); }
  /// All of it.
  static Lacks everything();
};

/// What Lacks::ops may name: operations that can be expanded in f32.
llvm::ArrayRef<llvm::StringRef> expandableOps();

/// Rewrites the functions of a module in place. Diagnoses, at its location, an
/// operation that cannot be expressed.
mlir::LogicalResult decompose(mlir::ModuleOp module, const Lacks &lacks);

/// Checks the list above.
mlir::LogicalResult verifyDecomposed(mlir::ModuleOp module, const Lacks &lacks);

} // namespace nacre::codegen

#endif // NACRE_CODEGEN_DECOMPOSE_DECOMPOSE_H
