//===- Translate.cpp - element types a target lacks -----------------------===//
//
// Every function is written anew from its first operation to its last, each old
// value standing for one or two new ones:
//
//   i8, i16     an i32, sign-extended. Unsigned order is that of the i32s too;
//               what is not closed under sign extension is wrapped after.
//   f16, bf16   an i32, the bits as an i16's. Computed with as f32.
//   i64         two i32, when lacked.
//   f64         when lacked: two i32 while it is only moved, so that copies are
//               exact; else an f32.
//
//===----------------------------------------------------------------------===//
#include "Translator.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
namespace nacre::codegen {

//===-- types -------------------------------------------------------------===//

Kind Translator::kindOf(Type type) const {
  if (type.isInteger(8) || type.isInteger(16))
    return Kind::Narrow;
  if (type.isF16() || type.isBF16())
    return Kind::Half;
  if (type.isInteger(64))
    return helpers.lacks.i64 ? Kind::Wide : Kind::Same;
  if (type.isF64())
    return helpers.lacks.f64 ? Kind::Double : Kind::Same;
  if (auto buffer = dyn_cast<MemRefType>(type)) {
    if (bufferType(buffer) == buffer)
      return Kind::Same;
    return bufferType(buffer) ? Kind::Buffer : Kind::Bad;
  }
  if (auto shaped = dyn_cast<ShapedType>(type))
    return kindOf(shaped.getElementType()) == Kind::Same ? Kind::Same
                                                         : Kind::Bad;
  return Kind::Same;
}

MemRefType Translator::bufferType(MemRefType type) const {
  Type element = type.getElementType();
  MemRefType::Builder made(type);
  switch (kindOf(element)) {
  case Kind::Same:
  case Kind::Narrow:
    return type;
  case Kind::Half:
    return made.setElementType(IntegerType::get(type.getContext(), 16));
  case Kind::Wide:
  case Kind::Double: {
    if (type.getRank() != 1 || !type.getLayout().isIdentity())
      return {};
    SmallVector<int64_t> shape(type.getShape());
    if (!ShapedType::isDynamic(shape[0]))
      shape[0] *= 2;
    return made.setElementType(i32).setShape(shape);
  }
  default:
    return {};
  }
}

bool Translator::isMoved(Value v) {
  if (auto it = moved.find(v); it != moved.end())
    return it->second;
  bool result = false;
  if (Operation *op = v.getDefiningOp()) {
    if (isa<arith::ConstantOp, memref::LoadOp, arith::BitcastOp>(op))
      result = true;
    else if (auto choice = dyn_cast<arith::SelectOp>(op))
      result =
          isMoved(choice.getTrueValue()) && isMoved(choice.getFalseValue());
    else if (auto branch = dyn_cast<scf::IfOp>(op)) {
      unsigned n = cast<OpResult>(v).getResultNumber();
      result = isMoved(branch.thenYield().getOperand(n)) &&
               isMoved(branch.elseYield().getOperand(n));
    }
  }
  return moved[v] = result;
}

bool Translator::isRoundedLater(Value v) {
  return llvm::all_of(v.getUsers(), [&](Operation *user) {
    if (isa<arith::CmpFOp, math::AbsFOp>(user))
      return true;
    if (isa<arith::SelectOp, arith::MulFOp>(user))
      return isRoundedLater(user->getResult(0));
    return isa<arith::TruncFOp>(user) &&
           llvm::all_of(user->getUsers(), [](Operation *next) {
             return isa<arith::ExtFOp, arith::BitcastOp>(next);
           });
  });
}

bool Translator::partTypes(Value v, SmallVectorImpl<Type> &types) {
  switch (kindOf(v.getType())) {
  case Kind::Same:
    types.push_back(v.getType());
    return true;
  case Kind::Narrow:
  case Kind::Half:
    types.push_back(i32);
    return true;
  case Kind::Double:
    if (!isMoved(v)) {
      types.push_back(f32);
      return true;
    }
    [[fallthrough]];
  case Kind::Wide:
    types.append({i32, i32});
    return true;
  case Kind::Buffer:
    types.push_back(bufferType(cast<MemRefType>(v.getType())));
    return true;
  case Kind::Bad:
    return false;
  }
  return false;
}

//===-- values ------------------------------------------------------------===//

Scalar Translator::wrap(Scalar v, unsigned width) {
  int64_t unused = 32 - width;
  return (v << unused) >> unused;
}

Words Translator::words(Value old) {
  Parts parts = values[old];
  if (parts.size() == 2)
    return {{at(), parts[0]}, {at(), parts[1]}};
  return floatToDouble(helpers, {at(), parts[0]});
}

Scalar Translator::asFloat(Value old) {
  Kind kind = kindOf(old.getType());
  Parts parts = values[old];
  if (kind == Kind::Same || (kind == Kind::Double && parts.size() == 1))
    return {at(), parts[0]};
  if (auto known = decoded.find(old); known != decoded.end())
    return {at(), known->second};
  if (auto number = old.getDefiningOp<arith::ConstantOp>()) {
    APFloat f = cast<FloatAttr>(number.getValue()).getValue();
    bool lossy;
    f.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &lossy);
    return {at(), arith::ConstantOp::create(builder, loc,
                                            builder.getFloatAttr(f32, f))};
  }
  // Behind the bits: it dominates every use.
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointAfterValue(parts.back());
  Scalar bits{at(), parts[0]};
  Scalar result = kind == Kind::Double
                      ? doubleToFloat(helpers, {bits, {at(), parts[1]}})
                  : old.getType().isBF16() ? bfloatToFloat(bits)
                                           : halfToFloat(helpers, bits);
  decoded[old] = result.v;
  return result;
}

