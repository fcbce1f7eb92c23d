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
#include "Helpers.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
namespace nacre::codegen {
namespace {

enum class Kind { Same, Narrow, Half, Wide, Double, Buffer, Bad };

class Translator {
public:
  Translator(Helpers &helpers)
      : helpers(helpers), builder(helpers.module.getContext()),
        i32(builder.getI32Type()), f32(builder.getF32Type()) {}
  LogicalResult function(func::FuncOp old);

private:
  using Parts = SmallVector<Value, 2>;

  //===-- types -----------------------------------------------------------===//
  Kind kindOf(Type type) const;
  bool isAffected(Type type) const { return kindOf(type) != Kind::Same; }
  MemRefType bufferType(MemRefType type) const;
  /// The types that a value's parts have.
  bool partTypes(Value v, SmallVectorImpl<Type> &types);
  /// An f64 that is nothing but moved: loads, constants, choices among them.
  bool isMoved(Value v);
  /// An f64 made from an integer on its way to f16 or bf16 through f32, which
  /// lowering rounds to odd.
  static bool isRoundedLater(Value v);

  //===-- values ----------------------------------------------------------===//
  Place at() { return {&builder, loc}; }
  Scalar one(Value old) { return {at(), values[old][0]}; }
  Words words(Value old);
  /// An old float as f32, or as it was when it needs nothing.
  Scalar asFloat(Value old);
  /// An old integer of at most 32 bits as i32.
  Scalar asWord(Value old, bool isUnsigned);
  Scalar wrap(Scalar v, unsigned width);
  void define(Value old, ArrayRef<Value> parts) {
    values[old].assign(parts.begin(), parts.end());
  }
  void define(Value old, Words w) { define(old, {w.low.v, w.high.v}); }
  /// An f32 as the float type of `old`.
  void defineFloat(Value old, Scalar v);
  /// An i32 as the integer type of `old`.
  void defineInteger(Value old, Scalar v, bool isUnsigned);

  //===-- operations ------------------------------------------------------===//
  LogicalResult region(Region &from, Region &to);
  LogicalResult operation(Operation *op);
  /// The same operation on the parts of its operands.
  LogicalResult structural(Operation *op);
  LogicalResult refuse(Operation *op);
  void constant(arith::ConstantOp op);
  LogicalResult load(memref::LoadOp op);
  LogicalResult store(memref::StoreOp op);
  LogicalResult allocation(Operation *op);
  LogicalResult integer(Operation *op);
  void narrow(Operation *op, unsigned width);
  LogicalResult wide(Operation *op);
  LogicalResult conversion(Operation *op);
  LogicalResult floating(Operation *op);
  void bitcast(arith::BitcastOp op);

