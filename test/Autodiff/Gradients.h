//===- Gradients.h - gradients against differences of losses ----*- C++ -*-===//
//
// A case is one function of tensors, with samples: sets of shapes. All samples
// of a case are one program, compiled for this processor as the driver does;
// sample k has the loss sum(f(x...) * r) with random r. Gradients in f64 are
// held against central differences of the losses, those in f32 against f64.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_TEST_AUTODIFF_GRADIENTS_H
#define NACRE_TEST_AUTODIFF_GRADIENTS_H

#include "nacre/Lazy/Build.h"
#include "nacre/Lazy/Program.h"
#include "llvm/Support/Error.h"
#include <functional>
#include <random>

namespace nacre::test {

using mlir::ArrayRef;
using mlir::SmallVector;
using mlir::StringRef;
using mlir::Value;
using Shape = SmallVector<int64_t>;

/// What the elements of an input are.
enum class Values {
  Any,      ///< -1 to 1
  Positive, ///< 0.5 to 2
  Apart     ///< at least 0.005 from each other, from 0 and from other inputs'
};

/// An argument of a case's program.
struct Given {
  Tensor data; ///< f64, of values that f32 holds; or i64
  bool learns;
  size_t sample;
};

/// One sample while its program is built.
class Sample {
public:
  Sample(lazy::Build &build, mlir::Type element, mlir::Block *block,
         std::vector<Given> &given, size_t number)
      : build(build), element(element), block(block), given(given),
        number(number), rng(number + 1) {}

  /// An input whose gradient is checked.
  Value in(ArrayRef<int64_t> shape, Values values = Values::Any) {
    return add(values, shape, true);
  }
  /// One without a gradient.
  Value fixed(ArrayRef<int64_t> shape, Values values = Values::Any) {
    return add(values, shape, false);
  }
  /// i64 indices from -limit to limit - 1, or from 0 without `negative`.
  Value index(ArrayRef<int64_t> shape, int64_t limit, bool negative = true);
  /// An input with literal values.
  Value literal(ArrayRef<int64_t> shape, ArrayRef<double> values);
  int64_t below(int64_t limit) { return int64_t(rng() % uint64_t(limit)); }

  lazy::Build &build;
  mlir::Type element;

private:
  Value add(Values values, ArrayRef<int64_t> shape, bool learns);
  Value add(Tensor data, bool learns);

  mlir::Block *block;
  std::vector<Given> &given;
  size_t number, inputs = 0;
  std::mt19937_64 rng;
};

/// A case of the table: an op or a layer, its samples and their shapes in
/// words.
struct Case {
  struct One {
    std::string shapes;
    std::function<Value(Sample &)> build;
    /// Where a slope has no meaning (ties, kinks): the gradient of the sum.
    std::vector<double> expected = {};
  };
  std::string name;
  std::vector<One> samples = {};
  bool isLayer = false;
};

mlir::MLIRContext *context();
/// "2x3, 4".
std::string inWords(ArrayRef<Shape> shapes);
void addPrimitives(std::vector<Case> &cases);
void addContractions(std::vector<Case> &cases);
void addLayers(std::vector<Case> &cases);

/// Largest errors over the samples of a case.
struct Errors {
  double f64 = 0, f32 = 0;
};
/// Says what is wrong, or what of it exceeds the bounds.
llvm::Expected<Errors> check(const Case &one);

} // namespace nacre::test

#endif // NACRE_TEST_AUTODIFF_GRADIENTS_H