Scalar Translator::asWord(Value old, bool isUnsigned) {
  Scalar v = one(old);
  unsigned width = old.getType().getIntOrFloatBitWidth();
  if (width == 1)
    return isUnsigned ? v.make<arith::ExtUIOp>(i32, v.v)
                      : v.make<arith::ExtSIOp>(i32, v.v);
  return isUnsigned && width < 32 ? v & ((1 << width) - 1) : v;
}

void Translator::defineFloat(Value old, Scalar v) {
  Type type = old.getType();
  if (type.isF16())
    v = floatToHalf(helpers, v);
  else if (type.isBF16())
    v = floatToBfloat(helpers, v);
  define(old, v.v);
}

void Translator::defineInteger(Value old, Scalar v, bool isUnsigned) {
  unsigned width = old.getType().getIntOrFloatBitWidth();
  if (kindOf(old.getType()) == Kind::Wide)
    define(old, Words{v, isUnsigned ? word(at(), 0) : v >> 31});
  else if (width == 64)
    define(old, isUnsigned ? v.make<arith::ExtUIOp>(old.getType(), v.v).v
                           : v.make<arith::ExtSIOp>(old.getType(), v.v).v);
  else
    define(old, v.v);
}

//===-- operations --------------------------------------------------------===//

LogicalResult Translator::refuse(Operation *op) {
  return op->emitOpError("cannot be expressed for this target");
}

void Translator::constant(arith::ConstantOp op) {
  APInt bits;
  if (auto number = dyn_cast<FloatAttr>(op.getValue()))
    bits = number.getValue().bitcastToAPInt();
  else
    bits = cast<IntegerAttr>(op.getValue()).getValue();
  if (bits.getBitWidth() == 64)
    define(op, Words{word(at(), bits.trunc(32).getSExtValue()),
                     word(at(), bits.lshr(32).trunc(32).getSExtValue())});
  else
    define(op, word(at(), bits.getSExtValue()).v);
}

LogicalResult Translator::load(memref::LoadOp op) {
  Scalar buffer = one(op.getMemRef());
  SmallVector<Value> indices;
  for (Value v : op.getIndices())
    indices.push_back(values[v][0]);
  auto read = [&](ValueRange index) -> Scalar {
    return {at(), memref::LoadOp::create(builder, loc, buffer.v, index)};
  };
  switch (kindOf(op.getType())) {
  case Kind::Narrow:
  case Kind::Half: {
    Scalar v = read(indices);
    define(op, v.make<arith::ExtSIOp>(i32, v.v).v);
    return success();
  }
  case Kind::Wide:
  case Kind::Double: {
    Scalar first = Scalar{at(), indices[0]} * 2;
    Scalar low = read(first.v);
    define(op, Words{low, read((first + 1).v)});
    return success();
  }
  default:
    return refuse(op);
  }
}

