//===- TrainingRuns.h - small models that are trained in tests --*- C++ -*-===//
#ifndef NACRE_TEST_UNIT_TRAININGRUNS_H
#define NACRE_TEST_UNIT_TRAININGRUNS_H

#include "MainFunction.h"
#include "nacre/Codegen/Target.h"

namespace nacre::test {

mlir::MLIRContext *context();
mlir::RankedTensorType typeOf(DType dtype, llvm::ArrayRef<int64_t> shape);

/// A program whose main is what `write` makes of an empty one.
Program written(llvm::function_ref<void(autodiff::MainFunction &)> write);

/// Interpreted, or compiled for cpu and run here.
enum class Way { Interpreted, Compiled };
std::string nameOf(Way way);

/// A program ready to run.
class Runner {
public:
  Runner(const Program &program, Way way, int64_t threads = 1);
  /// The results by name, and why the run failed (empty: it did not). A failed
  /// interpreted run has no results.
  std::map<std::string, Tensor> run(const std::map<std::string, Tensor> &given,
                                    std::string &error) const;
  /// Of a run that must not fail.
  std::map<std::string, Tensor>
  run(const std::map<std::string, Tensor> &given) const;
  std::vector<std::string> arguments, results;

private:
  Program program;
  CompiledCode code;
  std::unique_ptr<LoadedModel> model;
};

/// The programs of a model and its states, which begin as init gives them.
class Trainee {
public:
  Trainee(autodiff::TrainingModel model, Way way);
  /// Runs `step`, or `gradient` for each set of data and `apply`, and keeps the
  /// new states. The results that are none, by name.
  std::map<std::string, Tensor>
  step(const std::vector<std::map<std::string, Tensor>> &data);
  std::map<std::string, Tensor> states;
  std::optional<Runner> whole, gradient, apply;
};

/// loss = mean((x w v + b - y)^2) with x 6x3, y 6x3, w 3x4, v 4x3, b 3, all
/// multiples of 1/16 between -3/8 and 3/8. test/Autodiff/pytorch_optimizers.py
/// has the same model.
autodiff::TrainingModel regression(DType dtype, int64_t batch = 6);
/// Rows `from` to `from + count` of its data; there are 8.
std::map<std::string, Tensor> regressionData(DType dtype, int64_t from = 0,
                                             int64_t count = 6);

/// A model of what that one lacks: a table, a buffer, random numbers, a frozen
/// weight.
/// table is 5x4, picked from by i of 3 elements, weighted by the frozen 4 and
/// by uniform numbers u: loss = sum(table[i] * frozen * u) / 12, metric
/// `picked` = sum(table[i]). `running` becomes (running + mean(table[i])) / 2
/// and `seen`, an i64, grows by one.
autodiff::TrainingModel everything();

} // namespace nacre::test

#endif // NACRE_TEST_UNIT_TRAININGRUNS_H