  Helpers &helpers;
  OpBuilder builder;
  Location loc = builder.getUnknownLoc();
  Type i32, f32;
  llvm::DenseMap<Value, Parts> values;
  llvm::DenseMap<Value, bool> moved;
  llvm::DenseMap<Value, Value> decoded; ///< f32 of old values kept as bits
};

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

//===-- integers ----------------------------------------------------------===//

LogicalResult Translator::integer(Operation *op) {
  Type type = op->getOperand(0).getType();
  if (kindOf(type) == Kind::Wide)
    return wide(op);
  if (!isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::AndIOp,
           arith::OrIOp, arith::XOrIOp, arith::ShLIOp, arith::ShRSIOp,
           arith::ShRUIOp, arith::DivSIOp, arith::DivUIOp, arith::RemSIOp,
           arith::RemUIOp, arith::MaxSIOp, arith::MaxUIOp, arith::MinSIOp,
           arith::MinUIOp, arith::CmpIOp, arith::CeilDivSIOp,
           arith::FloorDivSIOp>(op))
    return refuse(op);
  narrow(op, type.getIntOrFloatBitWidth());
  return success();
}

void Translator::narrow(Operation *op, unsigned width) {
  bool unsignedOperands = isa<arith::DivUIOp, arith::RemUIOp>(op);
  SmallVector<Value> operands;
  for (Value v : op->getOperands())
    operands.push_back(asWord(v, unsignedOperands).v);
  if (isa<arith::ShRUIOp>(op))
    operands[0] = asWord(op->getOperand(0), true).v;
  bool comparison = isa<arith::CmpIOp>(op);
  // Overflow flags of the narrow type mean nothing in i32.
  SmallVector<NamedAttribute> attributes;
  if (comparison)
    llvm::append_range(attributes, op->getAttrs());
  OperationState state(loc, op->getName(), operands,
                       comparison ? op->getResult(0).getType() : i32,
                       attributes);
  Scalar result{at(), builder.create(state)->getResult(0)};
  if (isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::ShLIOp,
          arith::ShRUIOp, arith::DivUIOp, arith::RemUIOp>(op))
    result = wrap(result, width);
  define(op->getResult(0), result.v);
}

LogicalResult Translator::wide(Operation *op) {
  Value out = op->getResult(0);
  Words a = words(op->getOperand(0)), b = words(op->getOperand(1));
  using P = arith::CmpIPredicate;
  auto extremum = [&](P p) {
    define(out, choose(compare(p, a, b), a, b));
    return success();
  };
  auto division = [&](bool isUnsigned, bool remainder) {
    define(out, divide(a, b, isUnsigned, remainder));
    return success();
  };
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](arith::AddIOp) { return define(out, add(a, b)), success(); })
      .Case(
          [&](arith::SubIOp) { return define(out, subtract(a, b)), success(); })
      .Case([&](arith::MulIOp) {
        return define(out, multiply(helpers, a, b)), success();
      })
      .Case([&](arith::AndIOp) {
        return define(out, Words{a.low & b.low, a.high & b.high}), success();
      })
      .Case([&](arith::OrIOp) {
        return define(out, Words{a.low | b.low, a.high | b.high}), success();
      })
      .Case([&](arith::XOrIOp) {
        return define(out, Words{a.low ^ b.low, a.high ^ b.high}), success();
      })
      .Case([&](arith::ShLIOp) {
        return define(out, shiftLeft(a, b.low)), success();
      })
      .Case([&](arith::ShRSIOp) {
        return define(out, shiftRight(a, b.low, false)), success();
      })
      .Case([&](arith::ShRUIOp) {
        return define(out, shiftRight(a, b.low, true)), success();
      })
      .Case([&](arith::CmpIOp compared) {
        return define(out, compare(compared.getPredicate(), a, b).v), success();
      })
      .Case([&](arith::MaxSIOp) { return extremum(P::sgt); })
      .Case([&](arith::MaxUIOp) { return extremum(P::ugt); })
      .Case([&](arith::MinSIOp) { return extremum(P::slt); })
      .Case([&](arith::MinUIOp) { return extremum(P::ult); })
      .Case([&](arith::DivSIOp) { return division(false, false); })
      .Case([&](arith::DivUIOp) { return division(true, false); })
      .Case([&](arith::RemSIOp) { return division(false, true); })
      .Case([&](arith::RemUIOp) { return division(true, true); })
      .Default([&](Operation *) { return refuse(op); });
}

//===-- conversions -------------------------------------------------------===//

LogicalResult Translator::conversion(Operation *op) {
  Value in = op->getOperand(0), out = op->getResult(0);
  Type from = in.getType(), to = out.getType();
  Kind fromKind = kindOf(from), toKind = kindOf(to);
  if (isa<arith::ExtSIOp, arith::ExtUIOp>(op)) {
    bool isUnsigned = isa<arith::ExtUIOp>(op);
    defineInteger(out, asWord(in, isUnsigned), isUnsigned);
    return success();
  }
  if (isa<arith::TruncIOp>(op)) {
    Scalar v = one(in);
    if (v.type().isInteger(64))
      v = v.make<arith::TruncIOp>(i32, v.v);
    if (to.isInteger(1))
      v = unequal(v & 1, 0);
    else if (toKind == Kind::Narrow)
      v = wrap(v, to.getIntOrFloatBitWidth());
    define(out, v.v);
    return success();
  }
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(op)) {
    bool isUnsigned = isa<arith::IndexCastUIOp>(op);
    auto cast = [&](Type type, Scalar v) {
      return isUnsigned ? v.make<arith::IndexCastUIOp>(type, v.v)
                        : v.make<arith::IndexCastOp>(type, v.v);
    };
    if (isa<IndexType>(from)) {
      Scalar v = cast(i32, one(in));
      if (toKind == Kind::Narrow)
        v = wrap(v, to.getIntOrFloatBitWidth());
      defineInteger(out, v, isUnsigned);
      return success();
    }
    if (fromKind != Kind::Wide) {
      define(out, cast(to, asWord(in, isUnsigned)).v);
      return success();
    }
    // An index that does not fit stays out of every range.
    Words w = words(in);
    Scalar fits = equal(w.high, isUnsigned ? word(at(), 0) : w.low >> 31);
    Scalar far = isUnsigned ? word(at(), -1) : (w.high >> 31) ^ 0x7fffffff;
    define(out, cast(to, choose(fits, w.low, far)).v);
    return success();
  }
  if (isa<arith::SIToFPOp, arith::UIToFPOp>(op)) {
    bool isUnsigned = isa<arith::UIToFPOp>(op);
    bool odd =
        toKind == Kind::Half || (toKind == Kind::Double && isRoundedLater(out));
    if (fromKind == Kind::Wide) {
      if (to.isF64() && toKind == Kind::Same)
        return refuse(op);
      defineFloat(out, wordsToFloat(helpers, words(in), isUnsigned, odd));
      return success();
    }
    Type type = toKind == Kind::Same ? to : f32;
    if (from.isInteger(64)) {
      if (toKind == Kind::Half)
        return refuse(op);
      Scalar v = one(in);
      define(out, isUnsigned ? v.make<arith::UIToFPOp>(type, v.v).v
                             : v.make<arith::SIToFPOp>(type, v.v).v);
      return success();
    }
    Scalar v = asWord(in, isUnsigned);
    if (from.getIntOrFloatBitWidth() < 32)
      isUnsigned = false; // it is positive
    else if (odd) {
      defineFloat(out, oddFloat(helpers, v, isUnsigned));
      return success();
    }
    defineFloat(out, isUnsigned ? v.make<arith::UIToFPOp>(type, v.v)
                                : v.make<arith::SIToFPOp>(type, v.v));
    return success();
  }
  if (isa<arith::FPToSIOp, arith::FPToUIOp>(op)) {
    bool isUnsigned = isa<arith::FPToUIOp>(op);
    Scalar v = asFloat(in);
    if (toKind == Kind::Wide) {
      if (!v.type().isF32())
        return refuse(op);
      define(out, floatToWords(v, isUnsigned));
      return success();
    }
    Type type = toKind == Kind::Same ? to : i32;
    Scalar result = isUnsigned && toKind == Kind::Same
                        ? v.make<arith::FPToUIOp>(type, v.v)
                        : v.make<arith::FPToSIOp>(type, v.v);
    if (toKind == Kind::Narrow)
      result = wrap(result, to.getIntOrFloatBitWidth());
    define(out, result.v);
    return success();
  }
  if (isa<arith::ExtFOp>(op)) {
    Scalar v = asFloat(in);
    if (to.isF64() && toKind == Kind::Same)
      v = v.make<arith::ExtFOp>(to, v.v);
    define(out, v.v);
    return success();
  }
  if (isa<arith::TruncFOp>(op)) {
    Scalar v = asFloat(in);
    if (v.type().isF64()) // rounding twice would not be exact
      return refuse(op);
    defineFloat(out, v);
    return success();
  }
  return refuse(op);
}