LogicalResult Translator::store(memref::StoreOp op) {
  Value old = op.getValue(), buffer = values[op.getMemRef()][0];
  SmallVector<Value> indices;
  for (Value v : op.getIndices())
    indices.push_back(values[v][0]);
  auto write = [&](Value v, ValueRange index) {
    memref::StoreOp::create(builder, loc, v, buffer, index);
  };
  switch (kindOf(old.getType())) {
  case Kind::Narrow:
  case Kind::Half: {
    Type element = cast<MemRefType>(buffer.getType()).getElementType();
    write(one(old).make<arith::TruncIOp>(element, one(old).v), indices);
    return success();
  }
  case Kind::Wide:
  case Kind::Double: {
    Words w = words(old);
    Scalar first = Scalar{at(), indices[0]} * 2;
    write(w.low, first.v);
    write(w.high, (first + 1).v);
    return success();
  }
  default:
    return refuse(op);
  }
}

/// memref.alloca and alloc, whose dynamic extent doubles with the type.
LogicalResult Translator::allocation(Operation *op) {
  auto type = cast<MemRefType>(op->getResult(0).getType());
  MemRefType made = bufferType(type);
  if (!made)
    return refuse(op);
  bool doubles = made.getElementTypeBitWidth() != type.getElementTypeBitWidth();
  SmallVector<Value> operands;
  for (Value v : op->getOperands())
    operands.push_back(doubles ? (one(v) * 2).v : one(v).v);
  OperationState state(loc, op->getName(), operands, made, op->getAttrs());
  define(op->getResult(0), builder.create(state)->getResult(0));
  return success();
}

LogicalResult Translator::structural(Operation *op) {
  SmallVector<Value> operands;
  for (Value v : op->getOperands())
    llvm::append_range(operands, values[v]);
  // What leaves a function or a loop has its type's own form.
  if (isa<func::ReturnOp, func::CallOp, scf::YieldOp, scf::ForOp, scf::WhileOp,
          scf::ConditionOp>(op)) {
    operands.clear();
    auto branch = dyn_cast<scf::IfOp>(op->getParentOp());
    for (auto [i, v] : llvm::enumerate(op->getOperands())) {
      bool keep =
          isa<scf::YieldOp>(op) && branch && isMoved(branch.getResult(i));
      if (kindOf(v.getType()) == Kind::Double && !keep)
        operands.push_back(asFloat(v));
      else
        llvm::append_range(operands, values[v]);
    }
  }
  SmallVector<Type> types;
  for (Value v : op->getResults())
    if (!partTypes(v, types))
      return refuse(op);
  OperationState state(loc, op->getName(), operands, types, op->getAttrs());
  for (Region &from : op->getRegions())
    if (failed(region(from, *state.addRegion())))
      return failure();
  Operation *made = builder.create(state);
  unsigned next = 0;
  for (Value v : op->getResults()) {
    SmallVector<Type> parts;
    partTypes(v, parts);
    SmallVector<Value> slice(made->getResults().slice(next, parts.size()));
    define(v, slice);
    next += parts.size();
  }
  return success();
}

LogicalResult Translator::region(Region &from, Region &to) {
  if (from.empty())
    return success();
  if (!from.hasOneBlock())
    return from.getParentOp()->emitOpError("has several blocks");
  OpBuilder::InsertionGuard guard(builder);
  Block *block = builder.createBlock(&to);
  for (BlockArgument argument : from.getArguments()) {
    SmallVector<Type> types;
    if (!partTypes(argument, types))
      return refuse(from.getParentOp());
    SmallVector<Value> parts;
    for (Type type : types)
      parts.push_back(block->addArgument(type, argument.getLoc()));
    define(argument, parts);
  }
  for (Operation &op : from.front())
    if (failed(operation(&op)))
      return failure();
  return success();
}

