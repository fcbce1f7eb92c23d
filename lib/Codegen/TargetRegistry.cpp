//===- TargetRegistry.cpp - the targets, one row each ---------------------===//

#include "nacre/Codegen/Target.h"
#include "nacre/Failure/Failure.h"

namespace nacre {

const Target &cpuTarget();
#ifdef NACRE_TARGET_OPENCL
const Target &openclTarget();
#endif
#ifdef NACRE_TARGET_WGSL
const Target &wgslTarget();
#endif

namespace {
struct Row {
  llvm::StringLiteral name;
  const Target &(*target)(); ///< null: what it needs was missing at the build
};
} // namespace

static const Row rows[] = {
    {"cpu", cpuTarget},
#ifdef NACRE_TARGET_OPENCL
    {"opencl", openclTarget},
#else
    {"opencl", nullptr},
#endif
#ifdef NACRE_TARGET_WGSL
    {"wgsl", wgslTarget},
#else
    {"wgsl", nullptr},
#endif
};

std::vector<const Target *> targets() {
  std::vector<const Target *> result;
  for (const Row &row : rows)
    if (row.target)
      result.push_back(&row.target());
  return result;
}

llvm::Expected<const Target *> findTarget(llvm::StringRef name) {
  if (name.empty())
    return &rows[0].target();
  std::vector<std::string> known;
  for (const Row &row : rows) {
    if (row.name == name && row.target)
      return &row.target();
    if (row.name == name)
      return fail(ExitUsage,
                  "--target: target '" + name + "' is not in this build");
    if (row.target)
      known.push_back(row.name.str());
  }
  return fail(ExitUsage, "--target: no target '" + name + "', expected " +
                             enumeration(known));
}

} // namespace nacre
