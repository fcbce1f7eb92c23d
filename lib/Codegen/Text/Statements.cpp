//===- Statements.cpp - loops, branches and memory as text ---------------===//
#include "Printer.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
namespace nacre::codegen {

LogicalResult Printer::statement(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](scf::ForOp loop) { return this->loop(loop); })
      .Case([&](scf::WhileOp loop) { return this->loop(loop); })
      .Case([&](scf::IfOp op) { return branch(op); })
      .Case([&](func::CallOp op) { return call(op); })
      .Case([&](memref::LoadOp op) {
        return load(op, op.getMemRef(), op.getIndices());
      })
      .Case([&](vector::LoadOp op) {
        return load(op, op.getBase(), op.getIndices());
      })
      .Case([&](memref::StoreOp op) {
        return store(op, op.getValue(), op.getMemRef(), op.getIndices());
      })
      .Case([&](vector::StoreOp op) {
        return store(op, op.getValueToStore(), op.getBase(), op.getIndices());
      })
      .Case([&](memref::AllocaOp op) -> LogicalResult {
        MemRefType type = op.getType();
        if (isShared(op)) // declared where the kernel begins
          return success();
        if (!type.hasStaticShape() || type.getRank() != 1 ||
            typeName(type.getElementType()).empty())
          return unknown(op);
        std::string name = names.numbered("a");
        line(privateArray(type.getElementType(), type.getNumElements(), name));
        set(op, {name});
        return success();
      })
      .Case([&](memref::AtomicRMWOp op) -> LogicalResult {
        auto arg = dyn_cast<BlockArgument>(op.getMemref());
        if (op.getKind() != arith::AtomicRMWKind::assign || !arg ||
            buffers.contains(arg) || !op.getResult().use_empty())
          return unknown(op);
        line(setStatus(operand(op.getValue())) + ";");
        return success();
      })
      .Case([&](gpu::BarrierOp) {
        line(barrier() + ";");
        return success();
      })
      .Default([&](Operation *op) { return value(op); });
}

/// Whether `name` stands in `text` as a word of its own.
static bool mentions(StringRef text, StringRef name) {
  auto inWord = [](char c) { return llvm::isAlnum(c) || c == '_'; };
  for (size_t at = text.find(name); at != StringRef::npos;
       at = text.find(name, at + 1)) {
    size_t end = at + name.size();
    if ((at == 0 || !inWord(text[at - 1])) &&
        (end == text.size() || !inWord(text[end])))
      return true;
  }
  return false;
}

LogicalResult Printer::declareMutable(Type type, StringRef name, Value init) {
  std::string text = declaration(type, name, /*isMutable=*/true);
  line(init ? text + " = " + operand(init) + ";" : text + ";");
  return success();
}

/// A hint for the variable that a loop carries, from how it goes on.
static StringRef carriedName(Value next) {
  Operation *op = next ? next.getDefiningOp() : nullptr;
  while (op && isa<scf::ForOp>(op)) { // through the loops inside
    auto inner = cast<scf::ForOp>(op);
    op = inner.getBody()
             ->getTerminator()
             ->getOperand(cast<OpResult>(next).getResultNumber())
             .getDefiningOp();
    if (op && op->getNumResults() == 1)
      next = op->getResult(0);
  }
  if (isa_and_nonnull<arith::AddFOp, arith::AddIOp, math::FmaOp, vector::FMAOp>(
          op))
    return "sum";
  if (isa_and_nonnull<arith::MulFOp, arith::MulIOp>(op))
    return "product";
  return "carry";
}

/// The variable for a value that a loop carries. Where nothing else reads what
/// it starts from, that variable goes on being used.
std::string Printer::loopVariable(Value init, Value arg, Operation *loop,
                                  Value next) {
  Expr start = raw(init);
  if (start.isVariable && init.hasOneUse() &&
      init.getParentBlock() == loop->getBlock())
    return start.text;
  std::string name = names.numbered(carriedName(next));
  if (failed(declareMutable(arg.getType(), name, init)))
    return "";
  return name;
}

/// All `values` at once.
LogicalResult Printer::assign(ValueRange values,
                              ArrayRef<std::string> targets) {
  SmallVector<std::string> texts;
  for (auto [n, value] : llvm::enumerate(values)) {
    std::string text = operand(value);
    for (auto [k, target] : llvm::enumerate(targets.take_front(n)))
      if (text != targets[n] && texts[k] != target && mentions(text, target)) {
        std::string name = names.numbered("next");
        line(declaration(value.getType(), name, false) + " = " + text + ";");
        text = name;
        break;
      }
    texts.push_back(text);
  }
  for (auto [value, text, target] : llvm::zip(values, texts, targets)) {
    if (text == target)
      continue;
    auto sum = value.getDefiningOp<arith::AddFOp>();
    StringRef rest = text;
    if (sum && raw(sum.getLhs()).text == target &&
        rest.consume_front(target + " + "))
      line(target + " += " + rest + ";");
    else
      line(target + " = " + text + ";");
  }
  return success();
}

