//===- Strings.cpp - making and reading strings ---------------------------===//
//
// All strings are known when a model is imported, so these ops are done here
// and leave nothing but numbers in the program.
//
//===----------------------------------------------------------------------===//
#include "Strings.h"
#include "../OpTable.h"
#include "llvm/ADT/StringSet.h"
#include <charconv>
#include <climits>
#include <clocale>
#include <cmath>
#include <cwctype>
#include <re2/re2.h>

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

/// Attribute `name` as a list of strings, empty when absent.
std::vector<std::string> listAttr(Node &n, llvm::StringRef name) {
  const onnx::AttributeProto *a = n.attribute(name);
  if (!a)
    return {};
  return {a->strings().begin(), a->strings().end()};
}

void stringConcat(Node &n) {
  const StringTensor &a = n.strings(0), &b = n.strings(1);
  auto shape = lazy::broadcastShapes(a.shape, b.shape);
  if (!shape)
    block("E_SHAPE: shapes " + shapeText(a.shape) + " and " +
          shapeText(b.shape) + " do not broadcast");
  n.needShape(*shape);
  StringTensor y{{shape->begin(), shape->end()}, {}};
  // The element of `t` at each place of the result: axes of extent 1 stay.
  auto at = [&](const StringTensor &t, int64_t place) {
    int64_t index = 0, stride = 1, rank = shape->size();
    for (int64_t back = 1; back <= rank; ++back) {
      int64_t coordinate = place % (*shape)[rank - back];
      place /= (*shape)[rank - back];
      if (back > int64_t(t.shape.size()))
        continue;
      int64_t extent = t.shape[t.shape.size() - back];
      index += extent == 1 ? 0 : coordinate * stride;
      stride *= extent;
    }
    return t.values[index];
  };
  for (int64_t i = 0, count = *elementCount(*shape); i < count; ++i)
    y.values.push_back(at(a, i) + at(b, i));
  n.setDatum(0, Datum::strings(std::move(y)));
}

/// As Python's str.split: without a delimiter runs of white space divide, and
/// what is left after `most` parts stays together.
std::vector<std::string> split(llvm::StringRef text, llvm::StringRef delimiter,
                               int64_t most) {
  std::vector<std::string> parts;
  const char *blanks = " \t\n\v\f\r";
  if (delimiter.empty())
    text = text.ltrim(blanks);
  while (!(delimiter.empty() && text.empty())) {
    size_t end =
        delimiter.empty() ? text.find_first_of(blanks) : text.find(delimiter);
    if (end == llvm::StringRef::npos ||
        (most >= 0 && int64_t(parts.size()) == most)) {
      parts.push_back(text.str());
      break;
    }
    parts.push_back(text.take_front(end).str());
    text = text.drop_front(end + std::max<size_t>(delimiter.size(), 1));
    if (delimiter.empty())
      text = text.ltrim(blanks);
  }
  return parts;
}

void stringSplit(Node &n) {
  const StringTensor &x = n.strings(0);
  std::string delimiter = n.stringAttr("delimiter", "");
  int64_t most = n.intAttr("maxsplit", -1);
  std::vector<std::vector<std::string>> all;
  size_t width = 0;
  Tensor lengths = n.newTensor(DType::I64, x.shape);
  for (auto [i, text] : llvm::enumerate(x.values)) {
    all.push_back(split(text, delimiter, most));
    width = std::max(width, all.back().size());
    lengths.data<int64_t>()[i] = all.back().size();
  }
  StringTensor y{x.shape, {}};
  y.shape.push_back(width);
  n.needShape(y.shape);
  for (std::vector<std::string> &parts : all) {
    parts.resize(width);
    llvm::append_range(y.values, parts);
  }
  n.setDatum(0, Datum::strings(std::move(y)));
  n.set(1, n.constantOf(lengths));
}

void regexFullMatch(Node &n) {
  const StringTensor &x = n.strings(0);
  if (!n.attribute("pattern"))
    block("E_ATTR: no pattern");
  re2::RE2::Options options;
  options.set_log_errors(false);
  re2::RE2 pattern(n.stringAttr("pattern", ""), options);
  if (!pattern.ok())
    block("E_ATTR: pattern: " + quoted(pattern.error()));
  Tensor y = n.newTensor(DType::Bool, x.shape);
  for (auto [i, text] : llvm::enumerate(x.values))
    y.data<uint8_t>()[i] = re2::RE2::FullMatch(text, pattern);
  n.set(0, n.constantOf(y));
}

