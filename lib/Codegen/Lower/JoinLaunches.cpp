//===- JoinLaunches.cpp - two kernels in one launch -----------------------===//
//
// A launch costs microseconds on a GPU and a fifth of a millisecond in a
// browser. The border of a padded tensor is tiny and waits for nobody, so it
// runs in the launch that writes the interior: each group first does its share
// of the border. No group does something else than the others, so a barrier of
// the interior stands under no condition; PoCL 3.1 keeps wrong values across
// one that does.
//
//===----------------------------------------------------------------------===//
#include "Body.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
namespace nacre::codegen {

LoweredKernel joinLaunches(const LoweredKernel &main,
                           const LoweredKernel &border) {
  func::FuncOp f = main.function, g = border.function;
  assert(main.symbols.empty() && border.symbols.empty() &&
         main.group == border.group && "launches that do not fit together");
  MLIRContext *context = f.getContext();
  OpBuilder b(context);
  Location loc = f.getLoc();
  // buffers of f, the border's buffer, status, group, item
  unsigned buffers = f.getNumArguments() - 3;
  unsigned result = g.getNumArguments() - 4; // behind the operands
  SmallVector<Type> types(f.getArgumentTypes());
  types.insert(types.begin() + buffers, g.getArgumentTypes()[result]);
  b.setInsertionPointAfter(g);
  auto joined =
      func::FuncOp::create(b, loc, f.getName(), b.getFunctionType(types, {}));
  joined.setPrivate();
  joined->setDiscardableAttrs(f->getDiscardableAttrDictionary());
  FunctionOpInterface interface = joined;
  for (unsigned i = 0; i < buffers; ++i)
    interface.setArgAttrs(i, f.getArgAttrDict(i));
  interface.setArgAttrs(buffers, g.getArgAttrDict(result));
  joined.setArgAttr(buffers, "nacre.name", b.getStringAttr("border"));
  // The border surrounds what f writes.
  for (unsigned i = 0; i <= buffers; ++i)
    if (joined.getArgAttr(i, "nacre.write"))
      joined.removeArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName());

  Block *entry = joined.addEntryBlock();
  b.setInsertionPointToStart(entry);
  unsigned n = entry->getNumArguments();
  Value status = entry->getArgument(n - 3), group = entry->getArgument(n - 2),
        item = entry->getArgument(n - 1);
  func::ReturnOp::create(b, loc);
  b.setInsertionPointToStart(entry);
  auto index = [&](int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  };
  Value borderGroups = index(llvm::divideCeil(border.tasks, border.perGroup));
  Value groups = index(llvm::divideCeil(main.tasks, main.perGroup));
  auto loop = scf::ForOp::create(b, loc, group, borderGroups, groups);

  auto move = [&](func::FuncOp from, Block *to, ValueRange arguments) {
    Block &source = from.front();
    for (auto [old, replacement] : llvm::zip(source.getArguments(), arguments))
      old.replaceAllUsesWith(replacement);
    for (Operation &op :
         llvm::make_early_inc_range(source.without_terminator()))
      if (isa<memref::AllocaOp>(op))
        op.moveBefore(entry, entry->begin());
      else
        op.moveBefore(to->getTerminator());
    from.erase();
  };
  Value surrounded = entry->getArgument(buffers);
  // A border does not read its operand.
  SmallVector<Value> arguments(g.getNumArguments(), surrounded);
  arguments[result + 1] = status;
  arguments[result + 2] = loop.getInductionVar();
  arguments[result + 3] = item;
  move(g, loop.getBody(), arguments);

  arguments.assign(entry->getArguments().begin(),
                   entry->getArguments().begin() + buffers);
  arguments.append({status, group, item});
  move(f, entry, arguments);

  LoweredKernel both = main;
  both.function = joined;
  return both;
}

} // namespace nacre::codegen
