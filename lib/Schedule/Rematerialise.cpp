//===- Rematerialise.cpp - compute twice what is too large to keep --------===//
//
// A backward pass reads what the forward pass computed, so at its beginning
// nearly all of that is in memory. Where the plan needs more than the budget,
// values are computed a second time, from values nearer to where they are read.
//
// Kernels are what is computed a second time: a kernel's copy has the same
// loops and gives the same bits, and what the plan calls a tensor is exactly
// what a kernel writes.
//
// The rule. Memory in use is added up over the steps of the program. What lies
// above a target is the excess. Again and again the storage is split whose
// recomputation takes most of the excess away for the work it adds: the largest
// square of the one by the other, a byte moved counting as four operations, and
// of equals the first. So elementwise values go first, of which a byte costs
// least; contractions follow, and chains of both: a storage is tried alone, and
// with all that it is computed from as far as that is not in memory anyway. It
// ends when nothing lies above the target or nothing helps. No kernel runs more
// than twice.
//
// The targets are parts of 1/32 of what the program needs. The memory plan is
// asked what each comes to, the largest target first, and the first plan within
// the budget is taken. Which plans there are does not depend on the budget: the
// least, once said, can be asked for.
//
//===----------------------------------------------------------------------===//
#include "Timeline.h"
#include "nacre/Lazy/ControlFlow.h"
#include "nacre/Schedule/Schedule.h"
#include <queue>

using namespace mlir;
namespace nacre::schedule {
namespace {

/// Targets are multiples of one of so many parts of what is needed.
constexpr int64_t parts = 32;
/// Operations in the time in which a byte is moved.
constexpr int64_t operationsPerByte = 4;
/// Of the excess that one move must take away: below, it is not worth the
/// search.
constexpr double leastShare = 1.0 / 4096;
/// Of the largest worth that a move is taken for: above, the search goes on.
constexpr double goodEnough = 0.75;

int64_t plannedBytes(ModuleOp module) {
  OwningOpRef<ModuleOp> copy = cast<ModuleOp>(module->clone());
  if (failed(planMemory(*copy)))
    return INT64_MAX;
  return (*copy)->getAttrOfType<IntegerAttr>("lazy.arena_bytes").getInt();
}

class Recomputation {
public:
  explicit Recomputation(ModuleOp module)
      : module(module), steps(module), splits(steps.storageCount(), kept),
        now(steps.timeline(splits)) {}

  /// Chooses the splits of a plan within the budget, or of the least plan.
  void meet(int64_t budget, int64_t needed);
  void write(int64_t needed);

private:
  int64_t excessOf(const Timeline &t) const {
    int64_t sum = 0;
    for (int64_t bytes : t.live)
      sum += std::max<int64_t>(bytes - target, 0);
    return sum;
  }
  static double workOf(const Timeline &t) {
    return double(t.flops) + double(operationsPerByte) * double(t.bytes);
  }
  struct Move {
    double worth = 0; ///< 0: it does not help
    Splits splits;
  };
  Move bestMove(int storage, const std::vector<int64_t> &above) const;
  Move weigh(Splits splits) const;
  Splits withSources(Splits splits, int storage) const;
  void descend();
  void takeBack(int64_t budget);
  int64_t plan(const Splits &wanted) const {
    OwningOpRef<ModuleOp> copy = cast<ModuleOp>(module->clone());
    steps.apply(wanted, *copy);
    return plannedBytes(*copy);
  }

