//===- Checkpoint.cpp - training kept in a file ---------------------------===//

#include "Checkpoint.h"
#include "nacre/Failure/Failure.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cstring>

using llvm::StringRef;
using llvm::Twine;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

namespace nacre::driver {

static constexpr const char *formatKey = "format";
static constexpr const char *formatName = "nacre checkpoint 1";

WeightStore storeOf(const States &states,
                    llvm::function_ref<bool(autodiff::StateKind)> wanted) {
  WeightStore store;
  for (const States::Entry &entry : states.entries())
    if (wanted(entry.state.kind))
      store.add(entry.state.name, entry.value);
  return store;
}

llvm::Error writeCheckpoint(StringRef path, WeightStore store,
                            const TrainingFacts &facts) {
  store.metadata = facts;
  store.metadata[formatKey] = formatName;
  std::string error;
  if (failed(store.save(path, error)))
    return fail(ExitUsage, error);
  return llvm::Error::success();
}

static std::string typeText(const Tensor &tensor) {
  return std::string(dtypeName(tensor.dtype)) + " " + shapeText(tensor.shape);
}

llvm::Expected<TrainingFacts>
readCheckpoint(StringRef path, States &states, const TrainingFacts &facts,
               llvm::ArrayRef<autodiff::Share> shares) {
  WeightStore store;
  std::string error;
  if (failed(store.load(path, error)))
    return fail(ExitModel, error);
  auto format = store.metadata.find(formatKey);
  if (format == store.metadata.end() ||
      !StringRef(format->second).starts_with("nacre checkpoint "))
    return fail(ExitModel, path + ": not a checkpoint of nacre train");
  if (format->second != formatName)
    return fail(ExitModel, path + ": is a '" + format->second +
                               "', this version reads '" + formatName + "'");
  std::vector<std::string> errors;
  auto complain = [&](const Twine &text) {
    errors.push_back((path + ": " + text).str());
  };
  for (const auto &[name, value] : facts) {
    auto at = store.metadata.find(name);
    if (at == store.metadata.end())
      complain("does not say its " + name);
    else if (at->second != value)
      complain("was made with " + name + " " + at->second + ", not " + value);
  }
  llvm::StringSet<> known;
  for (const States::Entry &entry : states.entries()) {
    if (entry.state.kind == autodiff::StateKind::Gradient)
      continue;
    const std::string &name = entry.state.name;
    known.insert(name);
    const Tensor *tensor = store.find(name);
    if (!tensor)
      complain("state '" + name + "' (" + typeText(entry.value) +
               ") is missing");
    else if (tensor->dtype != entry.value.dtype ||
             tensor->shape != entry.value.shape)
      complain("state '" + name + "' is " + typeText(*tensor) +
               ", the model has " + typeText(entry.value));
  }
  for (const autodiff::Share &share : shares)
    for (const autodiff::State &slot : share.slots)
      known.insert(slot.name);
  for (const auto &[name, tensor] : store.entries())
    if (!known.contains(name))
      complain("state '" + name + "' (" + typeText(tensor) +
               ") is not of this model");
  if (!errors.empty())
    return fail(ExitModel, errors);
  for (States::Entry &entry : states.entries())
    if (const Tensor *tensor = store.find(entry.state.name))
      std::memcpy(entry.value.data<uint8_t>(), tensor->bytes,
                  tensor->byteCount());
  return store.metadata;
}

bool isOfModel(autodiff::StateKind kind) {
  return kind == autodiff::StateKind::Parameter ||
         kind == autodiff::StateKind::Frozen ||
         kind == autodiff::StateKind::Buffer;
}

llvm::Expected<int64_t> readParameters(StringRef path, States &states) {
  WeightStore store;
  std::string error;
  if (failed(store.load(path, error)))
    return fail(ExitModel, error);
  std::vector<std::string> errors;
  for (const auto &[name, tensor] : store.entries()) {
    States::Entry *entry = states.find(name);
    std::string head = (path + ": tensor '" + name + "' ").str();
    if (!entry || !isOfModel(entry->state.kind))
      errors.push_back(head + "(" + typeText(tensor) +
                       ") is no parameter of this model");
    else if (tensor.dtype != entry->value.dtype ||
             tensor.shape != entry->value.shape)
      errors.push_back(head + "is " + typeText(tensor) + ", the model has " +
                       typeText(entry->value));
  }
  if (!errors.empty())
    return fail(ExitModel, errors);
  int64_t missing = 0;
  for (States::Entry &entry : states.entries())
    if (const Tensor *tensor = store.find(entry.state.name))
      std::memcpy(entry.value.data<uint8_t>(), tensor->bytes,
                  tensor->byteCount());
    else
      missing += isOfModel(entry.state.kind);
  return missing;
}

void removeUnfinished(StringRef file) {
  StringRef folder = path::parent_path(file);
  std::string prefix = (path::filename(file) + ".tmp-").str();
  std::error_code code;
  for (fs::directory_iterator
           at(folder.empty() ? "." : folder, code, /*FollowSymlinks=*/false),
       end;
       !code && at != end; at.increment(code)) {
    StringRef name = path::filename(at->path());
    StringRef rest = name;
    if (rest.consume_front(prefix) && rest.size() == 8 &&
        llvm::all_of(rest, llvm::isHexDigit))
      fs::remove(at->path());
  }
}

} // namespace nacre::driver