/// Every letter in the other case. The locale knows letters of all scripts.
std::string changeCase(const std::string &text, bool upper) {
  static const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  locale_t before = uselocale(utf8);
  std::string changed;
  std::mbstate_t from{}, to{};
  for (size_t i = 0; i < text.size();) {
    wchar_t letter = 0;
    size_t bytes = std::mbrtowc(&letter, &text[i], text.size() - i, &from);
    char out[MB_LEN_MAX];
    if (bytes == 0 || bytes > text.size() - i) { // not UTF-8: as it is
      changed += text[i++];
      from = {};
      continue;
    }
    letter = upper ? std::towupper(letter) : std::towlower(letter);
    changed.append(out, std::wcrtomb(out, letter, &to));
    i += bytes;
  }
  uselocale(before);
  return changed;
}

void stringNormalizer(Node &n) {
  const StringTensor &x = n.strings(0);
  bool row = x.shape.size() == 2 && x.shape[0] == 1;
  if (x.shape.size() != 1 && !row)
    block("E_SHAPE: input of shape " + shapeText(x.shape) +
          " is neither [C] nor [1,C]");
  std::string action = n.stringAttr("case_change_action", "NONE");
  if (action != "NONE" && action != "LOWER" && action != "UPPER")
    block("E_ATTR: unknown case_change_action " + quoted(action));
  bool sensitive = n.intAttr("is_case_sensitive", 0) != 0;
  auto key = [&](const std::string &text) {
    return sensitive ? text : changeCase(text, false);
  };
  llvm::StringSet<> stop;
  for (const std::string &word : listAttr(n, "stopwords"))
    stop.insert(key(word));
  StringTensor y;
  for (const std::string &text : x.values)
    if (!stop.contains(key(text)))
      y.values.push_back(
          action == "NONE" ? text : changeCase(text, action == "UPPER"));
  if (y.values.empty())
    y.values.push_back("");
  if (row)
    y.shape.push_back(1);
  y.shape.push_back(y.values.size());
  n.setDatum(0, Datum::strings(std::move(y)));
}

//===----------------------------------------------------------------------===//
// Cast
//===----------------------------------------------------------------------===//

/// The shortest text that reads back as the same number of its type.
std::string numberText(const Tensor &t, bool isFloat, int64_t i) {
  if (!isFloat)
    return t.dtype == DType::U64 ? std::to_string(uint64_t(t.integerAt(i)))
                                 : std::to_string(t.integerAt(i));
  double value = t.numberAt(i);
  if (std::isnan(value))
    return "NaN";
  if (std::isinf(value))
    return value < 0 ? "-INF" : "INF";
  char text[64];
  auto done = t.dtype == DType::F64
                  ? std::to_chars(text, text + sizeof text, value)
                  : std::to_chars(text, text + sizeof text, float(value));
  return {text, done.ptr};
}

/// "1.5", "1e-3", "NaN", "-INF" as ONNX writes them.
bool readNumber(llvm::StringRef text, Tensor &t, bool isFloat, int64_t i) {
  text = text.trim();
  text.consume_front("+");
  if (t.dtype == DType::U64) {
    uint64_t value;
    if (!text.getAsInteger(10, value)) {
      t.setInteger(i, int64_t(value));
      return true;
    }
  }
  int64_t integer;
  if (!isFloat && !text.getAsInteger(10, integer)) {
    t.setInteger(i, integer);
    return true;
  }
  double value;
  auto read = std::from_chars(text.begin(), text.end(), value);
  if (read.ec != std::errc() || read.ptr != text.end())
    return false;
  t.setNumber(i, value);
  return true;
}

} // namespace

void onnx_frontend::castStrings(Node &n, std::optional<DType> to) {
  if (n.datum(0).isTensor()) {
    Tensor x = n.constant(0, "input");
    StringTensor y{x.shape, {}};
    for (int64_t i = 0, count = x.count(); i < count; ++i)
      y.values.push_back(numberText(x, Node::isFloat(n.in(0)), i));
    return n.setDatum(0, Datum::strings(std::move(y)));
  }
  if (!to)
    return n.setDatum(0, n.datum(0));
  const StringTensor &x = n.strings(0);
  Tensor y = n.newTensor(*to, x.shape);
  bool isFloat = mlir::isa<mlir::FloatType>(n.type(*to));
  for (auto [i, text] : llvm::enumerate(x.values))
    if (!readNumber(text, y, isFloat, i))
      block(quoted(text) + " is not a number");
  n.set(0, n.constantOf(y));
}

void onnx_frontend::addStringOps(OpTable &t) {
  t["StringConcat"] = stringConcat;
  t["StringSplit"] = stringSplit;
  t["RegexFullMatch"] = regexFullMatch;
  t["StringNormalizer"] = stringNormalizer;
}
