//===- BuiltinsProduct.cpp - matmul and einsum ----------------------------===//
//
// Both are contractions: an operand's axes get letters, equal letters are one
// dimension. An operand that is a window is read through its map, so that a
// convolution is one contraction of the image and the weight.
//
//===----------------------------------------------------------------------===//
#include "Builtins.h"

using namespace nacre;
using namespace nacre::graph_frontend;
using llvm::StringRef;
using llvm::Twine;
using mlir::AffineExpr;

namespace {

struct Operand {
  mlir::Value value;
  llvm::SmallVector<AffineExpr> exprs;
};

void readThroughWindow(Operand &operand) {
  auto window = operand.value.getDefiningOp<lazy::WindowOp>();
  if (!window)
    return;
  int64_t rank = lazy::tensorType(window.getX()).getRank();
  auto exprs = operand.exprs;
  operand.exprs.resize(rank);
  for (auto [k, axis] : llvm::enumerate(window.getAxes()))
    operand.exprs[axis] = exprs[axis] * window.getStrides()[k] +
                          exprs[rank + k] * window.getDilations()[k];
  operand.value = window.getX();
}

mlir::Value contract(lazy::Build build, Operand a, Operand b,
                     llvm::ArrayRef<AffineExpr> result, unsigned dims,
                     llvm::ArrayRef<int64_t> extents) {
  mlir::MLIRContext *context = build.b.getContext();
  auto map = [&](llvm::ArrayRef<AffineExpr> exprs) {
    return mlir::AffineMap::get(dims, 0, exprs, context);
  };
  // A window is read through where every dimension still stands alone in a
  // map, which gives its extent.
  for (Operand *operand : {&a, &b}) {
    Operand through = *operand;
    readThroughWindow(through);
    const Operand &other = operand == &a ? b : a;
    llvm::SmallBitVector alone(dims);
    for (llvm::ArrayRef<AffineExpr> exprs :
         {llvm::ArrayRef<AffineExpr>(through.exprs),
          llvm::ArrayRef<AffineExpr>(other.exprs), result})
      for (AffineExpr e : exprs)
        if (auto d = mlir::dyn_cast<mlir::AffineDimExpr>(e))
          alone.set(d.getPosition());
    if (alone.all())
      *operand = through;
  }
  llvm::SmallVector<int64_t> shape;
  for (AffineExpr e : result)
    shape.push_back(extents[mlir::cast<mlir::AffineDimExpr>(e).getPosition()]);
  auto type = lazy::tensorType(a.value);
  mlir::RankedTensorType made =
      mlir::RankedTensorType::get(shape, type.getElementType());
  if (llvm::is_contained(shape, mlir::ShapedType::kDynamic))
    made = lazy::withShape(
        type.hasStaticShape() ? lazy::tensorType(b.value) : type, shape);
  return lazy::ContractOp::create(
      build.b, build.loc, made, a.value, b.value,
      build.b.getAffineMapArrayAttr({map(a.exprs), map(b.exprs), map(result)}));
}

/// Extents of an iteration space as operands name them.
struct Space {
  mlir::MLIRContext *context;
  std::string letters;
  llvm::SmallVector<int64_t> extents;

  AffineExpr dim(char letter) {
    size_t at = letters.find(letter);
    return mlir::getAffineDimExpr(at, context);
  }
};

Datum einsum(BuiltinCall &c) {
  std::string text = c.string(0);
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  auto [inputs, output] = StringRef(text).split("->");
  llvm::SmallVector<StringRef> terms;
  inputs.split(terms, ',');
  unsigned count = c.has(2) ? 2 : 1;
  if (!StringRef(text).contains("->") || terms.size() != count)
    c.fail("expected letters as \"" +
           Twine(count == 2 ? "ij,jk->ik" : "ij->ji") + "\", got " +
           quote(text));
  Space space{&c.evaluator.context, "", {}};
  Operand operands[2];
  mlir::Type element;
  for (unsigned i = 0; i < count; ++i) {
    mlir::Value x = operands[i].value = c.tensor(i + 1);
    auto type = lazy::tensorType(x);
    if (type.getRank() != int64_t(terms[i].size()))
      c.fail("the letters " + quote(terms[i]) + " are for " +
             Twine(terms[i].size()) + " axes, the tensor is " + describe(type));
    if (element && element != type.getElementType())
      c.fail("the tensors have two types, " +
             Twine(lazy::elementName(element)) + " and " +
             lazy::elementName(type.getElementType()));
    element = type.getElementType();
    for (auto [axis, letter] : llvm::enumerate(terms[i])) {
      if (!llvm::isAlpha(letter))
        c.fail("expected letters, got " + quote(terms[i]));
      if (terms[i].count(letter) > 1)
        c.fail("the letter " + quote(StringRef(&letter, 1)) + " is twice in " +
               quote(terms[i]));
      size_t at = space.letters.find(letter);
      int64_t extent = type.getDimSize(axis);
      if (at == std::string::npos) {
        space.letters += letter;
        space.extents.push_back(extent);
      } else if (space.extents[at] != extent) {
        c.fail("the letter " + quote(StringRef(&letter, 1)) + " is " +
               Twine(space.extents[at]) + " and " + Twine(extent));
      }
    }
  }
  for (char letter : output)
    if (space.letters.find(letter) == std::string::npos ||
        output.count(letter) > 1)
      c.fail("the letter " + quote(StringRef(&letter, 1)) +
             " of the result is " +
             (output.count(letter) > 1 ? "there twice" : "in no tensor"));
  llvm::SmallVector<int64_t> shape;
  for (char letter : output) {
    shape.push_back(space.extents[space.letters.find(letter)]);
    if (shape.size() > 1 && mlir::ShapedType::isDynamic(shape.back()))
      c.fail("an open extent must be the leading one of the result");
  }
  c.checkSize(shape, element);
  for (auto [letter, extent] : llvm::zip(space.letters, space.extents))
    if (mlir::ShapedType::isDynamic(extent) && !output.contains(letter))
      c.fail("sums over an open extent; bind it with --dim NAME=VALUE");
  lazy::Build b = c.build();
  if (count == 1) {
    llvm::SmallVector<int64_t> summed, perm;
    std::string kept;
    for (auto [axis, letter] : llvm::enumerate(terms[0]))
      if (output.contains(letter))
        kept += letter;
      else
        summed.push_back(axis);
    for (char letter : output)
      perm.push_back(kept.find(letter));
    return c.done(b.permute(
        b.reduce(lazy::ReduceKind::add, operands[0].value, summed), perm));
  }
  for (unsigned i = 0; i < 2; ++i)
    for (char letter : terms[i])
      operands[i].exprs.push_back(space.dim(letter));
  llvm::SmallVector<AffineExpr> result;
  for (char letter : output)
    result.push_back(space.dim(letter));
  return c.done(contract(b, operands[0], operands[1], result,
                         space.letters.size(), space.extents));
}

} // namespace

