//===- Differential.h - compiled code against the interpreter ---*- C++ -*-===//
//
// A test builds a program with its inputs, and `check` compiles it as the
// driver does for the target under test, runs it and compares each result with
// the interpreter's. On cpu every buffer ends at, or begins after, a page that
// may not be touched, and has no more than its element's alignment. A case runs
// in a process of its own, so a crash is a failure like any other; every
// failure prints the program.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_TEST_CODEGEN_DIFFERENTIAL_H
#define NACRE_TEST_CODEGEN_DIFFERENTIAL_H

#include "nacre/Codegen/Target.h"
#include "nacre/Driver/Pipeline.h"
#include "nacre/Lazy/Build.h"
#include "nacre/Lazy/Program.h"
#include <functional>
#include <random>

namespace nacre::test {

using mlir::ArrayRef;
using mlir::SmallVector;
using mlir::StringRef;
using mlir::Value;
using Shape = SmallVector<int64_t>;

mlir::MLIRContext *context();
mlir::Type element(DType dtype);
mlir::RankedTensorType typeOf(DType dtype, ArrayRef<int64_t> shape);
extern const std::vector<DType> allTypes;
inline bool isFloat(DType t) { return t >= DType::F16; }

/// What the cases run on, set before the first.
struct UnderTest {
  const Target *target = nullptr;
  bool decomposed = false; ///< kernels against themselves, decomposed
  unsigned cache = 0;      ///< bytes of cache, to the cost model; 0: as it is
  bool full = false;       ///< cases that take long or much memory, too
  bool is(StringRef name) const { return target->name() == name; }
  /// f64 is computed in f32: such data is rounded to f32 before the
  /// interpreter sees it, and results may differ by roundings of f32.
  bool narrowsF64() const { return is("wgsl"); }
  /// Subnormal numbers of f32's range may count as 0, as WGSL allows. Data has
  /// none, and results may be 0 in their place.
  bool flushes() const { return is("wgsl"); }
};
extern UnderTest under;

/// Numbers a test computes with.
enum class Values {
  Small, ///< few bits, so that float sums and products are exact
  Wild   ///< extremes, infinities, NaN, signed zeros, any bits
};
Tensor random(DType dtype, ArrayRef<int64_t> shape, std::mt19937_64 &rng,
              Values values = Values::Small);
/// The same data as far as the target under test holds it.
Tensor held(Tensor t);

/// How far a result may be from the interpreter's: |got - want| <= absolute +
/// relative * |want|. Infinities and NaN must be the same. Integers are always
/// compared exactly.
struct Tolerance {
  double relative = 0, absolute = 0;
};
/// Some units in the last place of `dtype`.
Tolerance roundings(DType dtype, double units, double absolute = 0);
/// The distance of two numbers next to `v` in `dtype`.
double unitAt(DType dtype, double v);
/// A tolerance for numbers as the target under test holds them.
Tolerance asHeld(Tolerance t, DType dtype);

/// A program under construction.
class Net {
public:
  Net();
  Value input(Tensor data);
  /// An input with a symbolic leading extent and its data at several values.
  Value input(mlir::RankedTensorType type, std::vector<Tensor> data);
  Value weight(Tensor data);
  void output(Value v, std::string label, Tolerance tolerance = {});
  size_t outputs() const { return results.size(); }
  /// The program is one after this phase.
  void startAt(Phase after) { phase = after; }

  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::OpBuilder builder;
  lazy::Build build;
  std::mt19937_64 rng;

private:
  friend struct Check;
  Program program;
  Phase phase = Phase::Import;
  mlir::Block *block;
  std::vector<std::vector<Tensor>> inputs; ///< per input, per set of data
  std::vector<Value> results;
  std::vector<std::string> labels;
  std::vector<Tolerance> tolerances;
};

/// Pieces of networks, as frontends write them.
Value softmax(Net &net, Value x, int64_t axis);
Value layerNorm(Net &net, Value x, ArrayRef<int64_t> axes, bool affine);

/// What to compile and run a program with.
struct Ways {
  std::vector<unsigned> levels{2};
  std::vector<int> threads{1, 2};
  /// Changes what the schedule's cost model believes, to force its hand.
  std::function<void(MachineDescription &)> machine = nullptr;
};
inline const Ways everyLevel{{0, 1, 2, 3}, {1, 2}, nullptr};
void check(Net &net, const Ways &ways = {});
/// The run must end in `status` and touch nothing it may not.
void checkStatus(Net &net, int32_t status);
/// A program of a file, in the phase `from`.
void checkFile(StringRef path, Phase from, uint64_t seed);
/// Whether the target under test runs here, and what it runs on or why not.
bool canRun(std::string &device);
/// Failures of this process so far.
int failures();
/// What to print when a case dies of a signal.
void diesWith(std::string text);

/// The cases of this executable, in order. The name selects: a case runs when
/// it contains the command line's --only=TEXT.
struct Case {
  std::string name;
  std::function<void()> body;
};

/// What a case tells the process that started it: a result that was compared,
/// its error in units of the last place, or why there is nothing to compare.
void noteError(StringRef op, DType dtype, int64_t elements, double units);
void noteRefused(StringRef reason);
void addPrimitives(std::vector<Case> &cases);
void addContractions(std::vector<Case> &cases);
void addByteSums(std::vector<Case> &cases);
void addPrograms(std::vector<Case> &cases);
void addGrids(std::vector<Case> &cases);
void addScatters(std::vector<Case> &cases);
void addWrites(std::vector<Case> &cases);
void addEdges(std::vector<Case> &cases);
/// Ways to run a contraction on a grid, by name: which of the schedule's
/// variants its cost model is made to choose.
std::vector<std::pair<std::string, Ways>> gridVariants();
/// Random programs with the seeds first, first + 1, ...
void addRandom(std::vector<Case> &cases, uint64_t first, int64_t count);

} // namespace nacre::test

#endif // NACRE_TEST_CODEGEN_DIFFERENTIAL_H