LogicalResult Printer::loop(scf::ForOp op) {
  if (typeName(op.getInductionVar().getType()).empty() || op.getUnsignedCmp())
    return unknown(op);
  SmallVector<std::string> targets;
  ValueRange yields = op.getBody()->getTerminator()->getOperands();
  for (auto [init, arg, next] :
       llvm::zip(op.getInitArgs(), op.getRegionIterArgs(), yields)) {
    if (typeName(arg.getType()).empty())
      return unknown(op);
    targets.push_back(loopVariable(init, arg, op, next));
    set(arg, {targets.back(), Level::Primary, false, false, true});
  }
  // The bound and the step are read in every turn: no work there.
  for (Value bound : {op.getUpperBound(), op.getStep()})
    if (use(bound).text.size() > 20)
      nameOperand(bound);
  Type type = op.getInductionVar().getType();
  std::string first = operand(op.getLowerBound());
  std::string last = operand(op.getUpperBound(), Level::Sum);
  std::string step = operand(op.getStep());
  names.open();
  std::string i = names.loop();
  set(op.getInductionVar(), {i});
  line("for (" + declaration(type, i, true) + " = " + first + "; " + i + " < " +
       last + "; " + i + (step == "1" ? "++" : " += " + step) + ") {");
  ++indent;
  if (failed(block(*op.getBody())) || failed(assign(yields, targets)))
    return failure();
  --indent;
  line("}");
  names.close();
  for (auto [result, target] : llvm::zip(op.getResults(), targets))
    set(result, {target, Level::Primary, false, false, true});
  return success();
}

LogicalResult Printer::loop(scf::WhileOp op) {
  SmallVector<std::string> targets, results;
  scf::ConditionOp condition = op.getConditionOp();
  for (auto [init, arg, next] :
       llvm::zip(op.getInits(), op.getBeforeArguments(),
                 op.getYieldOp().getOperands())) {
    if (typeName(arg.getType()).empty())
      return unknown(op);
    targets.push_back(loopVariable(init, arg, op, next));
    set(arg, {targets.back(), Level::Primary, false, false, true});
  }
  // What the condition hands on is mostly what came in.
  for (Value value : condition.getArgs()) {
    auto arg = dyn_cast<BlockArgument>(value);
    if (arg && arg.getOwner() == op.getBeforeBody()) {
      results.push_back(targets[arg.getArgNumber()]);
      continue;
    }
    if (typeName(value.getType()).empty())
      return unknown(op);
    results.push_back(names.numbered("carry"));
    line(declaration(value.getType(), results.back(), true) + ";");
  }
  line(endlessLoop() + " {");
  ++indent;
  names.open();
  if (failed(block(*op.getBeforeBody())))
    return failure();
  Expr go = use(condition.getCondition());
  std::string stop = "!" + paren(go, Level::Primary);
  if (!condition.getArgs().empty() &&
      llvm::any_of(llvm::zip(condition.getArgs(), results), [&](auto pair) {
        return raw(std::get<0>(pair)).text != std::get<1>(pair);
      })) {
    std::string name = names.numbered("go");
    line(declaration(condition.getCondition().getType(), name, false) + " = " +
         go.text + ";");
    stop = "!" + name;
    if (failed(assign(condition.getArgs(), results)))
      return failure();
  }
  line("if (" + stop + ") {");
  ++indent;
  line("break;");
  --indent;
  line("}");
  for (auto [arg, name] : llvm::zip(op.getAfterArguments(), results))
    set(arg, {name});
  if (failed(block(*op.getAfterBody())) ||
      failed(assign(op.getYieldOp().getOperands(), targets)))
    return failure();
  names.close();
  --indent;
  line("}");
  for (auto [result, name] : llvm::zip(op.getResults(), results))
    set(result, {name});
  return success();
}