void Translator::bitcast(arith::BitcastOp op) {
  Value in = op.getIn();
  Type to = op.getType();
  unsigned width = to.getIntOrFloatBitWidth();
  Kind fromKind = kindOf(in.getType()), toKind = kindOf(to);
  if (width < 64 || (fromKind != Kind::Same && toKind != Kind::Same)) {
    if (width == 64)
      define(op, words(in));
    else
      define(op, one(in).v);
    return;
  }
  // Two words on one side only.
  if (toKind == Kind::Same) {
    Type i64 = builder.getI64Type();
    Words w = words(in);
    Scalar low = w.low.make<arith::ExtUIOp>(i64, w.low.v);
    Scalar high = w.high.make<arith::ExtUIOp>(i64, w.high.v);
    define(op, (low | (high << 32)).v);
    return;
  }
  Scalar v = one(in);
  Scalar high = shiftDown(v, 32);
  define(op, Words{v.make<arith::TruncIOp>(i32, v.v),
                   high.make<arith::TruncIOp>(i32, high.v)});
}

//===-- floats ------------------------------------------------------------===//

LogicalResult Translator::floating(Operation *op) {
  Value out = op->getResult(0);
  // The sign alone: exact on the bits, and no conversion.
  if (kindOf(out.getType()) == Kind::Half) {
    if (isa<arith::NegFOp>(op)) {
      define(out, (one(op->getOperand(0)) ^ int64_t(-0x8000)).v);
      return success();
    }
    if (isa<math::AbsFOp>(op)) {
      define(out, (one(op->getOperand(0)) & 0x7fff).v);
      return success();
    }
  }
  SmallVector<Value> operands;
  for (Value v : op->getOperands()) {
    if (!isa<FloatType>(v.getType()))
      return refuse(op);
    operands.push_back(asFloat(v).v);
  }
  Type type = isa<FloatType>(out.getType()) ? f32 : out.getType();
  OperationState state(loc, op->getName(), operands, type, op->getAttrs());
  Scalar result{at(), builder.create(state)->getResult(0)};
  if (isa<FloatType>(out.getType()))
    defineFloat(out, result);
  else
    define(out, result.v);
  return success();
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

} // namespace

LogicalResult translateTypes(Helpers &helpers) {
  Translator translator(helpers);
  for (func::FuncOp f : llvm::to_vector(helpers.module.getOps<func::FuncOp>()))
    if (failed(translator.function(f)))
      return failure();
  return success();
}

} // namespace nacre::codegen
