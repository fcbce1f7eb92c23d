//===- Einsum.cpp - sums of products by labels ----------------------------===//
//
// Operands are combined from the left, two at a time, each pair by one
// contraction (or by a product, when nothing is summed). A label that neither
// the result nor a later operand has is summed as soon as it can be.
//
//===----------------------------------------------------------------------===//
#include "Einsum.h"
#include "../OpTable.h"
#include "llvm/ADT/SetVector.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::ReduceKind;

namespace {

struct Term {
  Labels labels;
  Value value;
};

/// The elements of x whose indices on axes `a` < `b` are equal, at axis `a`.
/// [n,n] rows end to end have them n + 1 apart: a view.
Value diagonal(Node &n, Value x, int64_t a, int64_t b) {
  int64_t rank = Node::rank(x), extent = Node::shape(x)[a];
  Ints order, low(rank - 1, 0), high(rank - 1, 0), shape;
  for (int64_t i = 0; i < rank; ++i)
    if (i != a && i != b)
      order.push_back(i);
  for (int64_t i : order)
    shape.push_back(Node::shape(x)[i]);
  order.append({a, b});
  Ints flat(shape), apart(shape);
  flat.push_back(mulChecked(extent, extent));
  apart.append({extent, extent + 1});
  high.back() = extent;
  x = n.reshape(n.build.permute(x, order), flat);
  x = n.reshape(n.pad(x, low, high, 0), apart);
  x = n.sliceAxis(x, rank - 1, 0, 1);
  shape.push_back(extent);
  x = n.reshape(x, shape);
  Ints back;
  for (int64_t i = 0; i + 1 < rank; ++i)
    back.push_back(i < a ? i : i == a ? rank - 2 : i - 1);
  return n.build.permute(x, back);
}

void takeDiagonals(Node &n, Term &t) {
  for (size_t a = 0; a < t.labels.size(); ++a)
    for (size_t b = t.labels.size(); --b > a;)
      if (t.labels[a] == t.labels[b]) {
        n.needStatic(t.value);
        t.value = diagonal(n, t.value, a, b);
        t.labels.erase(t.labels.begin() + b);
      }
}

/// Sums t over the labels that `needed` does not have.
void sumOut(Node &n, Term &t, llvm::function_ref<bool(int)> needed) {
  Ints axes;
  Labels kept;
  for (auto [i, label] : llvm::enumerate(t.labels))
    if (needed(label))
      kept.push_back(label);
    else
      axes.push_back(i);
  t.value = n.build.reduce(ReduceKind::add, t.value, axes);
  t.labels = kept;
}

/// t with its axes in the order of `labels`, 1 where it lacks one.
Value aligned(Node &n, const Term &t, const Labels &labels) {
  Ints order, shape;
  for (int label : labels) {
    auto *at = llvm::find(t.labels, label);
    if (at == t.labels.end()) {
      shape.push_back(1);
      continue;
    }
    order.push_back(at - t.labels.begin());
    shape.push_back(Node::shape(t.value)[order.back()]);
  }
  if (!llvm::is_sorted(order) && order.front() != 0)
    n.needStatic(t.value);
  return n.reshape(n.build.permute(t.value, order), shape);
}

Term combine(Node &n, Term x, Term y, llvm::function_ref<bool(int)> needed) {
  n.needSameElement(x.value, y.value);
  auto has = [](const Term &t, int label) {
    return llvm::is_contained(t.labels, label);
  };
  sumOut(n, x, [&](int l) { return needed(l) || has(y, l); });
  sumOut(n, y, [&](int l) { return needed(l) || has(x, l); });
  Labels all, result;
  for (const Term *t : {&x, &y})
    for (int label : t->labels)
      if (!llvm::is_contained(all, label)) {
        all.push_back(label);
        if (needed(label))
          result.push_back(label);
      }
  if (all.size() == result.size())
    return {all, n.binary<lazy::MulOp>(aligned(n, x, all), aligned(n, y, all))};
  mlir::MLIRContext *context = n.importer.builder.getContext();
  auto map = [&](const Labels &labels) {
    llvm::SmallVector<mlir::AffineExpr> dims;
    for (int label : labels)
      dims.push_back(mlir::getAffineDimExpr(
          llvm::find(all, label) - all.begin(), context));
    return mlir::AffineMap::get(all.size(), 0, dims, context);
  };
  return {result, n.build.contract(x.value, y.value, map(x.labels),
                                   map(y.labels), map(result))};
}

/// Axes of extent 1 that broadcast against a longer one of their label go.
void dropBroadcast(Node &n, llvm::MutableArrayRef<Term> terms) {
  llvm::DenseMap<int, int64_t> extents;
  for (const Term &t : terms)
    for (auto [i, label] : llvm::enumerate(t.labels)) {
      int64_t extent = Node::shape(t.value)[i];
      int64_t &known = extents.try_emplace(label, extent).first->second;
      if (known != extent && known != 1 && extent != 1)
        block("E_SHAPE: operands of shapes " +
              shapeText(Node::shape(terms.front().value)) + " and " +
              shapeText(Node::shape(t.value)) + " have extents " +
              Twine(known) + " and " + Twine(extent) + " for one label");
      known = known == 1 ? extent : known;
    }
  for (Term &t : terms) {
    Ints shape;
    Labels kept;
    for (auto [i, label] : llvm::enumerate(t.labels))
      if (Node::shape(t.value)[i] == extents[label]) {
        shape.push_back(extents[label]);
        kept.push_back(label);
      }
    t.value = n.reshape(t.value, shape);
    t.labels = kept;
  }
}

} // namespace

