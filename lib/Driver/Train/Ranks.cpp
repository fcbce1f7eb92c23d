//===- Ranks.cpp - processes that train together --------------------------===//

#include "Ranks.h"
#include "nacre/Failure/Failure.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"
#include <dlfcn.h>

using llvm::StringRef;
using llvm::Twine;
namespace path = llvm::sys::path;

namespace nacre::driver {

//===----------------------------------------------------------------------===//
// Joining and leaving
//===----------------------------------------------------------------------===//

/// libnacre_mpi.so lies where `make install` and the build put libraries:
/// in ../lib of this program.
static std::string pluginPath(StringRef how) {
  if (how.contains('/'))
    return how.str();
  static int here;
  llvm::SmallString<128> file(path::parent_path(
      path::parent_path(llvm::sys::fs::getMainExecutable("nacre", &here))));
  path::append(file, "lib", "libnacre_" + how + ".so");
  return file.str().str();
}

llvm::Expected<Ranks *> Ranks::open(StringRef how) {
  std::string file = pluginPath(how);
  if (!llvm::sys::fs::exists(file))
    return fail(ExitUsage, "--ranks: there is no plug-in " + Twine(file) +
                               (how == "mpi" ? "; it is built where MPI is "
                                               "(Debian: libopenmpi-dev)"
                                             : ""));
  void *handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return fail(ExitUsage, Twine("--ranks: ") + ::dlerror());
  auto *join = reinterpret_cast<decltype(&nacre_collective_open)>(
      ::dlsym(handle, "nacre_collective_open"));
  if (!join)
    return fail(ExitUsage, "--ranks: " + Twine(file) +
                               ": defines no nacre_collective_open");
  nacre_collective table = {};
  nacre_error error = {};
  if (join(&table, &error))
    return fail(ExitUsage, "--ranks: " + Twine(file) + ": " + error.text);
  if (table.version != NACRE_COLLECTIVE_VERSION)
    return fail(ExitUsage, "--ranks: " + Twine(file) + ": is of version " +
                               Twine(table.version) + ", this program needs " +
                               Twine(NACRE_COLLECTIVE_VERSION));
  // Left after main: a launcher may end all processes once the first has ended
  // with an exit code, and leaving waits until rank 0 has said why.
  static std::unique_ptr<Ranks> self;
  self = std::make_unique<Ranks>(table);
  if (!self->isFirst())
    keepQuiet();
  return self.get();
}

Ranks::~Ranks() {
  // Without the others leaving would wait for ever; the launcher ends them when
  // this process is gone.
  if (!broken && table.close)
    table.close(table.ctx);
}

llvm::Error Ranks::check(nacre_status status, const nacre_error &error) {
  if (status == NACRE_OK)
    return llvm::Error::success();
  broken = true;
  speakAgain();
  return fail(ExitUsage,
              "rank " + Twine(rank()) + ": " +
                  (error.text[0] ? error.text : nacre_status_text(status)));
}

//===----------------------------------------------------------------------===//
// One answer
//===----------------------------------------------------------------------===//

llvm::Error Ranks::agree(llvm::Error mine, bool byName) {
  // After a failed exchange nobody knows where the others are.
  if (broken)
    return mine;
  Message message = messageOf(std::move(mine));
  nacre_error error = {};
  int64_t code = message.code;
  std::vector<int64_t> codes(count());
  if (llvm::Error lost = check(
          table.gather(table.ctx, &code, codes.data(), sizeof code, &error),
          error))
    return lost;
  auto at = llvm::find_if(codes, [](int64_t code) { return code != ExitOk; });
  if (at == codes.end())
    return llvm::Error::success();
  const int64_t root = at - codes.begin();
  if (byName && llvm::is_contained(codes, ExitOk))
    for (std::string &line : message.lines)
      if (!StringRef(line).starts_with("  "))
        line = "rank " + std::to_string(rank()) + ": " + line;
  std::string text = llvm::join(message.lines, "\n");
  int64_t length = text.size();
  if (llvm::Error lost = check(
          table.broadcast(table.ctx, root, &length, sizeof length, &error),
          error))
    return lost;
  text.resize(length);
  if (llvm::Error lost = check(
          table.broadcast(table.ctx, root, text.data(), length, &error), error))
    return lost;
  std::vector<std::string> lines;
  for (StringRef line : llvm::split(text, '\n'))
    lines.push_back(line.str());
  return fail(ExitCode(*at), lines);
}

llvm::Error Ranks::compare(const TrainingFacts &mine) {
  std::string text;
  for (const auto &[name, value] : mine)
    text += name + '\0' + value + '\0';
  nacre_error error = {};
  int64_t length = text.size();
  if (llvm::Error lost = check(
          table.broadcast(table.ctx, 0, &length, sizeof length, &error), error))
    return lost;
  std::string given = isFirst() ? text : std::string(length, '\0');
  if (llvm::Error lost = check(
          table.broadcast(table.ctx, 0, given.data(), length, &error), error))
    return lost;
  TrainingFacts first;
  for (StringRef rest = given; !rest.empty();) {
    auto [name, more] = rest.split('\0');
    auto [value, behind] = more.split('\0');
    first[name.str()] = value.str();
    rest = behind;
  }
  std::vector<std::string> differ;
  for (const auto &[name, value] : mine)
    if (first[name] != value)
      differ.push_back(name + " is " + value + ", rank 0 has " + first[name]);
  return agree(differ.empty() ? llvm::Error::success()
                              : fail(ExitModel, differ));
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

/// `to` becomes lower + upper, one of which it is.
template <typename T>
static void addPair(T *to, const T *other, int64_t count, bool isLower) {
  for (int64_t i = 0; i < count; ++i)
    to[i] = isLower ? to[i] + other[i] : other[i] + to[i];
}

llvm::Error Ranks::addInTree(Tensor &values) {
  // In parts that stay in a cache.
  constexpr int64_t partBytes = 1 << 20;
  const int64_t all = values.byteCount();
  std::vector<double> room(std::min(all, partBytes) / sizeof(double) + 1);
  nacre_error error = {};
  for (int64_t at = 0; at < all; at += partBytes) {
    const int64_t bytes = std::min(partBytes, all - at);
    uint8_t *part = values.data<uint8_t>() + at;
    for (int64_t distance = 1; distance < count(); distance *= 2) {
      const int64_t peer = rank() ^ distance;
      if (llvm::Error lost = check(
              table.exchange(table.ctx, peer, part, room.data(), bytes, &error),
              error))
        return lost;
      if (values.dtype == DType::F32)
        addPair(reinterpret_cast<float *>(part),
                reinterpret_cast<const float *>(room.data()),
                bytes / int64_t(sizeof(float)), rank() < peer);
      else
        addPair(reinterpret_cast<double *>(part), room.data(),
                bytes / int64_t(sizeof(double)), rank() < peer);
    }
  }
  return llvm::Error::success();
}

llvm::Error Ranks::addInRow(Tensor &values) {
  const int64_t each = values.count();
  std::vector<double> all(each * count());
  nacre_error error = {};
  if (llvm::Error lost = check(table.gather(table.ctx, values.bytes, all.data(),
                                            values.byteCount(), &error),
                               error))
    return lost;
  for (int64_t i = 0; i < each; ++i) {
    double sum = all[i];
    for (int64_t r = 1; r < count(); ++r)
      sum += all[r * each + i];
    values.data<double>()[i] = sum;
  }
  return llvm::Error::success();
}

llvm::Error Ranks::beginSum(int64_t slot, float *values, int64_t count) {
  nacre_error error = {};
  return check(table.sum_begin(table.ctx, slot, values, count, &error), error);
}

llvm::Error Ranks::waitForSum(int64_t slot) {
  nacre_error error = {};
  return check(table.sum_wait(table.ctx, slot, &error), error);
}

llvm::Error Ranks::broadcast(int64_t root, Tensor &values) {
  nacre_error error = {};
  return check(table.broadcast(table.ctx, root, values.data<uint8_t>(),
                               values.byteCount(), &error),
               error);
}

//===----------------------------------------------------------------------===//
// What must be equal
//===----------------------------------------------------------------------===//

static std::string digits(uint64_t hash) {
  return llvm::utohexstr(hash, /*LowerCase=*/true, /*Width=*/16);
}

static uint64_t hashOf(llvm::ArrayRef<uint64_t> parts) {
  return llvm::xxh3_64bits(
      llvm::ArrayRef<uint8_t>(reinterpret_cast<const uint8_t *>(parts.data()),
                              parts.size() * sizeof(uint64_t)));
}

static uint64_t hashOf(const Tensor &tensor) {
  constexpr int64_t whole = int64_t(64) << 20, block = 4096;
  const int64_t bytes = tensor.byteCount();
  const int64_t distance = bytes <= whole ? block : bytes / (whole / block);
  std::vector<uint64_t> parts{uint64_t(tensor.dtype), uint64_t(bytes)};
  for (int64_t extent : tensor.shape)
    parts.push_back(uint64_t(extent));
  for (int64_t at = 0; at < bytes; at += distance)
    parts.push_back(llvm::xxh3_64bits(llvm::ArrayRef<uint8_t>(
        tensor.bytes + at, std::min(block, bytes - at))));
  return hashOf(parts);
}

std::string digestOf(const Program &program) {
  std::string text;
  llvm::raw_string_ostream os(text);
  program.module.get()->print(os);
  std::vector<uint64_t> parts{llvm::xxh3_64bits(text)};
  if (program.weights)
    for (const auto &[name, tensor] : program.weights->entries())
      parts.push_back(hashOf(tensor));
  return digits(hashOf(parts));
}

std::string digestOf(llvm::ArrayRef<Tensor> arrays) {
  std::vector<uint64_t> parts;
  for (const Tensor &array : arrays)
    parts.push_back(hashOf(array));
  return digits(hashOf(parts));
}

std::string digestOf(const States &states, bool withOptimizer) {
  std::vector<uint64_t> parts;
  for (const States::Entry &entry : states.entries())
    if (entry.state.kind != autodiff::StateKind::Gradient &&
        (withOptimizer || entry.state.kind != autodiff::StateKind::Optimizer))
      parts.push_back(hashOf(entry.value));
  return digits(hashOf(parts));
}

} // namespace nacre::driver
