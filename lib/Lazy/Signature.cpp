//===- Signature.cpp - what main's arguments and results stand for --------===//
#include "nacre/Lazy/Signature.h"
#include "nacre/Lazy/Lazy.h"
#include "nacre/Lazy/Tensor.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
namespace nacre::lazy {

CallerShape callerShape(RankedTensorType type, DictionaryAttr attributes) {
  CallerShape shape;
  auto bounds = attributes ? attributes.getAs<DenseI64ArrayAttr>("lazy.shape")
                           : DenseI64ArrayAttr();
  if (!bounds) {
    shape.bounds = boundedShape(type);
    for (int64_t axis = 0; axis < type.getRank(); ++axis) {
      StringAttr symbol = symbolOf(type, axis);
      shape.dims.push_back(symbol ? symbol.str() : "");
    }
    return shape;
  }
  shape.flat = true;
  shape.bounds = SmallVector<int64_t>(bounds.asArrayRef());
  auto names = attributes.getAs<ArrayAttr>("lazy.dims");
  for (size_t axis = 0; axis < shape.bounds.size(); ++axis) {
    auto name = names && axis < names.size() ? dyn_cast<StringAttr>(names[axis])
                                             : StringAttr();
    shape.dims.push_back(name ? name.str() : "");
  }
  return shape;
}

Value withoutMask(ContractOp op, unsigned k) {
  auto mask = op->getOperand(k).getDefiningOp<WhereOp>();
  auto beyond = mask ? mask->getAttrOfType<ArrayAttr>(openBeyond) : ArrayAttr();
  auto dims = op->getAttrOfType<ArrayAttr>(openDims);
  AffineMap map = op.map(k);
  if (!beyond || !dims || beyond.size() != map.getNumResults() ||
      dims.size() != map.getNumDims())
    return {};
  for (auto [name, e] : llvm::zip_equal(beyond, map.getResults())) {
    auto text = dyn_cast<StringAttr>(name);
    if (!text || text.empty())
      continue;
    auto d = dyn_cast<AffineDimExpr>(e);
    if (!d || dims[d.getPosition()] != text)
      return {};
  }
  return mask.getA();
}

std::optional<DimScalar> dimScalar(DictionaryAttr attributes) {
  auto name =
      attributes ? attributes.getAs<StringAttr>("lazy.dim") : StringAttr();
  if (!name)
    return std::nullopt;
  auto range = attributes.getAs<DenseI64ArrayAttr>("lazy.range");
  return DimScalar{name.str(), range[0], range[1]};
}

//===----------------------------------------------------------------------===//
// Verifying
//===----------------------------------------------------------------------===//

namespace {

/// An attribute as a diagnostic shows it.
std::string shown(DictionaryAttr attributes, StringRef name) {
  std::string text = "missing";
  if (Attribute attribute = attributes.get(name)) {
    text.clear();
    llvm::raw_string_ostream(text) << attribute;
  }
  return text;
}

class SignatureVerifier {
public:
  explicit SignatureVerifier(func::FuncOp main) : main(main) {}
  LogicalResult run();

private:
  /// The arguments or the results.
  struct Side {
    StringRef what;
    TypeRange types;
    std::function<DictionaryAttr(unsigned)> attributes;
  };
  InFlightDiagnostic error(const Side &side, unsigned i) {
    return main.emitError() << side.what << " " << i << " of main";
  }
  using Most = llvm::StringMap<int64_t>; ///< of each name, the most it may be
  LogicalResult dims(const Side &side, Most &held);
  LogicalResult dim(const Side &side, unsigned i, Most &held);
  LogicalResult shape(const Side &side, unsigned i);
  void noteSymbols(const Side &side);
  LogicalResult strings(const Side &side);
  LogicalResult sums(size_t dimCount);
  LogicalResult symbols(Operation *op);
  LogicalResult names(Operation *op, StringRef attribute);