Value onnx_frontend::einsum(Node &n, llvm::ArrayRef<Labels> terms,
                            const Labels &result,
                            llvm::ArrayRef<Value> operands) {
  llvm::SmallVector<Term> left;
  for (auto [labels, value] : llvm::zip_equal(terms, operands)) {
    left.push_back({labels, value});
    takeDiagonals(n, left.back());
  }
  dropBroadcast(n, left);
  Term product = left.front();
  for (size_t i = 1; i < left.size(); ++i)
    product = combine(n, product, left[i], [&](int label) {
      auto later = llvm::ArrayRef(left).drop_front(i + 1);
      return llvm::is_contained(result, label) ||
             llvm::any_of(later, [&](const Term &t) {
               return llvm::is_contained(t.labels, label);
             });
    });
  sumOut(n, product, [&](int l) { return llvm::is_contained(result, l); });
  return aligned(n, product, result);
}

Value onnx_frontend::einsum(Node &n, llvm::StringRef equation,
                            llvm::ArrayRef<Value> operands) {
  auto [left, right] = equation.split("->");
  llvm::SmallVector<llvm::StringRef> parts;
  left.split(parts, ',');
  llvm::SmallVector<Labels> terms;
  for (llvm::StringRef part : parts)
    terms.emplace_back(part.begin(), part.end());
  return einsum(n, terms, Labels(right.begin(), right.end()), operands);
}

namespace {

/// The labels of one term of an equation; an ellipsis becomes the labels
/// `wide` - count .. `wide` - 1, so that those of all terms end together.
Labels readTerm(llvm::StringRef text, int64_t rank, int wide) {
  size_t dots = text.find("...");
  auto letters = [&](llvm::StringRef part) {
    Labels labels;
    for (char c : part) {
      if (!llvm::isAlpha(c))
        block("E_ATTR: equation has " + quoted(llvm::StringRef(&c, 1)) +
              " where a letter is expected");
      labels.push_back(c);
    }
    return labels;
  };
  if (dots == llvm::StringRef::npos) {
    Labels labels = letters(text);
    if (int64_t(labels.size()) != rank)
      block("E_ATTR: equation has " + Twine(labels.size()) + " labels in " +
            quoted(text) + " for an input of rank " + Twine(rank));
    return labels;
  }
  Labels labels = letters(text.take_front(dots));
  Labels after = letters(text.drop_front(dots + 3));
  int64_t count = rank - int64_t(labels.size() + after.size());
  if (count < 0)
    block("E_ATTR: equation has " + Twine(labels.size() + after.size()) +
          " labels in " + quoted(text) + " for an input of rank " +
          Twine(rank));
  for (int64_t i = count; i > 0; --i)
    labels.push_back(wide - int(i));
  labels.append(after);
  return labels;
}

void einsumOp(Node &n) {
  std::string equation = n.stringAttr("equation", "");
  llvm::erase(equation, ' ');
  auto [left, right] = llvm::StringRef(equation).split("->");
  bool explicitResult = llvm::StringRef(equation).contains("->");
  llvm::SmallVector<llvm::StringRef> parts;
  left.split(parts, ',');
  if (int(parts.size()) != n.inputCount())
    block("E_ATTR: equation " + quoted(equation) + " has " +
          Twine(parts.size()) + " terms for " + Twine(n.inputCount()) +
          " inputs");
  // Letters are below 256; the axes of an ellipsis come after them.
  constexpr int wide = 256 + kMaxRank;
  llvm::SmallVector<Labels> terms;
  llvm::SmallVector<Value> operands;
  int64_t most = 0;
  for (int i = 0; i < n.inputCount(); ++i) {
    operands.push_back(n.in(i));
    terms.push_back(readTerm(parts[i], Node::rank(operands.back()), wide));
    most = std::max<int64_t>(most, llvm::count_if(terms.back(), [](int label) {
                               return label >= 256;
                             }));
  }
  Labels result;
  if (explicitResult) {
    size_t letters = right.size() - (right.contains("...") ? 3 : 0);
    result =
        readTerm(right, right.contains("...") ? letters + most : letters, wide);
  } else { // The ellipsis, then what stands once, by the alphabet.
    for (int64_t i = most; i > 0; --i)
      result.push_back(wide - int(i));
    for (int label = 0; label < 256; ++label) {
      int64_t times = 0;
      for (const Labels &t : terms)
        times += llvm::count(t, label);
      if (times == 1)
        result.push_back(label);
    }
  }
  for (auto [i, label] : llvm::enumerate(result)) {
    bool given = llvm::any_of(
        terms, [&](const Labels &t) { return llvm::is_contained(t, label); });
    if (!given ||
        llvm::is_contained(llvm::ArrayRef(result).take_front(i), label))
      block("E_ATTR: label " +
            quoted(label < 256 ? std::string(1, char(label)) : "...") +
            " of the result of equation " + quoted(equation) +
            (given ? " stands twice" : " is in no term"));
  }
  n.set(0, einsum(n, terms, result, operands));
}

} // namespace

void onnx_frontend::addEinsumOps(OpTable &t) {
  t["Einsum"] = bounded(einsumOp);
}
