//===- Loop.cpp - steps, evaluations, checkpoints -------------------------===//

#include "Loop.h"
#include "Interrupt.h"
#include "llvm/Support/Format.h"
#include <csignal>
#include <cstring>
#include <nacre/model.h>
#include <unistd.h>

using llvm::StringRef;
using llvm::Twine;
using Clock = std::chrono::steady_clock;

namespace nacre::driver {

TrainingFacts Training::facts() const {
  TrainingFacts facts = {{"model", name},
                         {"seed", std::to_string(seed)},
                         {"batch", std::to_string(batch)},
                         {"micro-batches", std::to_string(accumulate)},
                         {"examples", std::to_string(examples.count)}};
  if (scheduleFollowsSteps)
    facts[scheduleEndKey] = std::to_string(steps);
  return facts;
}

namespace {

/// The words of a record: "loss 0.25, accuracy 0.9".
std::string wordsOf(const Scalars &values) {
  std::string text;
  for (const auto &[name, value] : values) {
    std::string words = name;
    std::replace(words.begin(), words.end(), '_', ' ');
    text += (text.empty() ? "" : ", ") + words + " " + numberText(value, 4);
  }
  return text;
}

class Loop {
public:
  ~Loop() { llvm::consumeError(std::move(trouble)); }
  explicit Loop(Training &training)
      : t(training), batches(t.examples.count, t.batch * t.accumulate, t.seed) {
    const StateProgram &program = t.step ? *t.step : *t.gradient;
    for (const TensorInfo &input : program.data())
      data.push_back(Tensor::zeros(input.dtype, input.shape));
    if (t.gradient)
      sums.emplace(t.states, *t.gradient, t.ranks, t.fastSums, t.accumulate);
  }

  llvm::Error run();

private:
  llvm::Expected<Scalars> oneStep(int64_t step);
  llvm::Expected<Scalars> microBatches(int64_t step);
  void fill(llvm::ArrayRef<int64_t> rows);
  llvm::Error explainStep(llvm::Error error, int32_t status, int64_t step);
  llvm::Error explain(llvm::Error error, int32_t status, const Twine &where,
                      llvm::ArrayRef<int64_t> rows);
  llvm::Error note(Record record);
  void say(const Record &record);
  void showProgress(const Record &record);
  llvm::Error evaluate(int64_t done, int64_t epoch);
  llvm::Error save(int64_t step);
  std::string kept() const;
  bool askedToStop() const;
  llvm::Error stop(int64_t done);