  func::FuncOp main;
  Most given;              ///< what the caller says or shows
  Most counted;            ///< what the run works out
  llvm::StringSet<> known; ///< names that operations may have
};

} // namespace

LogicalResult SignatureVerifier::dim(const Side &side, unsigned i, Most &held) {
  DictionaryAttr attributes = side.attributes(i);
  auto name = attributes.getAs<StringAttr>("lazy.dim");
  if (!name || name.empty())
    return error(side, i) << ": lazy.dim is " << shown(attributes, "lazy.dim")
                          << ", expected a name";
  auto range = attributes.getAs<DenseI64ArrayAttr>("lazy.range");
  if (!range || range.size() != 2 || range[0] < 0 || range[0] > range[1])
    return error(side, i) << ": lazy.range is "
                          << shown(attributes, "lazy.range")
                          << ", expected the least and the most of "
                          << name.getValue();
  if (side.types[i] !=
      RankedTensorType::get({}, IntegerType::get(main.getContext(), 64)))
    return error(side, i) << ": the dim " << name.getValue() << " is "
                          << side.types[i] << ", expected a scalar of i64";
  if (given.contains(name) || !held.try_emplace(name, range[1]).second)
    return error(side, i) << ": the dim " << name.getValue()
                          << " is there twice";
  return success();
}

LogicalResult SignatureVerifier::dims(const Side &side, Most &held) {
  bool begun = false;
  for (unsigned i = 0; i < side.types.size(); ++i) {
    DictionaryAttr attributes = side.attributes(i);
    if (attributes && (attributes.contains("lazy.dim") ||
                       attributes.contains("lazy.range"))) {
      if (failed(dim(side, i, held)))
        return failure();
      begun = true;
    } else if (begun) {
      return error(side, i) << " comes after the dims";
    }
  }
  return success();
}

LogicalResult SignatureVerifier::shape(const Side &side, unsigned i) {
  DictionaryAttr attributes = side.attributes(i);
  if (!attributes ||
      (!attributes.contains("lazy.shape") && !attributes.contains("lazy.dims")))
    return success();
  auto bounds = attributes.getAs<DenseI64ArrayAttr>("lazy.shape");
  if (!bounds || llvm::any_of(bounds.asArrayRef(),
                              [](int64_t extent) { return extent < 0; }))
    return error(side, i) << ": lazy.shape is "
                          << shown(attributes, "lazy.shape")
                          << ", expected extents";
  auto type = cast<RankedTensorType>(side.types[i]);
  if (type.getRank() != 1 || !type.hasStaticShape() ||
      elementCount(bounds.asArrayRef()) != type.getDimSize(0))
    return error(side, i) << " is " << type
                          << ", expected a vector as long as lazy.shape, "
                          << bounds;
  auto list = attributes.getAs<ArrayAttr>("lazy.dims");
  if (!list || int64_t(list.size()) != bounds.size() ||
      !llvm::all_of(list, llvm::IsaPred<StringAttr>))
    return error(side, i) << ": lazy.dims is " << shown(attributes, "lazy.dims")
                          << ", expected a name for each axis of " << bounds;
  for (auto [axis, name] : llvm::enumerate(list.getAsRange<StringAttr>())) {
    if (name.empty())
      continue;
    if (!given.contains(name) && !counted.contains(name))
      return error(side, i) << ": axis " << axis << " is the dim "
                            << name.getValue() << ", which nothing holds";
    int64_t most = given.contains(name) ? given[name] : counted[name];
    if (side.what == "result" && most > bounds[axis])
      return error(side, i)
             << ": axis " << axis << " has room for " << bounds[axis]
             << ", the dim " << name.getValue() << " goes to " << most;
  }
  return success();
}

/// Symbolic extents of types are dims as well.
void SignatureVerifier::noteSymbols(const Side &side) {
  for (Type type : side.types) {
    auto tensor = cast<RankedTensorType>(type);
    SmallVector<int64_t> bounds = boundedShape(tensor);
    for (int64_t axis = 0; axis < tensor.getRank(); ++axis)
      if (StringAttr symbol = symbolOf(tensor, axis))
        if (!counted.contains(symbol))
          given.try_emplace(symbol, bounds[axis]);
  }
}

LogicalResult SignatureVerifier::strings(const Side &side) {
  Attribute given = main->getAttr(stringTable);
  auto table = dyn_cast_or_null<ArrayAttr>(given);
  llvm::StringSet<> seen;
  auto fits = [&](Attribute entry) {
    auto string = dyn_cast<StringAttr>(entry);
    return string && llvm::json::isUTF8(string) &&
           !string.getValue().contains('\0') && seen.insert(string).second;
  };
  if (given && !(table && llvm::all_of(table, fits)))
    return main.emitError()
           << "lazy.strings is " << given
           << ", expected different strings of UTF-8 without zero bytes";
  for (unsigned i = 0; i < side.types.size(); ++i) {
    DictionaryAttr attributes = side.attributes(i);
    if (!attributes || !attributes.contains(ofStrings))
      continue;
    if (!table)
      return error(side, i) << " is of strings, but lazy.strings is missing";
    auto type = cast<RankedTensorType>(side.types[i]);
    if (!type.getElementType().isSignlessInteger(32))
      return error(side, i)
             << " is of strings and " << type << ", expected codes of i32";
  }
  return success();
}

LogicalResult SignatureVerifier::sums(size_t dimCount) {
  Attribute attribute = main->getAttr(extentSums);
  if (!attribute)
    return success();
  auto sums = dyn_cast<DictionaryAttr>(attribute);
  if (!sums)
    return main.emitError() << "lazy.extents is " << attribute
                            << ", expected a dictionary of sums";
  for (NamedAttribute entry : sums) {
    auto sum = dyn_cast<ArrayAttr>(entry.getValue());
    if (!sum || !llvm::all_of(sum, [](Attribute product) {
          auto list = dyn_cast<DenseI64ArrayAttr>(product);
          return list && !list.empty();
        }))
      return main.emitError()
             << "lazy.extents: " << entry.getName().getValue() << " is "
             << entry.getValue() << ", expected a list of products";
    for (auto product : sum.getAsRange<DenseI64ArrayAttr>())
      for (int64_t position : product.asArrayRef().drop_front())
        if (position < 0 || uint64_t(position) >= dimCount)
          return main.emitError()
                 << "lazy.extents: " << entry.getName().getValue()
                 << " has the dim " << position << " of " << dimCount;
    known.insert(entry.getName().getValue());
  }
  if (dimCount == 0 && !sums.empty())
    return main.emitError("lazy.extents is there, but no dim");
  return success();
}

LogicalResult SignatureVerifier::symbols(Operation *op) {
  for (Type type : op->getResultTypes()) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor || !hasBoundedShape(tensor))
      continue;
    SmallVector<int64_t> bounds = boundedShape(tensor);
    for (int64_t axis = 0; axis < tensor.getRank(); ++axis) {
      StringAttr symbol = symbolOf(tensor, axis);
      if (!symbol)
        continue;
      auto held = given.find(symbol);
      if (held == given.end())
        return op->emitOpError("has the symbolic extent ")
               << symbol.getValue()
               << ", which no argument and no result of main has";
      if (held->second != bounds[axis])
        return op->emitOpError("has the symbolic extent ")
               << symbol.getValue() << " up to " << bounds[axis]
               << ", elsewhere up to " << held->second;
    }
  }
  return success();
}

