//===- Timeline.cpp - how much memory a program needs when ----------------===//
#include "Timeline.h"
#include "Layout.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
namespace nacre::schedule {
using namespace nacre::lazy;

static Block &bodyOf(ModuleOp module) {
  return module.lookupSymbol<func::FuncOp>("main").getBody().front();
}

Steps::Steps(ModuleOp module) {
  // What shares storage is decided on a copy.
  IRMapping mapping;
  OwningOpRef<ModuleOp> copy = cast<ModuleOp>(module->clone(mapping));
  llvm::DenseMap<Operation *, int> definer, ofCopy;
  std::vector<Operation *> ops;
  for (Operation &op : bodyOf(module).without_terminator()) {
    definer[&op] = ofCopy[mapping.lookup(&op)] = ops.size();
    ops.push_back(&op);
  }
  list.resize(ops.size());
  Storages storages = shareStorages(*copy);
  storageBytes.assign(storages.bytes.begin(), storages.bytes.end());
  touches.resize(storageBytes.size());
  makers.resize(storageBytes.size());

  auto storageOf = [&](Value v) {
    auto at = storages.of.find(mapping.lookup(v));
    return at == storages.of.end() || !storageBytes[at->second] ? -1
                                                                : at->second;
  };
  for (auto [number, op] : llvm::enumerate(ops)) {
    Step &step = list[number];
    llvm::SetVector<int> touched;
    for (OpOperand &operand : op->getOpOperands()) {
      auto result = dyn_cast<OpResult>(operand.get());
      int storage = result ? storageOf(result) : -1;
      if (storage < 0)
        continue;
      step.operands.push_back({int(operand.getOperandNumber()),
                               definer[result.getOwner()],
                               int(result.getResultNumber()), storage});
      touched.insert(storage);
    }
    step.reads = llvm::to_vector(touched);
    bool shares = false;
    for (Value v : op->getResults()) {
      int storage = storageOf(v);
      step.lasting |= storage < 0;
      if (storage < 0)
        continue;
      step.results.push_back(storage);
      shares |= touched.contains(storage);
      makers[storage].push_back(number);
      touched.insert(storage);
    }
    for (int storage : touched)
      touches[storage].push_back(number);
    for (auto [result, operand] : storages.inPlace.lookup(mapping.lookup(op)))
      for (const Operand &x : step.operands)
        if (x.number == int(operand))
          step.takeOvers.push_back({storageOf(op->getResult(result)), x});
    auto kernel = dyn_cast<KernelOp>(op);
    if (!kernel || (shares && soleView(kernel)))
      continue;
    KernelWork work = workOf(kernel);
    step.flops = work.flops;
    step.bytes = work.bytes;
  }
  // Copies that the plan inserts belong to what stands behind them.
  int64_t scratch = 0;
  for (Operation &op : bodyOf(*copy)) {
    auto at = ofCopy.find(&op);
    if (at != ofCopy.end()) {
      list[at->second].scratch = std::exchange(scratch, 0);
      continue;
    }
    for (Value v : op.getResults())
      if (auto placed = storages.of.find(v); placed != storages.of.end())
        scratch += storageBytes[placed->second];
  }
}

std::vector<int> Steps::secondRuns(const Splits &splits) const {
  std::vector<int> again(list.size(), kept);
  auto demand = [&](const Step &step, int at) {
    for (const Operand &x : step.operands)
      if (isBehind(x, at, splits))
        again[x.step] = std::min(again[x.step], at);
  };
  for (int i = 0; i < count(); ++i)
    demand(list[i], i);
  // What the second computations read in turn, which stands before them.
  for (int i = count(); i-- > 0;)
    if (again[i] != kept)
      demand(list[i], again[i]);
  return again;
}

Timeline Steps::timeline(const Splits &splits) const {
  Timeline t;
  t.again = secondRuns(splits);
  // Whose first run nobody reads any more has moved to the second.
  t.stays.assign(list.size(), false);
  auto need = [&](const Step &step, int at) {
    for (const Operand &x : step.operands)
      if (!isBehind(x, at, splits))
        t.stays[x.step] = true;
  };
  for (int i = 0; i < count(); ++i)
    if (t.again[i] != kept)
      need(list[i], t.again[i]);
  for (int i = count(); i-- > 0;) {
    t.stays[i] = t.stays[i] || t.again[i] == kept || list[i].lasting;
    if (t.stays[i])
      need(list[i], i);
  }

  // The order: second runs stand right before what first reads them, in their
  // own order.
  std::vector<int> before(list.size() + 2, 0), second(list.size(), -1);
  for (int at : t.again)
    if (at != kept)
      ++before[at + 1];
  for (int i = 0; i <= count(); ++i)
    before[i + 1] += before[i];
  t.position.resize(list.size());
  for (int i = 0; i < count(); ++i)
    t.position[i] = i + before[i + 1];
  std::vector<int> next(before);
  for (int i = 0; i < count(); ++i)
    if (int at = t.again[i]; at != kept)
      second[i] = at + next[at]++;

  const int total = count() + before[count()];
  std::vector<int64_t> change(total + 1, 0);
  std::vector<int> first[2], last[2];
  for (int which : {0, 1}) {
    first[which].assign(storageBytes.size(), INT_MAX);
    last[which].assign(storageBytes.size(), -1);
  }
  // 0 for what stands before a split, 1 for what stands behind it.
  auto computation = [&](const Operand &x, int at) {
    return isBehind(x, at, splits) || x.step > splits[x.storage];
  };
  auto touch = [&](int which, int storage, int position) {
    first[which][storage] = std::min(first[which][storage], position);
    last[which][storage] = std::max(last[which][storage], position);
  };
  auto during = [&](int64_t bytes, int from, int to) {
    change[from] += bytes;
    change[to + 1] -= bytes;
  };
  auto runs = [&](int number, int at, int position, bool isSecond) {
    const Step &step = list[number];
    t.flops += step.flops;
    t.bytes += step.bytes;
    if (step.scratch)
      during(step.scratch, position, position);
    for (const Operand &x : step.operands)
      touch(computation(x, at), x.storage, position);
    for (int storage : step.results) {
      if (isSecond && splits[storage] == kept)
        during(storageBytes[storage], position, position);
      else
        touch(isSecond || number > splits[storage], storage, position);
    }
  };
  for (int i = 0; i < count(); ++i) {
    if (t.again[i] != kept)
      runs(i, t.again[i], second[i], true);
    if (t.stays[i])
      runs(i, i, t.position[i], false);
  }
  for (int which : {0, 1})
    for (int s = 0; s < storageCount(); ++s)
      if (last[which][s] >= 0)
        during(storageBytes[s], first[which][s], last[which][s]);
  // A result in the place of an operand that dies there, the same place once.
  auto takesOver = [&](int number, int at, int position, bool isSecond) {
    llvm::SmallDenseSet<int> done;
    for (const auto &[result, x] : list[number].takeOvers) {
      bool own = isSecond || number > splits[result],
           other = computation(x, at);
      if (done.contains(result) || done.contains(x.storage) ||
          first[own][result] != position || last[other][x.storage] != position)
        continue;
      done.insert(result);
      done.insert(x.storage);
      during(-std::min(storageBytes[result], storageBytes[x.storage]), position,
             position);
    }
  };
  for (int i = 0; i < count(); ++i) {
    if (list[i].takeOvers.empty())
      continue;
    if (t.again[i] != kept)
      takesOver(i, t.again[i], second[i], true);
    if (t.stays[i])
      takesOver(i, i, t.position[i], false);
  }
  t.live.resize(total);
  int64_t now = 0;
  for (int i = 0; i < total; ++i) {
    now += change[i];
    t.live[i] = now;
    t.peak = std::max(t.peak, now);
  }
  t.last = std::move(last[0]);
  return t;
}

void Steps::apply(const Splits &splits, ModuleOp module) const {
  Timeline t = timeline(splits);
  std::vector<Operation *> first, second(list.size());
  for (Operation &op : bodyOf(module).without_terminator())
    first.push_back(&op);
  std::vector<SmallVector<int>> runsBefore(list.size());
  for (int i = 0; i < count(); ++i)
    if (t.again[i] != kept)
      runsBefore[t.again[i]].push_back(i);
  auto redirect = [&](Operation *op, const Step &step, int at) {
    for (const Operand &x : step.operands)
      if (isBehind(x, at, splits))
        op->setOperand(x.number, second[x.step]->getResult(x.result));
  };
  for (int at = 0; at < count(); ++at) {
    OpBuilder b(first[at]);
    for (int i : runsBefore[at]) {
      second[i] = b.clone(*first[i]);
      redirect(second[i], list[i], at);
      if (auto kernel = dyn_cast<KernelOp>(second[i]); kernel && t.stays[i])
        kernel.setName((kernel.getName() + "_again").str());
    }
    redirect(first[at], list[at], at);
  }
  for (int i = count(); i-- > 0;)
    if (!t.stays[i])
      first[i]->erase();
}

} // namespace nacre::schedule