  Training &t;
  Batches batches;
  std::vector<Tensor> data;
  std::optional<StepSums> sums;
  Progress progress;
  int64_t savedStep = -1;
  double fillSeconds = 0; ///< of the step that runs
  /// What went wrong here since the ranks last talked.
  llvm::Error trouble = llvm::Error::success();
  Clock::time_point start = Clock::now(), shown;
};

} // namespace

//===----------------------------------------------------------------------===//
// A step
//===----------------------------------------------------------------------===//

static double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void Loop::fill(llvm::ArrayRef<int64_t> rows) {
  Clock::time_point begin = Clock::now();
  for (auto [from, to] : llvm::zip_equal(t.examples.arrays, data))
    gatherRows(from, rows, to);
  fillSeconds += secondsSince(begin);
}

llvm::Expected<Scalars> Loop::oneStep(int64_t step) {
  if (!t.step)
    return microBatches(step);
  fill(batches.at(step));
  llvm::Expected<Scalars> scalars = t.step->run(t.states, data);
  if (!scalars)
    return explainStep(scalars.takeError(), t.step->status(), step);
  return scalars;
}

/// A gradient of each of this rank's micro-batches, the sums over all, one
/// update of them. The loss is the update's, metrics are the means of the
/// micro-batches'.
llvm::Expected<Scalars> Loop::microBatches(int64_t step) {
  llvm::ArrayRef<int64_t> rows = batches.at(step);
  const int64_t own = t.accumulate / (t.ranks ? t.ranks->count() : 1);
  const int64_t first = t.ranks ? t.ranks->rank() * own : 0;
  Scalars means;
  llvm::Error mine = std::move(trouble);
  for (int64_t micro = first; micro < first + own; ++micro) {
    t.states.setCounter("nacre.micro_batch", micro);
    fill(rows.slice(micro * t.batch, t.batch));
    sums->begin();
    llvm::Expected<Scalars> scalars = t.gradient->run(t.states, data);
    if (!scalars)
      mine = llvm::joinErrors(
          std::move(mine),
          explainStep(scalars.takeError(), t.gradient->status(), step));
    sums->add(mine ? nullptr : &*scalars, interruptNoted() != 0);
    if (mine)
      break;
    means = std::move(*scalars);
  }
  // A state like any other: every rank ends a step with the last one's.
  t.states.setCounter("nacre.micro_batch", t.accumulate - 1);
  auto sum = sums->finish();
  if (!sum)
    return llvm::joinErrors(std::move(mine), sum.takeError());
  // Some run failed; what the sums are is of no interest.
  if (!*sum)
    return t.ranks ? t.ranks->agree(std::move(mine), /*byName=*/false)
                   : std::move(mine);
  llvm::consumeError(std::move(mine));
  for (auto [mean, value] : llvm::zip_equal(means, **sum))
    mean.second = value;
  llvm::Expected<Scalars> applied = t.apply->run(t.states, {});
  if (!applied) {
    llvm::Error error =
        explainStep(applied.takeError(), t.apply->status(), step);
    // Equal sums fail on every rank.
    return t.ranks ? t.ranks->agree(std::move(error), /*byName=*/false)
                   : std::move(error);
  }
  // What the others have updated.
  for (const autodiff::Share &share : t.shares)
    if (llvm::Error error = t.ranks->broadcast(
            share.owner, t.states.find(share.parameter)->value))
      return std::move(error);
  // Both give the loss.
  means.front() = applied->front();
  means.insert(means.end(), applied->begin() + 1, applied->end());
  return means;
}

llvm::Error Loop::explainStep(llvm::Error error, int32_t status, int64_t step) {
  return explain(std::move(error), status,
                 "step " + Twine(step + 1) + " of epoch " +
                     Twine(step / batches.stepsPerEpoch() + 1),
                 batches.at(step));
}

/// What a run's status means to who trains.
llvm::Error Loop::explain(llvm::Error error, int32_t status, const Twine &where,
                          llvm::ArrayRef<int64_t> rows) {
  if (status != NACRE_E_INDEX && status != NACRE_E_ARITH)
    return error;
  llvm::consumeError(std::move(error));
  std::string examples;
  for (int64_t row : rows.take_front(8))
    examples += (examples.empty() ? "" : ", ") + std::to_string(row);
  if (rows.size() > 8)
    examples += ", ...";
  if (status == NACRE_E_INDEX)
    return fail(ExitModel,
                {(where + ": an index in the data, such as a label or a token, "
                          "is out of range")
                     .str(),
                 rows.empty() ? "it is one of the evaluation's examples"
                              : "it is in one of the examples " + examples,
                 kept()});
  return fail(ExitDiffer,
              {(where + ": the loss or a gradient is not finite").str(),
               "the examples are " + examples,
               "try a lower learning rate, a warmup, or clipping of "
               "gradients; and look for values that are not finite in the data",
               kept()});
}

/// What is left of a training that ends before its time.
std::string Loop::kept() const {
  return t.checkpoint.empty() ? "there is no checkpoint, --checkpoint keeps one"
         : savedStep >= 0
             ? t.checkpoint + " is of step " + std::to_string(savedStep)
             : t.checkpoint + " is as it was";
}

/// Whether training ends with the step just done: all ranks have one answer.
bool Loop::askedToStop() const {
  return t.ranks ? sums->askedToStop() : interruptNoted() != 0;
}

llvm::Error Loop::stop(int64_t done) {
  // Asked to by another rank, this one goes as it would by its launcher.
  const int number = interruptNoted() ? interruptNoted() : SIGTERM;
  return fail(ExitCode(ExitSignal + number),
              {("stopped by " + Twine(number == SIGINT ? "SIGINT" : "SIGTERM") +
                " after step " + Twine(done) + " of " + Twine(t.steps))
                   .str(),
               kept() + (t.checkpoint.empty() ? "" : ", --resume goes on")});
}

//===----------------------------------------------------------------------===//
// What is said of it
//===----------------------------------------------------------------------===//

void Loop::say(const Record &record) {
  progress.clear();
  llvm::errs() << "nacre: step " << record.step << "/" << t.steps << ", epoch "
               << record.epoch << (record.valid ? ", evaluation: " : ": ")
               << printable(wordsOf(record.values)) << "\n";
}

void Loop::showProgress(const Record &record) {
  Clock::time_point now = Clock::now();
  if (now - shown < std::chrono::milliseconds(100))
    return;
  shown = now;
  double seconds = std::chrono::duration<double>(now - start).count();
  double perSecond = double(record.step - t.firstStep) / seconds;
  int64_t left = int64_t(double(t.steps - record.step) / perSecond + 0.5);
  std::string text;
  llvm::raw_string_ostream(text)
      << "step " << record.step << "/" << t.steps << ", epoch " << record.epoch
      << ", loss " << numberText(record.values.front().second, 4) << ", "
      << llvm::format("%.3g", perSecond) << " steps/s, " << left / 60 << ":"
      << llvm::format("%02d", int(left % 60)) << " left";
  progress.say(text);
}

llvm::Error Loop::note(Record record) {
  if (t.log)
    if (llvm::Error error = t.log->add(record))
      return error;
  t.history.push_back(std::move(record));
  return llvm::Error::success();
}

llvm::Error Loop::save(int64_t step) {
  if (t.checkpoint.empty() || savedStep == step)
    return llvm::Error::success();
  // Every rank's messages say what rank 0's file is.
  savedStep = step;
  const bool divided = !t.shares.empty();
  WeightStore store = storeOf(t.states, [&](autodiff::StateKind kind) {
    return kind != autodiff::StateKind::Gradient &&
           !(divided && kind == autodiff::StateKind::Optimizer);
  });
  // The file is that of a training in one process.
  for (const autodiff::Share &share : t.shares)
    for (const autodiff::State &slot : share.slots) {
      States::Entry *own = t.states.find(slot.name);
      Tensor value = own ? own->value
                         : Tensor::zeros(dtypeOf(slot.type.getElementType()),
                                         slot.type.getShape());
      if (llvm::Error error = t.ranks->broadcast(share.owner, value))
        return error;
      if (t.speaks())
        store.add(slot.name, value);
    }
  if (!t.speaks())
    return llvm::Error::success();
  TrainingFacts facts = t.facts();
  facts["step"] = std::to_string(step);
  return writeCheckpoint(t.checkpoint, std::move(store), facts);
}

llvm::Error Loop::evaluate(int64_t done, int64_t epoch) {
  if (!t.evaluation)
    return llvm::Error::success();
  Clock::time_point begin = Clock::now();
  llvm::Expected<Scalars> values = t.evaluation->run(t.states);
  if (!values)
    return explain(values.takeError(), t.evaluation->status(),
                   "evaluation after step " + Twine(done), {});
  t.evaluationSeconds.push_back(secondsSince(begin));
  Record evaluated{done, epoch, true, std::move(*values)};
  say(evaluated);
  return note(std::move(evaluated));
}

//===----------------------------------------------------------------------===//
// All of them
//===----------------------------------------------------------------------===//

llvm::Error Loop::run() {
  // About twenty lines of losses where there is no terminal.
  const int64_t sayEvery = std::max<int64_t>(1, t.steps / 20);
  if (t.ranks) {
    const int64_t each = t.accumulate / t.ranks->count();
    llvm::errs() << "nacre: " << t.ranks->count()
                 << (t.ranks->count() == 1 ? " rank, " : " ranks, ") << each
                 << (each == 1 ? " micro-batch" : " micro-batches")
                 << " to each, " << sums->byteCount() << " bytes added "
                 << (t.fastSums ? "in any order" : "in one order") << "\n";
    int64_t own = 0, all = 0;
    for (const autodiff::Share &share : t.shares)
      for (const autodiff::State &slot : share.slots) {
        int64_t bytes = *byteSize(slot.type.getShape(),
                                  dtypeOf(slot.type.getElementType()));
        all += bytes;
        own += t.states.find(slot.name) ? bytes : 0;
      }
    if (!t.shares.empty())
      llvm::errs() << "nacre: " << own << " of " << all
                   << " bytes of the optimizer's states are on this rank\n";
  }
  if (t.firstStep > 0)
    savedStep = t.firstStep;
  auto due = [&](int64_t done, int64_t every) {
    return every > 0 && done % every == 0;
  };
  for (int64_t step = t.firstStep; step < t.steps; ++step) {
    const int64_t done = step + 1;
    const int64_t epoch = step / batches.stepsPerEpoch() + 1;
    Clock::time_point begin = Clock::now();
    fillSeconds = 0;
    llvm::Expected<Scalars> scalars = oneStep(step);
    if (!scalars)
      return scalars.takeError();
    t.stepSeconds.push_back(secondsSince(begin) - fillSeconds);
    Record record{done, epoch, false, std::move(*scalars)};
    showProgress(record);
    if (due(done, sayEvery) || done == t.steps)
      say(record);
    if (llvm::Error error = note(std::move(record))) {
      if (!t.ranks)
        return error;
      // Only rank 0 has it; the others are told when they next listen.
      trouble = std::move(error);
    }
    const bool stops = done < t.steps && askedToStop();
    const bool evaluates = due(done, t.evalEvery) || done == t.steps;
    const bool saves = due(done, t.checkpointEvery) || done == t.steps || stops;
    if (!evaluates && !saves)
      continue;
    if (!trouble && evaluates)
      trouble = evaluate(done, epoch);
    // A checkpoint of divided states takes all ranks, or none.
    if (saves && !t.shares.empty()) {
      if (llvm::Error error = t.ranks->agree(std::move(trouble)))
        return error;
      trouble = llvm::Error::success();
    }
    // After the log: what the checkpoint says was done is in it.
    if (!trouble && saves)
      trouble = save(done);
    if (t.ranks) {
      if (llvm::Error error = t.ranks->agree(std::move(trouble)))
        return error;
      if (saves)
        if (llvm::Error error = t.ranks->compare(
                {{"hash of the states after step " + std::to_string(done),
                  digestOf(t.states, t.shares.empty())}}))
          return error;
      trouble = llvm::Error::success();
    } else if (trouble) {
      return std::move(trouble);
    }
    if (stops)
      return stop(done);
  }
  // Nothing to do is a checkpoint too.
  return save(t.steps);
}

llvm::Error runSteps(Training &training) {
  noteInterrupts();
  llvm::Error error = Loop(training).run();
  leaveInterrupts();
  return error;
}

} // namespace nacre::driver