LogicalResult SignatureVerifier::names(Operation *op, StringRef attribute) {
  Attribute given = op->getAttr(attribute);
  if (!given)
    return success();
  auto list = dyn_cast<ArrayAttr>(given);
  if (!list || !llvm::all_of(list, llvm::IsaPred<StringAttr>))
    return op->emitOpError()
           << attribute << " is " << given << ", expected a list of names";
  for (auto name : list.getAsRange<StringAttr>())
    if (!name.empty() && !known.contains(name))
      return op->emitOpError() << attribute << " has the extent "
                               << name.getValue() << ", which main has not";
  return success();
}

LogicalResult SignatureVerifier::run() {
  Side arguments{"argument", main.getArgumentTypes(),
                 [this](unsigned i) { return main.getArgAttrDict(i); }};
  Side results{"result", main.getResultTypes(),
               [this](unsigned i) { return main.getResultAttrDict(i); }};
  if (failed(strings(arguments)) || failed(strings(results)) ||
      failed(dims(arguments, given)))
    return failure();
  size_t dimCount = given.size();
  for (unsigned i = 0; i < arguments.types.size(); ++i)
    if (failed(shape(arguments, i)))
      return failure();
  noteSymbols(arguments);
  for (const auto &dim : given)
    known.insert(dim.getKey());
  if (failed(sums(dimCount)) || failed(dims(results, counted)))
    return failure();
  for (unsigned i = 0; i < results.types.size(); ++i)
    if (failed(shape(results, i)))
      return failure();
  noteSymbols(results);
  WalkResult walked = main->getParentOp()->walk([&](Operation *op) {
    return failed(symbols(op)) || failed(names(op, openExtents)) ||
                   failed(names(op, openDims))
               ? WalkResult::interrupt()
               : WalkResult::advance();
  });
  return failure(walked.wasInterrupted());
}

LogicalResult verifySignature(func::FuncOp main) {
  return SignatureVerifier(main).run();
}

} // namespace nacre::lazy
