//===- TfIdf.cpp - counting n-grams ---------------------------------------===//
//
// Every window of an input row is compared with every n-gram of the pool. With
// a skip of s the elements of a window are s + 1 apart.
//
//===----------------------------------------------------------------------===//
#include "../Node.h"
#include "../OpTable.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::CmpKind;
using lazy::ReduceKind;

namespace {

/// How often each of the n-grams [count, length] stands in the rows of x
/// [rows, columns]; f32 [rows, count].
Value countGrams(Node &n, Value x, Value grams, int64_t skips) {
  int64_t rows = Node::shape(x)[0], columns = Node::shape(x)[1];
  int64_t count = Node::shape(grams)[0], length = Node::shape(grams)[1];
  Value total = n.build.splat(n.type(DType::F32), 0, {rows, count});
  // A skip inside of one element is none.
  for (int64_t apart = 1; apart <= (length == 1 ? 1 : skips + 1); ++apart) {
    int64_t windows = columns - (length - 1) * apart;
    if (windows < 1)
      break;
    Value all;
    for (int64_t k = 0; k < length; ++k) {
      Value element =
          n.reshape(n.sliceAxis(x, 1, k * apart, windows), {rows, windows, 1});
      Value wanted = n.reshape(n.sliceAxis(grams, 1, k, 1), {count});
      Value hit = n.cmp(CmpKind::eq, element, wanted);
      all = all ? n.build.binary<lazy::AndOp>(all, hit) : hit;
    }
    Value hits = n.build.reduce(ReduceKind::add,
                                n.build.cast(all, n.type(DType::F32)), {1});
    total = n.binary<lazy::AddOp>(total, hits);
  }
  return total;
}

int64_t lengthAttr(Node &n, llvm::StringRef name, int64_t least) {
  if (!n.attribute(name))
    block("E_ATTR: no " + name);
  int64_t value = n.intAttr(name, 0);
  if (value < least || value > 4096)
    block("E_ATTR: " + name + " is " + Twine(value) + ", must be in [" +
          Twine(least) + ",4096]");
  return value;
}

/// A list attribute of any length.
llvm::ArrayRef<int64_t> listAttr(Node &n, llvm::StringRef name) {
  const onnx::AttributeProto *a = n.attribute(name);
  return a ? llvm::ArrayRef<int64_t>(a->ints().data(), a->ints_size())
           : llvm::ArrayRef<int64_t>();
}

void tfIdf(Node &n) {
  int64_t least = lengthAttr(n, "min_gram_length", 1);
  int64_t most = lengthAttr(n, "max_gram_length", least);
  int64_t skips = lengthAttr(n, "max_skip_count", 0);
  std::string mode = n.stringAttr("mode", "");
  if (mode != "TF" && mode != "IDF" && mode != "TFIDF")
    block("E_ATTR: unknown mode " + quoted(mode));

  // Elements and pool: numbers as i64, or codes of strings.
  Value x, pool;
  if (!n.datum(0).isTensor()) {
    const onnx::AttributeProto *a = n.attribute("pool_strings");
    if (!a)
      block("E_ATTR: no pool_strings");
    StringTensor words{{a->strings_size()},
                       {a->strings().begin(), a->strings().end()}};
    x = n.codes(0);
    n.needStatic(x);
    pool = n.codesOf(words);
  } else {
    x = n.in(0);
    n.needStatic(x);
    if (Node::dtype(x) != DType::I32 && Node::dtype(x) != DType::I64)
      block("is not supported on " + Twine(dtypeName(Node::dtype(x))));
    x = n.build.cast(x, n.type(DType::I64));
    llvm::ArrayRef<int64_t> numbers = listAttr(n, "pool_int64s");
    pool = n.constantOf(
        Tensor::of<int64_t>(DType::I64, {int64_t(numbers.size())}, numbers));
  }
  bool row = Node::rank(x) < 2;
  if (Node::rank(x) > 2)
    block("E_SHAPE: input of shape " + shapeText(Node::shape(x)) +
          " is neither [C] nor [N,C]");
  if (row)
    x = n.reshape(x, {1, lazy::tensorType(x).getNumElements()});

  // The pool has the n-grams of length 1 first, from starts[0] on.
  llvm::ArrayRef<int64_t> starts = listAttr(n, "ngram_counts");
  llvm::ArrayRef<int64_t> columns = listAttr(n, "ngram_indexes");
  int64_t size = Node::shape(pool)[0], grams = 0;
  llvm::SmallVector<Value> counts;
  Ints places;
  for (auto [i, start] : llvm::enumerate(starts)) {
    int64_t end = i + 1 < starts.size() ? starts[i + 1] : size;
    int64_t length = i + 1, count = (end - start) / length;
    if (start < 0 || start > end || end > size || (end - start) % length != 0)
      block("E_ATTR: ngram_counts " + shapeText(starts) +
            " do not divide a pool of " + Twine(size) + " elements");
    if (grams + count > int64_t(columns.size()))
      block("E_ATTR: ngram_indexes has " + Twine(columns.size()) +
            " values for more n-grams");
    if (count && length >= least && length <= most) {
      Value part =
          n.reshape(n.sliceAxis(pool, 0, start, end - start), {count, length});
      counts.push_back(countGrams(n, x, part, skips));
      llvm::append_range(places, columns.slice(grams, count));
    }
    grams += count;
  }
  int64_t width = 0;
  for (int64_t column : columns) {
    if (column < 0)
      block("E_ATTR: ngram_indexes has " + Twine(column));
    width = std::max(width, addChecked(column, 1));
  }
  Ints shape{Node::shape(x)[0], width};
  n.needShape(shape);
  Value y = n.build.splat(n.type(DType::F32), 0, shape);
  if (!counts.empty())
    y = n.build.scatter(n.concat(counts, 1), n.ints(places), 1, width);
  if (mode == "IDF")
    y = n.build.cast(n.cmp(CmpKind::gt, y, n.build.splatLike(y, 0)),
                     n.type(DType::F32));
  const onnx::AttributeProto *weights = n.attribute("weights");
  if (weights && mode != "TF") {
    if (weights->floats_size() != int64_t(columns.size()))
      block("E_ATTR: " + Twine(weights->floats_size()) + " weights for " +
            Twine(columns.size()) + " n-grams");
    // Of n-grams, in order of the pool.
    Tensor table = n.newTensor(DType::F32, {width});
    for (auto [i, column] : llvm::enumerate(columns))
      table.data<float>()[column] = weights->floats(i);
    y = n.binary<lazy::MulOp>(y, n.constantOf(table));
  }
  n.set(0, row ? n.reshape(y, {width}) : y);
}

} // namespace

void onnx_frontend::addTfIdfOps(OpTable &t) { t["TfIdfVectorizer"] = tfIdf; }
