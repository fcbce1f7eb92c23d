//===- Bits.cpp - float formats in integer arithmetic ---------------------===//
//
// A subnormal is normalised by converting its mantissa to f32, which is exact
// and a normal number, and correcting the exponent of the result.
//
//===----------------------------------------------------------------------===//
#include "HelperFunctions.h"

using namespace mlir;
namespace nacre::codegen {

Scalar Helpers::call(StringRef name, Type result, ArrayRef<Scalar> args,
                     Body emit) {
  Place at = args.front().at;
  auto function = module.lookupSymbol<func::FuncOp>(name);
  if (!function) {
    SmallVector<Type> types;
    for (Scalar a : args)
      types.push_back(a.type());
    Location loc = UnknownLoc::get(module.getContext());
    OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
    function =
        func::FuncOp::create(b, loc, name, b.getFunctionType(types, {result}));
    function.setPrivate();
    Block *entry = function.addEntryBlock();
    b.setInsertionPointToStart(entry);
    SmallVector<Scalar> parameters;
    for (Value v : entry->getArguments())
      parameters.push_back({{&b, loc}, v});
    Scalar value = emit(parameters);
    b.setInsertionPointToEnd(entry);
    func::ReturnOp::create(b, loc, value.v);
    functions.insert(function);
  }
  SmallVector<Value> values;
  for (Scalar a : args)
    values.push_back(a.v);
  return {at,
          func::CallOp::create(*at.b, at.loc, function, values).getResult(0)};
}

void Helpers::prune() {
  SmallVector<func::CallOp> calls;
  module.walk([&](func::CallOp call) { calls.push_back(call); });
  auto isHelper = [&](StringRef name) {
    return llvm::any_of(functions,
                        [&](func::FuncOp f) { return f.getName() == name; });
  };
  for (func::CallOp call : llvm::reverse(calls))
    if (call.use_empty() && isHelper(call.getCallee()))
      call.erase();
  for (bool changed = true; changed;) {
    changed = false;
    for (func::FuncOp f : llvm::to_vector(functions))
      if (SymbolTable::symbolKnownUseEmpty(f, module)) {
        functions.remove(f);
        f.erase();
        changed = true;
      }
  }
  // What a helper calls comes before it.
  llvm::SmallPtrSet<Operation *, 8> placed;
  Operation *last = nullptr;
  std::function<void(func::FuncOp)> place = [&](func::FuncOp f) {
    if (!placed.insert(f).second)
      return;
    f.walk([&](func::CallOp call) {
      place(module.lookupSymbol<func::FuncOp>(call.getCallee()));
    });
    if (last)
      f->moveAfter(last);
    else
      f->moveBefore(&module.getBody()->front());
    last = f;
  };
  for (func::FuncOp f : functions)
    place(f);
}

//===-- f16 and bf16 ------------------------------------------------------===//

Scalar halfToFloat(Helpers &helpers, Scalar bits) {
  return helpers.call(
      "nacre_f16_to_f32", bits.at.b->getF32Type(), bits,
      [](ArrayRef<Scalar> a) {
        Scalar magnitude = a[0] & 0x7fff;
        Scalar normal = (magnitude << 13) + double(112 << 23);
        // 0 becomes 0: its bits are not corrected.
        Scalar tiny = choose(equal(magnitude, 0), magnitude,
                             bitsOf(toFloat(magnitude)) - double(24 << 23));
        Scalar finite = choose(less(magnitude, 0x400), tiny, normal);
        Scalar special = choose(greater(magnitude, 0x7c00), 0x7fc00000,
                                word(a[0].at, 0x7f800000));
        Scalar result = choose(less(magnitude, 0x7c00), finite, special);
        return fromBits(result | (a[0] & int64_t(-0x80000000ll)));
      });
}

Scalar floatToHalf(Helpers &helpers, Scalar value) {
  return helpers.call(
      "nacre_f32_to_f16", value.at.b->getI32Type(), value,
      [](ArrayRef<Scalar> a) {
        Scalar bits = bitsOf(a[0]), magnitude = bits & 0x7fffffff;
        // From 2^16 on all is infinite; below, rounding up carries into it.
        Scalar limited = smallerUnsigned(magnitude, 0x47800000);
        Scalar normal = shiftDown(limited + double(0xfff - (112 << 23)) +
                                      (shiftDown(limited, 13) & 1),
                                  13);
        // Below 2^-14: the mantissa in units of 2^-24.
        Scalar mantissa = (magnitude & 0x7fffff) | 0x800000;
        Scalar shift = smallerUnsigned(126 - shiftDown(magnitude, 23), 25);
        Scalar half = shiftDown(word(a[0].at, 1) << shift, 1);
        Scalar tiny = shiftDown(
            mantissa + half - 1 + (shiftDown(mantissa, shift) & 1), shift);
        Scalar result = choose(less(magnitude, 0x38800000), tiny, normal);
        result = choose(greater(magnitude, 0x7f800000), 0x7e00, result);
        return result | ((bits >> 16) & int64_t(-0x8000));
      });
}

Scalar bfloatToFloat(Scalar bits) { return fromBits(bits << 16); }

Scalar floatToBfloat(Helpers &helpers, Scalar value) {
  return helpers.call(
      "nacre_f32_to_bf16", value.at.b->getI32Type(), value,
      [](ArrayRef<Scalar> a) {
        Scalar bits = bitsOf(a[0]);
        Scalar rounded = (bits + 0x7fff + (shiftDown(bits, 16) & 1)) >> 16;
        return choose(greater(bits & 0x7fffffff, 0x7f800000), 0x7fc0, rounded);
      });
}

//===-- f64 ---------------------------------------------------------------===//

Scalar doubleToFloat(Helpers &helpers, Words bits) {
  return helpers.call(
      "nacre_f64_to_f32", bits.low.at.b->getF32Type(), {bits.low, bits.high},
      [](ArrayRef<Scalar> a) {
        Scalar low = a[0], high = a[1] & 0x7fffffff;
        // The exponent's upper bits are shifted out; the bias's too.
        Scalar top = (high << 3) | shiftDown(low, 29);
        Scalar rest = low & 0x1fffffff;
        Scalar normal = top - double(896ll << 23);
        normal = normal + shiftDown(rest + 0x0fffffff + (normal & 1), 29);
        // Below 2^-126: 24 bits and a sticky one, in units of 2^-149.
        Scalar mantissa = ((top & 0x7fffff) | 0x800000) << 1;
        mantissa = mantissa | asWord(unequal(rest, 0));
        Scalar shift = smallerUnsigned(898 - shiftDown(high, 20), 26);
        Scalar half = shiftDown(word(low.at, 1) << shift, 1);
        Scalar tiny = shiftDown(
            mantissa + half - 1 + (shiftDown(mantissa, shift) & 1), shift);
        Scalar finite = choose(less(high, 0x38100000), tiny, normal);
        Scalar result =
            choose(less(high, 0x47f00000), finite, word(low.at, 0x7f800000));
        Scalar nan = greater(high | asWord(unequal(low, 0)), 0x7ff00000);
        result = choose(nan, 0x7fc00000, result);
        return fromBits(result | (a[1] & int64_t(-0x80000000ll)));
      });
}

Words floatToDouble(Helpers &helpers, Scalar value) {
  // 2^-149 times an integer is below 2^-126.
  auto normalised = [](Scalar magnitude) {
    return choose(less(magnitude, 0x800000), bitsOf(toFloat(magnitude)),
                  magnitude);
  };
  Type i32 = value.at.b->getI32Type();
  Scalar low =
      helpers.call("nacre_f32_to_f64_low", i32, value, [&](ArrayRef<Scalar> a) {
        return normalised(bitsOf(a[0]) & 0x7fffffff) << 29;
      });
  Scalar high = helpers.call(
      "nacre_f32_to_f64_high", i32, value, [&](ArrayRef<Scalar> a) {
        Scalar bits = bitsOf(a[0]), magnitude = bits & 0x7fffffff;
        Scalar bias = choose(less(magnitude, 0x800000), (896 - 149) << 20,
                             word(bits.at, 896 << 20));
        bias = choose(less(magnitude, 0x7f800000), bias, 1792 << 20);
        Scalar result = shiftDown(normalised(magnitude), 3) + bias;
        result = choose(equal(magnitude, 0), magnitude, result);
        // A NaN of the lowest bits only stays one.
        result = choose(greater(magnitude, 0x7f800000), 0x7ff80000, result);
        return result | (bits & int64_t(-0x80000000ll));
      });
  return {low, high};
}

Scalar oddFloat(Helpers &helpers, Scalar value, bool isUnsigned) {
  return helpers.call(
      isUnsigned ? "nacre_u32_to_odd" : "nacre_i32_to_odd",
      value.at.b->getF32Type(), value, [&](ArrayRef<Scalar> a) {
        Scalar negative = less(a[0], 0), x = a[0];
        if (!isUnsigned)
          x = choose(negative, negate(x), x);
        Scalar sticky = asWord(unequal(x & 0xff, 0));
        Scalar large = toFloat(shiftDown(x, 8) | sticky) * 256;
        Scalar result = choose(below(x, 1 << 24), toFloat(x), large);
        return isUnsigned ? result : choose(negative, negate(result), result);
      });
}

} // namespace nacre::codegen
