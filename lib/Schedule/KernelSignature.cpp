//===- KernelSignature.cpp - a kernel by what it is, not by its name ------===//
#include "mlir/IR/OperationSupport.h"
#include "nacre/Schedule/KernelNest.h"
#include "nacre/Schedule/Tuning.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
namespace nacre::schedule {
using namespace nacre::lazy;

/// The text that the digits stand for. Values of the body are numbered from
/// the kernel on.
static std::string textOf(KernelOp kernel) {
  std::string text;
  llvm::raw_string_ostream os(text);
  auto tensor = [&](StringRef what, Value v, Attribute place) {
    os << what << ' ' << v.getType() << " strides";
    for (int64_t stride : cast<PlaceAttr>(place).getStrides().asArrayRef())
      os << ' ' << stride;
    os << '\n';
  };
  Block &body = kernel.getBody().front();
  for (auto [argument, v, place] :
       llvm::zip_equal(body.getArguments(), kernel.getOperands(),
                       *kernel.getOperandPlaces()))
    tensor(isWeight(kernel, argument) ? "weight" : "operand", v, place);
  for (auto [v, place] :
       llvm::zip_equal(kernel.getResults(), *kernel.getResultPlaces()))
    tensor("result", v, place);
  for (NamedAttribute entry : kernel->getDiscardableAttrs())
    os << entry.getName().getValue() << " = " << entry.getValue() << '\n';
  OpPrintingFlags flags;
  flags.useLocalScope();
  for (Operation &op : body) {
    op.print(os, flags);
    os << '\n';
  }
  return text;
}

std::string signatureOf(KernelOp kernel) {
  return llvm::utohexstr(llvm::xxh3_64bits(textOf(kernel)), /*LowerCase=*/true,
                         /*Width=*/16);
}

} // namespace nacre::schedule
