//===- ScheduleFile.cpp - schedules that were found by measuring ----------===//

#include "ScheduleFile.h"
#include "LoadModel.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Artifact/OutputFile.h"
#include "nacre/Lazy/ControlFlow.h"
#include "nacre/Lazy/DiagnosticLog.h"
#include "nacre/Schedule/Tuning.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include <set>

using llvm::StringRef;
using llvm::Twine;
using namespace mlir;

namespace nacre::driver {

static constexpr const char *firstLine = "nacre-schedules 1";

/// Whether the values of a key are a list.
static bool isList(StringRef key) { return key == "loops" || key == "k_loops"; }

namespace {
/// The reader of one file.
class Reader {
public:
  explicit Reader(StringRef path) : path(path) {}
  llvm::Expected<ChosenSchedules> read(StringRef text);

private:
  void complain(const Twine &what) {
    errors.push_back((path + ":" + Twine(line) + ": " + what).str());
  }
  void entry(StringRef text);
  void key(StringRef word, ChosenSchedule &chosen);

  StringRef path;
  unsigned line = 0;
  std::vector<std::string> comments, errors;
  const std::vector<std::string> known = schedule::freeKeys();
  ChosenSchedules found;
};
} // namespace

void Reader::key(StringRef word, ChosenSchedule &chosen) {
  auto [key, text] = word.split('=');
  if (!word.contains('='))
    return complain("'" + word + "' is not KEY=NUMBER");
  if (!llvm::is_contained(known, key)) {
    std::string meant = suggestion(key, known);
    return complain("unknown key '" + key + "'" +
                    (meant.empty() ? "" : ", did you mean '" + meant + "'?"));
  }
  std::vector<int64_t> values;
  llvm::SmallVector<StringRef> parts;
  if (!isList(key))
    parts.push_back(text);
  else if (!text.empty())
    text.split(parts, ',');
  for (StringRef part : parts) {
    int64_t value;
    if (part.getAsInteger(10, value))
      return complain("'" + key + "' is '" + text + "', expected " +
                      (isList(key) ? "numbers with commas" : "a number"));
    values.push_back(value);
  }
  if (!chosen.keys.try_emplace(key.str(), values).second)
    complain("'" + key + "' is given twice");
}

void Reader::entry(StringRef text) {
  llvm::SmallVector<StringRef> words;
  llvm::SplitString(text, words);
  if (words[0] != "kernel" || words.size() < 2)
    return complain("expected 'kernel SIGNATURE KEY=NUMBER ...'");
  if (words[1].size() != 16 || !llvm::all_of(words[1], llvm::isHexDigit))
    return complain("'" + words[1] +
                    "' is no signature of 16 hexadecimal digits");
  ChosenSchedule chosen;
  chosen.line = line;
  chosen.comments = std::exchange(comments, {});
  for (StringRef word : llvm::drop_begin(words, 2))
    key(word, chosen);
  auto [other, fresh] = found.try_emplace(words[1].lower(), std::move(chosen));
  if (!fresh)
    complain("kernel " + words[1] + " is in line " + Twine(other->second.line) +
             " already");
}

llvm::Expected<ChosenSchedules> Reader::read(StringRef text) {
  bool begun = false;
  while (!text.empty()) {
    StringRef row;
    std::tie(row, text) = text.split('\n');
    ++line;
    row = row.trim();
    if (row.empty()) {
      comments.clear();
    } else if (row.consume_front("#")) {
      comments.push_back(row.trim().str());
    } else if (begun) {
      entry(row.split('#').first);
    } else if (row == firstLine) {
      begun = true;
    } else {
      complain(Twine("expected '") + firstLine + "'");
      return fail(ExitModel, errors);
    }
  }
  line = std::max(line, 1u);
  if (!begun)
    complain(Twine("expected '") + firstLine + "'");
  if (!errors.empty())
    return fail(ExitModel, errors);
  return std::move(found);
}

llvm::Expected<ChosenSchedules> readSchedules(StringRef path) {
  if (llvm::Error error = checkReadable(path))
    return error;
  auto text = llvm::MemoryBuffer::getFile(path);
  if (!text)
    return fail(ExitModel,
                path + ": cannot read: " + text.getError().message());
  return Reader(path).read((*text)->getBuffer());
}

llvm::Error writeSchedules(StringRef path, llvm::ArrayRef<std::string> comments,
                           const ChosenSchedules &schedules) {
  auto write = [&](llvm::raw_ostream &os) {
    os << firstLine << '\n';
    for (const std::string &comment : comments)
      os << "# " << comment << '\n';
    for (const auto &[signature, chosen] : schedules) {
      os << '\n';
      for (const std::string &comment : chosen.comments)
        os << "# " << comment << '\n';
      os << "kernel " << signature;
      for (const auto &[key, values] : chosen.keys) {
        os << ' ' << key << '=';
        llvm::interleave(values, os, ",");
      }
      os << '\n';
    }
  };
  return withCode(ExitUsage, artifact::writeFile(path, write));
}

ChosenSchedule freeKeysOf(DictionaryAttr schedule) {
  ChosenSchedule chosen;
  bool contract = schedule.getAs<StringAttr>("kind").getValue() == "contract";
  for (const std::string &key : schedule::freeKeys()) {
    Attribute value = schedule.get(key);
    // Of other kernels these are what the kernel says.
    if (!value || key == "lane" || (isList(key) && !contract))
      continue;
    if (auto number = dyn_cast<IntegerAttr>(value))
      chosen.keys[key] = {number.getInt()};
    else if (auto list = dyn_cast<DenseI64ArrayAttr>(value))
      chosen.keys[key] = list.asArrayRef().vec();
  }
  return chosen;
}

DictionaryAttr withKeys(DictionaryAttr schedule, const ChosenSchedule &chosen) {
  Builder b(schedule.getContext());
  NamedAttrList keys(schedule);
  for (const auto &[key, values] : chosen.keys)
    keys.set(key, isList(key) ? Attribute(b.getDenseI64ArrayAttr(values))
                              : b.getI64IntegerAttr(values.front()));
  return keys.getDictionary(b.getContext());
}

llvm::Expected<size_t> applySchedules(Program &program,
                                      const ChosenSchedules &schedules,
                                      StringRef path) {
  std::set<std::string> used;
  std::vector<std::string> errors;
  for (func::FuncOp function : lazy::functionsOf(*program.module))
    for (auto kernel : function.getBody().front().getOps<lazy::KernelOp>()) {
      auto entry = schedules.find(schedule::signatureOf(kernel));
      if (entry == schedules.end())
        continue;
      bool first = used.insert(entry->first).second;
      kernel.setScheduleAttr(withKeys(*kernel.getSchedule(), entry->second));
      DiagnosticLog log(*program.module->getContext());
      if (failed(schedule::verifyKernelSchedule(kernel)) && first)
        for (const std::string &text : log.lines())
          errors.push_back(
              (path + ":" + Twine(entry->second.line) + ": " + text).str());
    }
  if (!errors.empty())
    return fail(ExitModel, errors);
  return schedules.size() - used.size();
}

} // namespace nacre::driver