LogicalResult Printer::branch(scf::IfOp op) {
  SmallVector<std::string> targets;
  for (Value result : op.getResults()) {
    if (typeName(result.getType()).empty())
      return unknown(op);
    targets.push_back(names.numbered("t"));
    line(declaration(result.getType(), targets.back(), true) + ";");
  }
  auto side = [&](Region &region) {
    ++indent;
    names.open();
    Block &body = region.front();
    bool ok = succeeded(block(body)) &&
              succeeded(assign(body.getTerminator()->getOperands(), targets));
    names.close();
    --indent;
    return success(ok);
  };
  line("if (" + operand(op.getCondition()) + ") {");
  if (failed(side(op.getThenRegion())))
    return failure();
  if (!op.getElseRegion().empty() &&
      (!targets.empty() ||
       op.getElseRegion().front().getOperations().size() > 1)) {
    line("} else {");
    if (failed(side(op.getElseRegion())))
      return failure();
  }
  line("}");
  for (auto [result, target] : llvm::zip(op.getResults(), targets))
    set(result, {target, Level::Primary, false, false, true});
  return success();
}

//===-- memory ------------------------------------------------------------===//

static int64_t alignmentOf(Operation *op, Value index, int64_t start,
                           int64_t elementBytes) {
  if (auto attr = op->getAttrOfType<IntegerAttr>("alignment"))
    if (attr.getInt() >= 16)
      return 16;
  return start >= 16 && isMultipleOf(index, 16 / elementBytes) ? 16 : 1;
}

LogicalResult Printer::load(Operation *op, Value array, ValueRange indices) {
  Value result = op->getResult(0);
  if (result.use_empty())
    return success();
  if (indices.size() != 1)
    return unknown(op);
  Type type = result.getType();
  Type element = getElementTypeOrSelf(type);
  bool narrow = element.isInteger(8) || element.isInteger(16);
  if (!narrow && typeName(type).empty())
    return unknown(op);
  int64_t bytes = std::max(1u, element.getIntOrFloatBitWidth() / 8);
  // 8 and 16 bits are an int that holds them, extended as the uses want it.
  bool zeroExtends = narrow && llvm::all_of(result.getUsers(), [](auto *user) {
                       return isa<arith::ExtUIOp>(user);
                     });
  auto buffer = buffers.find(array);
  auto local = array.getDefiningOp<memref::AllocaOp>();
  if (buffer == buffers.end() && !local)
    return unknown(op);
  if (local && isa<VectorType>(type))
    nameOperand(indices[0]);
  auto text = [&] {
    Expr index = use(indices[0]);
    if (local) {
      bool aligned =
          isShared(local) && alignmentOf(op, indices[0], 16, bytes) == 16;
      if (auto lanes = dyn_cast<VectorType>(type))
        return loadVector(local, exprs[array].text, index, lanes, aligned);
      return exprs[array].text + "[" + index.text + "]";
    }
    Buffer &from = *buffer->second;
    return loadBuffer(from, index, type, zeroExtends,
                      alignmentOf(op, indices[0], from.align, bytes) == 16);
  };
  std::string access = text();
  while (access.size() > longLine && nameLongestOperand(op))
    access = text();
  StringRef hint = !local            ? StringRef(buffer->second->name)
                   : isShared(local) ? "s"
                                     : "e";
  std::string name = names.numbered(hint);
  Type declared = narrow ? IntegerType::get(op->getContext(), 32) : type;
  line(declaration(declared, name, false) + " = " + access + ";");
  set(result, {name});
  return success();
}

LogicalResult Printer::store(Operation *op, Value value, Value array,
                             ValueRange indices) {
  if (indices.size() != 1)
    return unknown(op);
  Type type = value.getType();
  int64_t bytes =
      std::max(1u, getElementTypeOrSelf(type).getIntOrFloatBitWidth() / 8);
  auto buffer = buffers.find(array);
  auto local = array.getDefiningOp<memref::AllocaOp>();
  if (buffer == buffers.end() && !local)
    return unknown(op);
  if (local && isa<VectorType>(type)) {
    nameOperand(indices[0]);
    nameOperand(value);
    bool aligned =
        isShared(local) && alignmentOf(op, indices[0], 16, bytes) == 16;
    storeVector(local, exprs[array].text, use(indices[0]), use(value),
                cast<VectorType>(type), aligned);
    return success();
  }
  auto text = [&]() -> std::string {
    Expr index = use(indices[0]);
    if (local)
      return exprs[array].text + "[" + index.text + "] = " + operand(value);
    Buffer &to = *buffer->second;
    bool narrow = type.isInteger(8) || type.isInteger(16);
    return storeBuffer(to, index, type, narrow ? raw(value) : use(value),
                       alignmentOf(op, indices[0], to.align, bytes) == 16);
  };
  std::string statement = text();
  while (statement.size() > longLine && nameLongestOperand(op))
    statement = text();
  line(statement + ";");
  return success();
}

} // namespace nacre::codegen