LogicalResult Translator::operation(Operation *op) {
  loc = op->getLoc();
  auto affected = [&](TypeRange types) {
    return llvm::any_of(types, [&](Type t) { return isAffected(t); });
  };
  if (!affected(op->getOperandTypes()) && !affected(op->getResultTypes()) &&
      !isa<func::ReturnOp>(op)) {
    Operation *made = op->cloneWithoutRegions();
    for (OpOperand &operand : made->getOpOperands())
      operand.set(values[operand.get()][0]);
    for (auto [from, to] : llvm::zip(op->getRegions(), made->getRegions()))
      if (failed(region(from, to))) {
        made->destroy();
        return failure();
      }
    builder.insert(made);
    for (auto [from, to] : llvm::zip(op->getResults(), made->getResults()))
      define(from, to);
    return success();
  }
  for (TypeRange types :
       {TypeRange(op->getOperandTypes()), TypeRange(op->getResultTypes())})
    if (llvm::any_of(types, [&](Type t) { return kindOf(t) == Kind::Bad; }))
      return refuse(op);
  if (auto number = dyn_cast<arith::ConstantOp>(op)) {
    constant(number);
    return success();
  }
  if (auto cast = dyn_cast<arith::BitcastOp>(op)) {
    bitcast(cast);
    return success();
  }
  if (auto read = dyn_cast<memref::LoadOp>(op))
    return load(read);
  if (auto write = dyn_cast<memref::StoreOp>(op))
    return store(write);
  if (isa<memref::AllocaOp, memref::AllocOp>(op))
    return allocation(op);
  if (auto choice = dyn_cast<arith::SelectOp>(op)) {
    Scalar condition = one(choice.getCondition());
    Value a = choice.getTrueValue(), b = choice.getFalseValue();
    if (kindOf(a.getType()) == Kind::Double && !isMoved(op->getResult(0)))
      define(op->getResult(0), choose(condition, asFloat(a), asFloat(b)).v);
    else if (values[a].size() == 2)
      define(op->getResult(0), choose(condition, words(a), words(b)));
    else
      define(op->getResult(0), choose(condition, one(a), one(b)).v);
    return success();
  }
  if (isa<scf::ForOp, scf::IfOp, scf::WhileOp, scf::YieldOp, scf::ConditionOp,
          func::CallOp, func::ReturnOp, memref::DeallocOp, memref::CopyOp,
          memref::CastOp, memref::AssumeAlignmentOp>(op))
    return structural(op);
  if (op->getNumResults() != 1 || op->getNumRegions() ||
      !isa_and_nonnull<arith::ArithDialect, math::MathDialect>(
          op->getDialect()))
    return refuse(op);
  if (isa<CastOpInterface>(op))
    return conversion(op);
  bool isFloat = isa<FloatType>(op->getOperand(0).getType());
  return isFloat ? floating(op) : integer(op);
}

//===-- functions ---------------------------------------------------------===//

LogicalResult Translator::function(func::FuncOp old) {
  auto affected = [&](TypeRange types) {
    return llvm::any_of(types, [&](Type t) { return isAffected(t); });
  };
  bool any = affected(old.getArgumentTypes()) || affected(old.getResultTypes());
  old.walk([&](Operation *op) {
    any |= affected(op->getOperandTypes()) || affected(op->getResultTypes());
  });
  if (!any)
    return success();
  loc = old.getLoc();
  SmallVector<Type> arguments, results;
  SmallVector<Attribute> attributes;
  auto convert = [&](Type type, SmallVectorImpl<Type> &types) {
    switch (kindOf(type)) {
    case Kind::Same:
      types.push_back(type);
      return true;
    case Kind::Narrow:
    case Kind::Half:
      types.push_back(i32);
      return true;
    case Kind::Wide:
      types.append({i32, i32});
      return true;
    case Kind::Double:
      types.push_back(f32);
      return true;
    case Kind::Buffer:
      types.push_back(bufferType(cast<MemRefType>(type)));
      return true;
    default:
      return false;
    }
  };
  for (auto [i, type] : llvm::enumerate(old.getArgumentTypes())) {
    if (!convert(type, arguments))
      return refuse(old);
    DictionaryAttr kept = old.getArgAttrDict(i);
    attributes.resize(arguments.size(),
                      kept ? kept : builder.getDictionaryAttr({}));
  }
  for (Type type : old.getResultTypes())
    if (!convert(type, results))
      return refuse(old);
  Region body;
  if (failed(region(old.getBody(), body)))
    return failure();
  values.clear();
  decoded.clear();
  moved.clear();
  old.getBody().takeBody(body);
  old.setType(builder.getFunctionType(arguments, results));
  if (old.getArgAttrsAttr())
    old.setArgAttrsAttr(builder.getArrayAttr(attributes));
  return success();
}

LogicalResult translateTypes(Helpers &helpers) {
  Translator translator(helpers);
  for (func::FuncOp f : llvm::to_vector(helpers.module.getOps<func::FuncOp>()))
    if (failed(translator.function(f)))
      return failure();
  return success();
}

} // namespace nacre::codegen
