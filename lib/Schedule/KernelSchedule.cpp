//===- KernelSchedule.cpp - what a kernel's schedule may say --------------===//
//
// How many lanes and how large the tiles may be chosen freely within limits;
// what the loops are may not.
//
//===----------------------------------------------------------------------===//
#include "Scheduler.h"
#include "nacre/Schedule/ScheduleReader.h"
#include "nacre/Schedule/Tuning.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
namespace nacre::schedule {
using namespace nacre::lazy;

int64_t ScheduleReader::number(StringRef key, int64_t otherwise) const {
  auto attr = dict.getAs<IntegerAttr>(key);
  return attr ? attr.getInt() : otherwise;
}
SmallVector<int64_t> ScheduleReader::list(StringRef key) const {
  auto attr = dict.getAs<DenseI64ArrayAttr>(key);
  return attr ? SmallVector<int64_t>(attr.asArrayRef())
              : SmallVector<int64_t>();
}
int64_t ScheduleReader::chunk(StringRef key, int64_t extent,
                              int64_t unit) const {
  int64_t asked = std::clamp<int64_t>(number(key, 1), 1, extent);
  return asked < extent ? std::max<int64_t>(asked / unit, 1) * unit : asked;
}

namespace {
struct Limit {
  const char *key;
  int64_t from, to;
};
} // namespace

static const Limit limits[] = {{"lanes", 1, 64},
                               {"grain", 64, int64_t(1) << 40},
                               {"tile_m", 1, 32},
                               {"tile_n", 1, 16},
                               {"chunk_t", 1, int64_t(1) << 40},
                               {"chunk_r", 1, int64_t(1) << 40},
                               {"staged", 0, 1},
                               {"ahead", 0, 1},
                               {"group", 1, 1024},
                               {"cooperative", 0, 1},
                               {"joined", 0, 1},
                               {"reciprocals", 0, 1},
                               {"block_m", 0, 256},
                               {"block_n", 0, 256},
                               {"block_k", 0, 64},
                               {"k_split", 1, 64},
                               {"block_rows", 1, int64_t(1) << 40},
                               {"block_columns", 1, int64_t(1) << 40}};

std::vector<std::string> freeKeys() {
  std::vector<std::string> keys;
  for (const Limit &limit : limits)
    keys.push_back(limit.key);
  keys.insert(keys.end(), {"lane", "loops", "k_loops"});
  return keys;
}

LogicalResult verifyKernelSchedule(KernelOp kernel) {
  auto fail = [&] {
    return kernel.emitOpError() << "kernel " << kernel.getName() << ": ";
  };
  DictionaryAttr given = *kernel.getSchedule();
  // A schedule with a group is one for a grid.
  MachineDescription machine;
  if (given.contains("group"))
    machine.groupItems = 256;
  DictionaryAttr expected = scheduleFor(kernel, machine);
  auto lane = given.getAs<IntegerAttr>("lane"),
       lanes = given.getAs<IntegerAttr>("lanes");
  for (NamedAttribute entry : expected) {
    StringRef key = entry.getName().getValue();
    Attribute value = given.get(key);
    if (!value)
      return fail() << "the schedule has no '" << key << "'";
    const Limit *limit =
        llvm::find_if(limits, [&](const Limit &l) { return key == l.key; });
    if (limit != std::end(limits)) {
      auto number = dyn_cast<IntegerAttr>(value);
      if (!number || number.getInt() < limit->from ||
          number.getInt() > limit->to)
        return fail() << "'" << key << "' is " << value
                      << ", expected a number from " << limit->from << " to "
                      << limit->to;
      continue;
    }
    // A map kernel may give up its lane.
    if (key == "lane" && lane && lane.getInt() == -1 &&
        expected.getAs<StringAttr>("kind").getValue() == "map")
      continue;
    // The order of a contraction's loops is free; a symbolic one stays first.
    bool reorders =
        key == "k_loops" ||
        (key == "loops" && tensorType(kernel.getResult(0)).hasStaticShape());
    if (reorders && isa<DenseI64ArrayAttr>(value) &&
        expected.getAs<StringAttr>("kind").getValue() == "contract") {
      SmallVector<int64_t> a(cast<DenseI64ArrayAttr>(value).asArrayRef());
      SmallVector<int64_t> b(
          cast<DenseI64ArrayAttr>(entry.getValue()).asArrayRef());
      llvm::sort(a);
      llvm::sort(b);
      if (a == b)
        continue;
    }
    if (value != entry.getValue())
      return fail() << "'" << key << "' is " << value << ", this kernel has "
                    << entry.getValue();
  }
  for (NamedAttribute entry : given)
    if (!expected.contains(entry.getName()))
      return fail() << "unknown key '" << entry.getName().getValue()
                    << "' in the schedule";
  if (!lanes)
    return success();
  if (!llvm::isPowerOf2_64(lanes.getInt()))
    return fail() << "'lanes' is " << lanes.getInt()
                  << ", expected a power of two";
  if (lane && lane.getInt() == -1 && lanes.getInt() != 1 &&
      llvm::none_of(kernel.getBody().front(),
                    [](Operation &op) { return isa<ReduceOp>(op); }))
    return fail() << "'lanes' is " << lanes.getInt() << " without a lane";
  auto grain = given.getAs<IntegerAttr>("grain");
  if (grain && grain.getInt() % 64 != 0)
    return fail() << "'grain' is " << grain.getInt()
                  << ", expected a multiple of 64";
  return success();
}

} // namespace nacre::schedule
