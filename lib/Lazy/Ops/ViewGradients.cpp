//===- ViewGradients.cpp - the transposes of views ------------------------===//
//
// A view reads each element of its source some number of times; its gradient
// adds up what was read. Where that number is at most one, the transpose is
// made of views alone. Windows that overlap are a sum with one term for each
// place within the window, all of them views, which fuses into one kernel
// without a scatter.
//
//===----------------------------------------------------------------------===//
#include "Unslice.h"
#include <numeric>

using namespace mlir;
namespace nacre::lazy {

/// Above so many places within a window, axes are summed one after another.
static constexpr int64_t maxTerms = 32;

Value unslice(Build &build, Value x, ArrayRef<int64_t> starts,
              ArrayRef<int64_t> steps, ArrayRef<int64_t> shape) {
  auto from = tensorType(x).getShape();
  // Steps: [n] -> [n, 1], padded to [n, step], read as [n * step].
  SmallVector<int64_t> apart, high, extents(from);
  for (auto [axis, n] : llvm::enumerate(from)) {
    apart.push_back(n);
    high.push_back(0);
    if (steps[axis] == 1)
      continue;
    apart.push_back(1);
    high.push_back(steps[axis] - 1);
    extents[axis] = n * steps[axis];
  }
  if (apart.size() > from.size()) {
    SmallVector<int64_t> none(apart.size(), 0);
    x = build.reshape(x, apart);
    x = build.reshape(build.pad(x, none, high, 0), extents);
  }
  SmallVector<int64_t> zeros(from.size(), 0), after(from.size(), 0);
  for (auto [axis, n] : llvm::enumerate(extents)) {
    if (ShapedType::isDynamic(n))
      continue;
    n = std::min(n, shape[axis] - starts[axis]);
    after[axis] = shape[axis] - starts[axis] - n;
  }
  return build.pad(build.slice(x, zeros, extents), starts, after, 0);
}

/// Makes one term of those of `read` whose elements never meet, from the
/// smallest on. The terms' axes follow each other in x, coefficients fall.
static Value mergeDisjoint(Build &build, Value x, ReadAxis &read,
                           SmallVectorImpl<ReadAxis> &all) {
  auto &terms = read.terms;
  while (terms.size() > 1) {
    auto inner = terms.pop_back_val(), outer = terms.pop_back_val();
    SmallVector<int64_t> shape(tensorType(x).getShape());
    int64_t divisor = std::gcd(inner.coefficient, outer.coefficient);
    if (inner.coefficient * (shape[inner.axis] - 1) >= outer.coefficient) {
      terms.append({outer, inner});
      return x;
    }
    SmallVector<int64_t> starts(shape.size(), 0), steps(shape.size(), 1);
    steps[inner.axis] = inner.coefficient / divisor;
    shape[inner.axis] = outer.coefficient / divisor;
    x = unslice(build, x, starts, steps, shape);
    shape[outer.axis] *= shape[inner.axis];
    shape.erase(shape.begin() + inner.axis);
    x = build.reshape(x, shape);
    for (ReadAxis &other : all)
      for (auto &term : other.terms)
        term.axis -= term.axis > inner.axis;
    terms.push_back({outer.axis, divisor});
  }
  return x;
}

/// Adds up axis number `which` of `all`, or all of them, along every term but
/// the longest of each, one summand for each point.
static Value addOverlaps(Build &build, Value x, SmallVectorImpl<ReadAxis> &all,
                         std::optional<size_t> which) {
  auto from = tensorType(x).getShape();
  SmallVector<int64_t> counts(from.size(), 1), sizes(from), rest, steps, shape;
  for (auto [k, read] : llvm::enumerate(all)) {
    auto longest = llvm::max_element(read.terms, [&](auto &l, auto &r) {
      return from[l.axis] < from[r.axis];
    });
    bool chosen = !which || *which == k;
    for (auto &term : read.terms)
      if (chosen && &term != longest) {
        counts[term.axis] = from[term.axis];
        sizes[term.axis] = 1;
      } else {
        rest.push_back(from[term.axis]);
        steps.push_back(chosen ? term.coefficient : 1);
        shape.push_back(chosen ? read.extent : from[term.axis]);
      }
  }
  SmallVector<int64_t> point(from.size(), 0);
  Value sum;
  for (bool more = true; more;) {
    SmallVector<int64_t> at;
    for (auto [k, read] : llvm::enumerate(all)) {
      int64_t start = read.offset;
      for (auto &term : read.terms)
        start += point[term.axis] * term.coefficient;
      bool chosen = !which || *which == k;
      at.append(chosen ? 1 : read.terms.size(), chosen ? start : 0);
    }
    Value part = build.reshape(build.slice(x, point, sizes), rest);
    part = unslice(build, part, at, steps, shape);
    sum = sum ? build.binary<AddOp>(sum, part) : part;
    more = false;
    for (size_t axis = from.size(); axis-- > 0 && !more;) {
      more = ++point[axis] < counts[axis];
      point[axis] = more ? point[axis] : 0;
    }
  }
  int64_t next = 0;
  for (auto [k, read] : llvm::enumerate(all)) {
    if (!which || *which == k) {
      read.terms.assign({{0, 1}});
      read.offset = 0;
    }
    for (auto &term : read.terms)
      term.axis = next++;
  }
  return sum;
}

Value unread(Build &build, Value x, SmallVector<ReadAxis> axes) {
  auto from = tensorType(x);
  SmallVector<int64_t> backwards, order, shape;
  if (llvm::is_contained(from.getShape(), 0)) { // nothing was read
    for (ReadAxis &read : axes)
      shape.push_back(read.extent);
    return build.splat(from.getElementType(), 0, shape);
  }
  for (ReadAxis &read : axes) {
    for (auto &term : read.terms)
      if (term.coefficient < 0) {
        backwards.push_back(term.axis);
        read.offset += term.coefficient * (from.getDimSize(term.axis) - 1);
        term.coefficient = -term.coefficient;
      }
    llvm::stable_sort(read.terms, [](auto &l, auto &r) {
      return l.coefficient > r.coefficient;
    });
    for (auto &term : read.terms) {
      order.push_back(term.axis);
      term.axis = shape.size();
      shape.push_back(from.getDimSize(order.back()));
    }
    if (read.terms.empty()) { // always read at `offset`
      read.terms.push_back({int64_t(shape.size()), 1});
      shape.push_back(1);
    }
  }
  llvm::sort(backwards);
  x = build.permute(build.flip(x, backwards), order);
  x = build.reshape(x, shape);

  int64_t points = 1, overlapping = 0;
  for (ReadAxis &read : axes) {
    x = mergeDisjoint(build, x, read, axes);
    if (read.terms.size() == 1)
      continue;
    ++overlapping;
    int64_t longest = 0;
    for (auto &term : read.terms) {
      int64_t n = tensorType(x).getDimSize(term.axis);
      points *= n;
      longest = std::max(longest, n);
    }
    points /= std::max<int64_t>(longest, 1);
  }
  if (overlapping > 1 && points > maxTerms)
    for (size_t k = 0; k < axes.size(); ++k)
      if (axes[k].terms.size() > 1)
        x = addOverlaps(build, x, axes, k);
  return addOverlaps(build, x, axes, std::nullopt);
}

//===-- the rules ---------------------------------------------------------===//

Value ReshapeOp::gradient(Build &build, Value g, unsigned) {
  return build.reshape(g, tensorType(getX()).getShape());
}
Value PermuteOp::gradient(Build &build, Value g, unsigned) {
  SmallVector<int64_t> inverse(getPerm().size());
  for (auto [i, axis] : llvm::enumerate(getPerm()))
    inverse[axis] = i;
  return build.permute(g, inverse);
}
Value ExpandOp::gradient(Build &build, Value g, unsigned) {
  auto from = tensorType(getX());
  SmallVector<int64_t> repeated;
  for (int64_t i = 0; i < from.getRank(); ++i)
    if (from.getDimSize(i) != getType().getDimSize(i))
      repeated.push_back(i);
  return build.reduce(ReduceKind::add, g, repeated, true);
}
Value PadOp::gradient(Build &build, Value g, unsigned) {
  return build.slice(g, getLow(), tensorType(getX()).getShape());
}
Value SliceOp::gradient(Build &build, Value g, unsigned) {
  return unslice(build, g, getStarts(), getSteps(),
                 tensorType(getX()).getShape());
}
Value FlipOp::gradient(Build &build, Value g, unsigned) {
  return build.flip(g, getAxes());
}
Value WindowOp::gradient(Build &build, Value g, unsigned) {
  SmallVector<int64_t> extents;
  for (int64_t axis : getAxes())
    extents.push_back(tensorType(getX()).getDimSize(axis));
  return build.unwindow(g, getAxes(), extents, getStrides(), getDilations());
}

Value Build::unwindow(Value x, ArrayRef<int64_t> axes,
                      ArrayRef<int64_t> extents, ArrayRef<int64_t> strides,
                      ArrayRef<int64_t> dilations) {
  SmallVector<ReadAxis> read;
  for (auto [i, extent] :
       llvm::enumerate(tensorType(x).getShape().drop_back(axes.size())))
    read.push_back({{{int64_t(i), 1}}, 0, extent});
  for (auto [k, axis] : llvm::enumerate(axes)) {
    read[axis].terms = {{axis, strides[k]},
                        {int64_t(read.size() + k), dilations[k]}};
    read[axis].extent = extents[k];
  }
  return unread(*this, x, read);
}

} // namespace nacre::lazy