  ModuleOp module;
  Steps steps;
  Splits splits;
  Timeline now;
  int64_t target = 0;
};

Recomputation::Move Recomputation::weigh(Splits splits) const {
  Timeline t = steps.timeline(splits);
  double excess = double(excessOf(now)), gain = excess - double(excessOf(t));
  double work = std::max(workOf(t) - workOf(now), 1.0);
  return {gain > excess * leastShare ? gain * gain / work : 0,
          std::move(splits)};
}

/// Splits, beside `storage`, whatever its second computation reads that would
/// otherwise be kept for it alone.
Splits Recomputation::withSources(Splits splits, int storage) const {
  const std::vector<int> again = steps.timeline(splits).again;
  int at = kept;
  for (int step : steps.definers(storage))
    at = std::min(at, again[step]);
  if (at == kept)
    return splits;
  SmallVector<int> work{storage};
  while (!work.empty()) {
    int made = work.pop_back_val();
    for (int step : steps.definers(made)) {
      if (step > splits[made])
        continue;
      for (int source : steps.storagesRead(step)) {
        if (splits[source] != kept || now.last[source] >= now.position[at])
          continue;
        for (int touch : steps.touching(source))
          if (touch < at)
            splits[source] = touch;
        work.push_back(source);
      }
    }
  }
  return splits;
}

/// `above` is the excess before each position.
Recomputation::Move
Recomputation::bestMove(int storage, const std::vector<int64_t> &above) const {
  // Between which two of its readers most is to be gained.
  int64_t most = 0;
  int after = kept;
  auto look = [&](int step, int to) {
    int from = std::min(now.position[step] + 1, to);
    int64_t area =
        std::min(above[to] - above[from], steps.bytesOf(storage) * (to - from));
    if (area > most) {
      most = area;
      after = step;
    }
  };
  ArrayRef<int> touches = steps.touching(storage);
  for (size_t i = 0; i + 1 < touches.size(); ++i)
    look(touches[i], now.position[touches[i + 1]]);
  if (!touches.empty() && now.last[storage] > now.position[touches.back()])
    look(touches.back(), now.last[storage]);
  if (double(most) < double(above.back()) * leastShare)
    return {};
  Splits alone = splits;
  alone[storage] = after;
  Move best = weigh(alone);
  Splits more = withSources(alone, storage);
  if (more != alone)
    if (Move other = weigh(std::move(more)); other.worth > best.worth)
      best = std::move(other);
  return best;
}

/// Splits until nothing lies above the target or nothing helps.
void Recomputation::descend() {
  // Worth as of when it was weighed last; most worth first, then the first.
  using Entry = std::pair<double, int>;
  std::priority_queue<Entry> queue;
  std::vector<int64_t> above;
  auto lookAgain = [&] {
    above.assign(now.live.size() + 1, 0);
    for (size_t i = 0; i < now.live.size(); ++i)
      above[i + 1] = above[i] + std::max<int64_t>(now.live[i] - target, 0);
  };
  bool changed = true;
  while (now.peak > target) {
    if (queue.empty()) {
      if (!changed)
        return;
      changed = false;
      lookAgain();
      for (int s = 0; s < steps.storageCount(); ++s)
        if (splits[s] == kept && steps.bytesOf(s))
          if (Move move = bestMove(s, above); move.worth > 0)
            queue.push({move.worth, -s});
      continue;
    }
    int storage = -queue.top().second;
    queue.pop();
    if (splits[storage] != kept)
      continue;
    Move move = bestMove(storage, above);
    if (move.worth <= 0)
      continue;
    // Others may be worth less by now than they were, as this one is.
    if (!queue.empty() && move.worth < queue.top().first * goodEnough) {
      queue.push({move.worth, -storage});
      continue;
    }
    splits = std::move(move.splits);
    now = steps.timeline(splits);
    lookAgain();
    changed = true;
  }
}

/// What turned out not to be needed is kept after all, the dearest first.
void Recomputation::takeBack(int64_t budget) {
  const Splits before = splits;
  const Timeline then = now;
  const int64_t slack = budget - plan(splits);
  for (int64_t room : {slack, int64_t(0)}) {
    std::vector<std::pair<double, int>> order;
    for (int s = 0; s < steps.storageCount(); ++s)
      if (splits[s] != kept) {
        Splits without = splits;
        without[s] = kept;
        double saved = workOf(now) - workOf(steps.timeline(without));
        if (saved > 0)
          order.push_back({-saved, s});
      }
    llvm::sort(order);
    for (auto [saved, s] : order) {
      Splits without = splits;
      without[s] = kept;
      Timeline t = steps.timeline(without);
      if (t.peak > then.peak + room || workOf(t) >= workOf(now))
        continue;
      splits = std::move(without);
      now = std::move(t);
    }
    if (plan(splits) <= budget)
      return;
    splits = before;
    now = then;
  }
}

void Recomputation::meet(int64_t budget, int64_t needed) {
  const Splits none = splits;
  Splits best = none;
  int64_t least = needed;
  // Targets far above the budget are not likely to end within it: they are
  // asked when no other has.
  auto isFar = [&](int64_t target) { return target > budget + budget / 4; };
  for (bool far : {false, true})
    for (int64_t part = parts - 1; part > 0; --part) {
      target = needed / parts * part;
      if (isFar(target) != far)
        continue;
      splits = none;
      now = steps.timeline(splits);
      descend();
      int64_t bytes = plan(splits);
      if (bytes <= budget) {
        takeBack(budget);
        return;
      }
      if (bytes < least) {
        least = bytes;
        best = splits;
      }
      // So far above the target, lower ones only cost time.
      if (now.peak > 2 * target)
        break;
    }
  splits = best;
  now = steps.timeline(splits);
}

void Recomputation::write(int64_t needed) {
  const int64_t flops =
      steps.timeline(Splits(steps.storageCount(), kept)).flops;
  int64_t values = 0;
  for (int i = 0; i < steps.count(); ++i)
    values += now.again[i] != kept && now.stays[i] && !steps.isFree(i);
  steps.apply(splits, module);
  Builder b(module.getContext());
  module->setAttr(
      "lazy.recomputed",
      b.getDictionaryAttr(
          {b.getNamedAttr("bytes_before", b.getI64IntegerAttr(needed)),
           b.getNamedAttr("extra_flops",
                          b.getI64IntegerAttr(now.flops - flops)),
           b.getNamedAttr("flops", b.getI64IntegerAttr(flops)),
           b.getNamedAttr("values", b.getI64IntegerAttr(values))}));
}

} // namespace

LogicalResult rematerialise(ModuleOp module, int64_t budget) {
  // A program with loops or branches stays as it is: trainings have none left.
  // So does one that writes in place: what has been written over cannot be
  // computed from again.
  bool writes = false;
  module.walk([&](lazy::WriteOp) { writes = true; });
  if (writes || lazy::functionsOf(module).size() > 1)
    return success();
  const int64_t needed = plannedBytes(module);
  if (needed <= budget)
    return success();
  Recomputation recomputation(module);
  recomputation.meet(budget, needed);
  recomputation.write(needed);
  return success();
}

} // namespace nacre::schedule
