//===- Dialect.cpp - registration -----------------------------------------===//
#include "mlir/IR/DialectImplementation.h"
#include "nacre/Lazy/Build.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#include "nacre/Lazy/LazyDialect.cpp.inc"
#include "nacre/Lazy/LazyEnums.cpp.inc"
#include "nacre/Lazy/LazyInterfaces.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "nacre/Lazy/LazyAttrs.cpp.inc"
#define GET_OP_CLASSES
#include "nacre/Lazy/LazyOps.cpp.inc"

void nacre::lazy::LazyDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "nacre/Lazy/LazyAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "nacre/Lazy/LazyOps.cpp.inc"
      >();
}
