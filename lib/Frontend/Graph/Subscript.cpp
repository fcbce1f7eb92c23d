//===- Subscript.cpp - x[1:3, ..., none, -1] ------------------------------===//
#include "Builtins.h"

using llvm::Twine;

namespace nacre::graph_frontend {

/// An index from the end, when negative, as one from the start.
static int64_t wrapped(int64_t index, int64_t extent) {
  return index < 0 ? index + extent : index;
}

static Datum itemOf(const Datum &base, const Expr &expr, Evaluator &evaluator,
                    Frame &frame) {
  const List &items = base.list();
  int64_t count = items.size();
  if (expr.parts.size() != 2)
    reject(expr.at, "a list takes one subscript");
  const Expr &part = *expr.parts[1];
  if (part.kind == Expr::Slice) {
    auto bound = [&](const ExprPtr &at, int64_t fallback) {
      if (!at)
        return fallback;
      int64_t given = integerOf(evaluator.evaluate(*at, frame), at->at,
                                "a bound of a slice");
      return std::clamp<int64_t>(
          wrapped(std::clamp(given, -count, count), count), 0, count);
    };
    if (part.parts[2])
      reject(part.at, "a slice of a list has no step");
    int64_t start = bound(part.parts[0], 0), end = bound(part.parts[1], count);
    List cut;
    for (int64_t i = start; i < end; ++i)
      cut.push_back(items[i]);
    return listOf(std::move(cut));
  }
  int64_t index =
      integerOf(evaluator.evaluate(part, frame), part.at, "a subscript");
  if (index < -count || index >= count)
    reject(part.at,
           "subscript " + Twine(index) + " of a list of " + Twine(count));
  return items[wrapped(index, count)];
}

Datum Evaluator::index(const Datum &base, const Expr &expr, Frame &frame) {
  if (base.isList())
    return itemOf(base, expr, *this, frame);
  if (!base.isTensor())
    problem(expr.at, describe(base) + " has no elements");
  mlir::Value x = usable(base, expr.at);
  auto type = lazy::tensorType(x);
  int64_t rank = type.getRank(), named = 0, rests = 0;
  std::vector<Datum> given(expr.parts.size(), Nothing{});
  std::vector<bool> isNew(expr.parts.size());
  for (size_t i = 1; i < expr.parts.size(); ++i) {
    const Expr &part = *expr.parts[i];
    rests += part.kind == Expr::Rest;
    if (part.kind != Expr::Slice && part.kind != Expr::Rest) {
      given[i] = evaluate(part, frame);
      isNew[i] = given[i].is<Nothing>();
      if (given[i].isTensor())
        problem(part.at, "a subscript must be known at compile time; "
                         "gather(x, index, axis) picks by a tensor");
    }
    named += part.kind != Expr::Rest && !isNew[i];
  }
  if (rests > 1)
    problem(expr.at, "'...' is there twice");
  if (named > rank)
    problem(expr.at, Twine(named) + " subscripts of " + describe(base));

  llvm::SmallVector<int64_t> starts(rank, 0), steps(rank, 1),
      sizes(type.getShape());
  llvm::SmallVector<int64_t> shape;
  int64_t axis = 0;
  auto keep = [&](int64_t count) {
    for (int64_t i = 0; i < count; ++i)
      shape.push_back(sizes[axis++]);
  };
  for (size_t i = 1; i < expr.parts.size(); ++i) {
    const Expr &part = *expr.parts[i];
    if (part.kind == Expr::Rest) {
      keep(rank - named);
      continue;
    }
    if (isNew[i]) {
      shape.push_back(1);
      continue;
    }
    bool whole = part.kind == Expr::Slice && !part.parts[0] && !part.parts[1] &&
                 !part.parts[2];
    if (whole) {
      keep(1);
      continue;
    }
    int64_t extent = sizes[axis];
    if (mlir::ShapedType::isDynamic(extent))
      problem(part.at, "the open extent " + quote(lazy::symbolOf(type, axis)) +
                           " cannot be cut; bind it with --dim " +
                           lazy::symbolOf(type, axis).getValue() + "=VALUE");
    if (part.kind != Expr::Slice) {
      int64_t at = integerOf(given[i], part.at, "a subscript");
      if (at < -extent || at >= extent)
        problem(part.at,
                "subscript " + Twine(at) + " of an axis of " + Twine(extent));
      starts[axis] = wrapped(at, extent);
      sizes[axis++] = 1;
      continue;
    }
    auto bound = [&](const ExprPtr &at, int64_t fallback) {
      if (!at)
        return fallback;
      int64_t value =
          integerOf(evaluate(*at, frame), at->at, "a bound of a slice");
      if (value < -extent || value > extent)
        problem(at->at,
                "bound " + Twine(value) + " of an axis of " + Twine(extent));
      return wrapped(value, extent);
    };
    int64_t start = bound(part.parts[0], 0), end = bound(part.parts[1], extent);
    int64_t step = 1;
    if (part.parts[2])
      step = integerOf(evaluate(*part.parts[2], frame), part.at,
                       "the step of a slice");
    if (step < 1)
      problem(part.at, "the step of a slice must be at least 1, got " +
                           Twine(step) + "; flip(x, axis) turns an axis round");
    if (end < start)
      problem(part.at, "the slice ends at " + Twine(end) +
                           ", before its start at " + Twine(start));
    starts[axis] = start;
    steps[axis] = step;
    sizes[axis] = (end - start) / step + ((end - start) % step != 0);
    keep(1);
  }
  keep(rank - axis);
  if (shape.size() > size_t(lazy::maxRank))
    problem(expr.at,
            "the result has more than " + Twine(lazy::maxRank) + " axes");
  if (llvm::is_contained(llvm::drop_begin(shape), mlir::ShapedType::kDynamic))
    problem(expr.at, "an open extent must stay the leading one");
  lazy::Build b = build(expr.at);
  return made(b.reshape(b.slice(x, starts, sizes, steps), shape), expr.at);
}

} // namespace nacre::graph_frontend
