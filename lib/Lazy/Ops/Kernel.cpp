//===- Kernel.cpp - the kernel operation ----------------------------------===//
#include "nacre/Lazy/Lazy.h"

using namespace mlir;
namespace nacre::lazy {

void KernelOp::print(OpAsmPrinter &p) {
  p << ' ' << getNameAttr() << " (";
  llvm::interleaveComma(
      llvm::zip(getBody().getArguments(), getOperands()), p, [&](auto pair) {
        p.printRegionArgument(std::get<0>(pair), {}, /*omitType=*/true);
        p << " = " << std::get<1>(pair) << " : " << std::get<1>(pair).getType();
      });
  p << ") -> (";
  llvm::interleaveComma(getResultTypes(), p);
  p << ")";
  p.printOptionalAttrDictWithKeyword((*this)->getAttrs(), {getNameAttrName()});
  p << ' ';
  p.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &state) {
  StringAttr name;
  SmallVector<OpAsmParser::Argument> arguments;
  SmallVector<OpAsmParser::UnresolvedOperand> operands;
  SmallVector<Type> types;
  if (parser.parseAttribute(name, getNameAttrName(state.name),
                            state.attributes))
    return failure();
  auto one = [&]() -> ParseResult {
    OpAsmParser::Argument argument;
    if (parser.parseArgument(argument) || parser.parseEqual() ||
        parser.parseOperand(operands.emplace_back()) ||
        parser.parseColonType(types.emplace_back()))
      return failure();
    argument.type = types.back();
    arguments.push_back(argument);
    return success();
  };
  if (parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Paren, one) ||
      parser.parseArrow() || parser.parseLParen())
    return failure();
  if (failed(parser.parseOptionalRParen()))
    if (parser.parseTypeList(state.types) || parser.parseRParen())
      return failure();
  if (parser.parseOptionalAttrDictWithKeyword(state.attributes) ||
      parser.resolveOperands(operands, types, parser.getCurrentLocation(),
                             state.operands))
    return failure();
  return parser.parseRegion(*state.addRegion(), arguments);
}

LogicalResult KernelOp::verify() {
  Block &block = getBody().front();
  if (block.getNumArguments() != getNumOperands())
    return emitOpError("has ") << getNumOperands() << " operands and "
                               << block.getNumArguments() << " block arguments";
  for (auto [argument, operand] :
       llvm::zip(block.getArguments(), getOperands()))
    if (argument.getType() != operand.getType())
      return emitOpError("operand and block argument types differ");
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  if (!yield || yield.getOperandTypes() != getResultTypes())
    return emitOpError("must yield its result types");
  auto check = [&](std::optional<ArrayAttr> places, ValueRange values,
                   StringRef what) -> LogicalResult {
    if (!places)
      return success();
    if (places->size() != values.size())
      return emitOpError("has ") << values.size() << " " << what << " and "
                                 << places->size() << " places";
    for (auto [attr, value] : llvm::zip(*places, values)) {
      auto place = dyn_cast<PlaceAttr>(attr);
      if (!place ||
          int64_t(place.getStrides().size()) != tensorType(value).getRank())
        return emitOpError("a place does not fit its ") << what;
    }
    return success();
  };
  if (failed(check(getOperandPlaces(), getOperands(), "operands")))
    return failure();
  return check(getResultPlaces(), getResults(), "results");
}

} // namespace nacre::lazy
