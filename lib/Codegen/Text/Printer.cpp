//===- Printer.cpp - kernels and helper functions as text ----------------===//
#include "Printer.h"

using namespace mlir;
namespace nacre::codegen {

//===-- lines -------------------------------------------------------------===//

void Printer::line(const Twine &text) {
  SmallString<128> buffer;
  StringRef string = text.toStringRef(buffer);
  if (!string.empty())
    out.append(2 * indent, ' ');
  out += string;
  out += '\n';
}

LogicalResult Printer::unknown(Operation *op) const {
  return op->emitOpError() << "has no text in " << language();
}

//===-- functions ---------------------------------------------------------===//

FailureOr<std::string> Printer::render(ModuleOp root) {
  module = root;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (isReservedName(function.getName()))
      return function.emitOpError()
             << "is called '" << function.getName()
             << "', a word that WGSL or OpenCL C reserves";
    names.take(function.getName());
  }
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr("nacre.kernel"))
      if (failed(helpersOf(function)) || failed(kernel(function)))
        return failure();
  return preamble() + out;
}

/// Text of a `nacre.comment`, for people: nothing in it may end the comment.
static std::string commentLine(StringRef text) {
  std::string result = "// ";
  for (char c : text)
    result += c >= ' ' && c <= '~' ? c : '?';
  StringRef trimmed = StringRef(result).rtrim();
  return (trimmed.ends_with("\\") ? trimmed.str() + "." : trimmed.str());
}

LogicalResult Printer::kernel(func::FuncOp op) {
  if (!op.getBody().hasOneBlock() || op.getNumResults())
    return op.emitOpError() << "is no kernel that can be printed";
  exprs.clear();
  buffers.clear();
  Signature signature(op);
  if (!signature.group || !signature.item)
    return op.emitOpError() << "has no arguments for group and item";
  for (const Buffer &buffer : signature.buffers)
    if (buffer.weights && buffer.write)
      return op.emitOpError() << "writes weights";
  for (Buffer &buffer : signature.buffers)
    buffers[buffer.arg] = &buffer;
  SmallVector<memref::AllocaOp> shared;
  op.walk([&](memref::AllocaOp array) {
    if (isShared(array))
      shared.push_back(array);
  });
  for (memref::AllocaOp array : shared)
    if (array.getType().getRank() != 1 ||
        typeName(array.getType().getElementType()).empty())
      return unknown(array);
  out += '\n';
  if (auto comment = op->getAttrOfType<StringAttr>("nacre.comment")) {
    SmallVector<StringRef> lines;
    comment.getValue().rtrim().split(lines, '\n');
    for (StringRef text : lines)
      line(commentLine(text));
  }
  names.open();
  // A buffer has the name of its hint in the function's scope.
  for (Buffer &buffer : signature.buffers) {
    auto hint = op.getArgAttrOfType<StringAttr>(buffer.arg.getArgNumber(),
                                                "nacre.name");
    buffer.name = names.plain(hint ? hint.getValue()
                                   : StringRef(buffer.write ? "y" : "x"));
    while (!names.isFree(buffer.name + "_at") ||
           !names.isFree(buffer.name + "_base"))
      buffer.name = names.numbered(buffer.name);
    names.take(buffer.name + "_at");
    names.take(buffer.name + "_base");
  }
  for (BlockArgument dim : signature.dims) {
    auto hint =
        op.getArgAttrOfType<StringAttr>(dim.getArgNumber(), "nacre.name");
    set(dim, {names.plain(hint ? hint.getValue() : StringRef("extent"))});
  }
  set(signature.group, {"group"});
  set(signature.item, {"item"});
  openKernel(op, signature, shared);
  ++indent;
  LogicalResult result = block(op.getBody().front());
  --indent;
  line("}");
  names.close();
  return result;
}

LogicalResult Printer::helpersOf(func::FuncOp op) {
  WalkResult result = op.walk([&](func::CallOp call) {
    auto callee = module.lookupSymbol<func::FuncOp>(call.getCallee());
    if (!callee || callee.isExternal() || callee->hasAttr("nacre.kernel")) {
      call.emitOpError() << "calls no helper function of this module";
      return WalkResult::interrupt();
    }
    if (!printed.insert(callee).second)
      return WalkResult::advance();
    if (failed(helpersOf(callee)) || failed(helper(callee)))
      return WalkResult::interrupt();
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

LogicalResult Printer::helper(func::FuncOp op) {
  if (!op.getBody().hasOneBlock())
    return op.emitOpError() << "has more than one block";
  exprs.clear();
  buffers.clear();
  SmallVector<Type> types(op.getArgumentTypes());
  llvm::append_range(types, op.getResultTypes());
  for (Type type : types)
    if (typeName(type).empty())
      return op.emitOpError() << "takes or gives " << type
                              << ", which has no text in " << language();
  out += '\n';
  if (op.getNumResults() > 1)
    line(resultStruct((op.getName() + "_result").str(), op.getResultTypes()));
  names.open();
  SmallVector<std::string> argNames;
  for (BlockArgument arg : op.getArguments()) {
    auto hint =
        op.getArgAttrOfType<StringAttr>(arg.getArgNumber(), "nacre.name");
    argNames.push_back(hint ? names.plain(hint.getValue())
                            : names.numbered("a"));
    set(arg, {argNames.back()});
  }
  std::string result = op.getNumResults() == 0 ? ""
                       : op.getNumResults() == 1
                           ? typeName(op.getResultTypes()[0])
                           : (op.getName() + "_result").str();
  openHelper(op, result, argNames);
  ++indent;
  LogicalResult ok = block(op.getBody().front());
  --indent;
  line("}");
  names.close();
  return ok;
}

LogicalResult Printer::returns(func::ReturnOp op) {
  if (op.getNumOperands() == 0)
    return success();
  if (op.getNumOperands() == 1) {
    line("return " + operand(op.getOperand(0)) + ";");
    return success();
  }
  auto function = op->getParentOfType<func::FuncOp>();
  std::string name = names.numbered("result");
  std::string type = (function.getName() + "_result").str();
  line(structVariable(type, name, ""));
  for (auto [n, value] : llvm::enumerate(op.getOperands()))
    line(name + ".r" + Twine(n) + " = " + operand(value) + ";");
  line("return " + name + ";");
  return success();
}

LogicalResult Printer::call(func::CallOp op) {
  auto callee = module.lookupSymbol<func::FuncOp>(op.getCallee());
  Expr text = call(callee.getName(), op.getOperands());
  while (text.text.size() > longLine && nameLongestOperand(op))
    text = call(callee.getName(), op.getOperands());
  if (op.getNumResults() == 1) {
    set(op.getResult(0), {declare(op.getResult(0), text)});
    return success();
  }
  if (op.getNumResults() == 0) {
    line(text.text + ";");
    return success();
  }
  std::string name = names.numbered("r");
  line(structVariable((callee.getName() + "_result").str(), name, text.text));
  for (OpResult result : op.getResults())
    set(result, {name + ".r" + std::to_string(result.getResultNumber())});
  return success();
}

LogicalResult Printer::block(Block &block) {
  size_t before = renamed.size();
  for (Operation &op : block.without_terminator())
    if (failed(statement(&op)))
      return failure();
  // A variable is gone with the block that it was declared in; a value from
  // outside is what it was.
  for (; renamed.size() > before; renamed.pop_back())
    if (auto &[value, expr] = renamed.back(); value.getParentBlock() != &block)
      set(value, expr);
  if (auto end = dyn_cast<func::ReturnOp>(block.getTerminator()))
    return returns(end);
  return success();
}

} // namespace nacre::codegen