mlir::Value graph_frontend::matmul(Evaluator &evaluator, mlir::Value a,
                                   mlir::Value b, Position at) {
  auto aType = lazy::tensorType(a), bType = lazy::tensorType(b);
  auto mismatch = [&](const Twine &why) {
    reject(at, "'@' of " + describe(aType) + " and " + describe(bType) + ": " +
                   why);
  };
  if (aType.getRank() == 0 || bType.getRank() == 0)
    mismatch("a scalar has no rows or columns; use '*'");
  llvm::ArrayRef<int64_t> as = aType.getShape(), bs = bType.getShape();
  int64_t inner = bs.size() == 1 ? bs[0] : bs[bs.size() - 2];
  if (as.back() != inner)
    mismatch("the last extent of the left must be the " +
             Twine(bs.size() == 1 ? "only" : "last but one") + " of the right");
  if (mlir::ShapedType::isDynamic(inner))
    mismatch("sums over an open extent; bind it with --dim NAME=VALUE");
  int64_t aBatch = std::max<int64_t>(as.size() - 2, 0);
  int64_t bBatch = std::max<int64_t>(bs.size() - 2, 0);
  if (!lazy::broadcastShapes(as.take_front(aBatch), bs.take_front(bBatch)))
    mismatch("the leading extents do not broadcast");
  mlir::MLIRContext *context = &evaluator.context;
  llvm::SmallVector<int64_t> extents;
  auto dim = [&](int64_t extent) {
    extents.push_back(extent);
    return mlir::getAffineDimExpr(extents.size() - 1, context);
  };
  Operand x{a, {}}, y{b, {}};
  llvm::SmallVector<AffineExpr> result;
  int64_t batch = std::max(aBatch, bBatch);
  AffineExpr zero = mlir::getAffineConstantExpr(0, context);
  for (int64_t i = 0; i < batch; ++i) {
    int64_t ai = i - (batch - aBatch), bi = i - (batch - bBatch);
    int64_t ax = ai >= 0 ? as[ai] : 1, bx = bi >= 0 ? bs[bi] : 1;
    AffineExpr d = dim(ax == 1 ? bx : ax);
    if (ai >= 0)
      x.exprs.push_back(ax == 1 && bx != 1 ? zero : d);
    if (bi >= 0)
      y.exprs.push_back(bx == 1 && ax != 1 ? zero : d);
    result.push_back(d);
  }
  if (as.size() > 1) {
    x.exprs.push_back(dim(as[as.size() - 2]));
    result.push_back(x.exprs.back());
  }
  AffineExpr column;
  if (bs.size() > 1)
    result.push_back(column = dim(bs.back()));
  AffineExpr k = dim(inner);
  x.exprs.push_back(k);
  y.exprs.push_back(k);
  if (column)
    y.exprs.push_back(column);
  if (!elementCount(withoutOpen(extents)))
    mismatch("too many products");
  for (auto [i, e] : llvm::enumerate(result))
    if (i > 0 && mlir::ShapedType::isDynamic(
                     extents[mlir::cast<mlir::AffineDimExpr>(e).getPosition()]))
      mismatch("an open extent must be the leading one of the result");
  if (result.size() > size_t(lazy::maxRank))
    mismatch("too many axes");
  return contract(evaluator.build(at), x, y, result, extents.size(), extents);
}

void graph_frontend::addProducts(std::vector<Builtin> &t) {
  t.push_back({"einsum", "letters a b?", einsum});
}
