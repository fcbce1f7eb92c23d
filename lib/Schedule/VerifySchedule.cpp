//===- VerifySchedule.cpp - the border after the schedule phase -----------===//
#include "nacre/Lazy/IndexMap.h"
#include "nacre/Schedule/KernelNest.h"
#include "nacre/Schedule/Schedule.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/Format.h"

using namespace mlir;
namespace nacre::schedule {
using namespace nacre::lazy;

/// First and last element a place covers, relative to its buffer; the last
/// comes before the first when there are none.
static Range extentOf(PlaceAttr place, RankedTensorType type) {
  if (llvm::is_contained(type.getShape(), 0))
    return {place.getOffset(), place.getOffset() - 1};
  Range r{place.getOffset(), place.getOffset()};
  for (auto [stride, extent] : llvm::zip(place.getStrides().asArrayRef(), boundedShape(type)))
    r.max += stride * std::max<int64_t>(extent - 1, 0);
  return r;
}

LogicalResult verifySchedule(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  auto arena = module->getAttrOfType<IntegerAttr>("lazy.arena_bytes");
  if (!arena)
    return module.emitError("has no memory plan (lazy.arena_bytes)");
  auto status = success();
  auto checkPlace = [&](KernelOp kernel, Attribute attr, Value v, StringRef what) {
    auto place = cast<PlaceAttr>(attr);
    auto type = tensorType(v);
    Range r = extentOf(place, type);
    int64_t bytes = elementBytes(type.getElementType());
    if (r.min < 0 || (place.getSpace() == "arena" && (r.max + 1) * bytes > arena.getInt())) {
      kernel.emitOpError("kernel ") << kernel.getName() << ": " << what
                                    << " lies outside the arena of " << arena.getInt() << " bytes";
      status = failure();
    }
  };
  for (auto kernel : main.getBody().front().getOps<KernelOp>()) {
    if (!kernel.getSchedule() || !kernel.getOperandPlaces() || !kernel.getResultPlaces()) {
      kernel.emitOpError("kernel ") << kernel.getName() << " has no schedule or no places";
      return failure();
    }
    for (auto [attr, v] : llvm::zip(*kernel.getOperandPlaces(), kernel.getOperands()))
      checkPlace(kernel, attr, v, "an operand");
    for (auto [attr, v] : llvm::zip(*kernel.getResultPlaces(), kernel.getResults())) {
      checkPlace(kernel, attr, v, "a result");
      if (cast<PlaceAttr>(attr).getSpace() == "weights" ||
          cast<PlaceAttr>(attr).getSpace() == "input") {
        kernel.emitOpError("kernel ") << kernel.getName() << " writes to read-only memory";
        status = failure();
      }
    }
  }
  return status;
}

void printPlan(ModuleOp module, raw_ostream &os) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  auto arena = module->getAttrOfType<IntegerAttr>("lazy.arena_bytes");
  os << "arena " << (arena ? arena.getInt() : 0) << " bytes\n";
  for (auto kernel : main.getBody().front().getOps<KernelOp>()) {
    auto place = cast<PlaceAttr>((*kernel.getResultPlaces())[0]);
    auto type = tensorType(kernel.getResult(0));
    int64_t bytes = elementBytes(type.getElementType()), size = bytes;
    for (int64_t extent : boundedShape(type))
      size *= extent;
    os << llvm::format("%-8s %12lld  %12lld  ", place.getSpace().str().c_str(),
                       (long long)(place.getOffset() * bytes), (long long)size)
       << kernel.getName() << "  " << type << "\n";
  }
}

} // namespace nacre::schedule
