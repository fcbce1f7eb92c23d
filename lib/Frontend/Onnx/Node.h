//===- Node.h - one ONNX node while it is imported --------------*- C++ -*-===//
//
// What an op's importer sees: inputs, attributes of every opset's form, and a
// builder whose checks speak of the node instead of asserting.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LIB_FRONTEND_ONNX_NODE_H
#define NACRE_LIB_FRONTEND_ONNX_NODE_H

#include "Import.h"

namespace nacre::onnx_frontend {

using Ints = llvm::SmallVector<int64_t>;
using llvm::Twine;
using mlir::Value;

class Node {
public:
  Node(Importer &importer, Scope &scope, const onnx::NodeProto &proto,
       int64_t opset, mlir::Location loc, std::string name)
      : importer(importer), scope(scope), proto(proto), opset(opset),
        build{importer.builder, loc}, name(std::move(name)) {}

  Importer &importer;
  Scope &scope;
  const onnx::NodeProto &proto;
  int64_t opset;
  lazy::Build build;
  std::string name;

  // Inputs.
  int inputCount() const { return proto.input_size(); }
  bool has(int i) const {
    return i < proto.input_size() && !proto.input(i).empty();
  }
  Datum datum(int i); ///< blocks when it is missing
  Value in(int i);    ///< blocks when it is missing or no tensor
  Value optional(int i) { return has(i) ? in(i) : Value(); }
  /// The value of an input that must be known now; `what` names it.
  Tensor constant(int i, llvm::StringRef what);
  Ints constantInts(int i, llvm::StringRef what);

  /// The strings of an input, which must be known now.
  const StringTensor &strings(int i);
  /// Their codes, of i32, as an input has them or as a constant.
  Value codes(int i);
  Value codesOf(const StringTensor &strings) {
    return importer.codesOf(build.loc, name, strings);
  }

  // Attributes; inside a function a reference takes the call's.
  const onnx::AttributeProto *attribute(llvm::StringRef name);
  int64_t intAttr(llvm::StringRef name, int64_t otherwise);
  double floatAttr(llvm::StringRef name, double otherwise);
  std::string stringAttr(llvm::StringRef name, llvm::StringRef otherwise);
  std::optional<Ints> intsAttr(llvm::StringRef name);
  std::optional<llvm::SmallVector<double>> floatsAttr(llvm::StringRef name);
  /// The old form (attribute) before `sinceOpset`, the input from then on;
  /// nullopt when absent.
  std::optional<Ints> intsAttrOrInput(llvm::StringRef name, int input,
                                      int64_t sinceOpset);

  // Results.
  void set(int i, Value value) { setDatum(i, value); }
  void setDatum(int i, Datum datum);
  /// Whether output i exists and has a name.
  bool wants(int i) const {
    return i < proto.output_size() && !proto.output(i).empty();
  }
  /// Blocks when any output from `first` on is wanted.
  void onlyOutputs(int first);

  // Types.
  static llvm::ArrayRef<int64_t> shape(Value v) {
    return lazy::tensorType(v).getShape();
  }
  static int64_t rank(Value v) { return lazy::tensorType(v).getRank(); }
  static mlir::Type element(Value v) {
    return lazy::tensorType(v).getElementType();
  }
  static DType dtype(Value v) { return dtypeOf(element(v)); }
  static bool isFloat(Value v) {
    return mlir::isa<mlir::FloatType>(element(v));
  }
  mlir::Type type(DType dtype) {
    return elementType(importer.builder.getContext(), dtype);
  }
  /// What the run makes of an axis; shape() has its bound.
  Extent extent(Value v, int64_t axis) {
    return mlir::ShapedType::isDynamic(shape(v)[axis])
               ? Extent(1) // a leading one, which its own checks look after
               : importer.dims.of(v, axis);
  }
  Extents extents(Value v) { return importer.dims.of(v); }
  /// An extent as a scalar of i64.
  Value scalar(const Extent &e) { return importer.dims.scalar(build.loc, e); }
  /// The integers of an input, in terms of extents; blocks where they depend on
  /// data. `what` names it.
  Extents extentInts(int i, llvm::StringRef what);
  /// An axis in [-rank, rank) as one in [0, rank).
  int64_t axis(int64_t given, int64_t rank, llvm::StringRef what = "axis");
  Ints axes(llvm::ArrayRef<int64_t> given, int64_t rank);

  // Checks.
  void needFloat(Value v);
  void needRank(Value v, int64_t atLeast);
  void needSameElement(Value a, Value b);
  void needStatic(Value v); ///< no symbolic extent
  void needStatic(Value v, int64_t axis);
  /// The number of elements along some axes, all static.
  int64_t countAlong(Value v, llvm::ArrayRef<int64_t> axes);
  /// Blocks with E_OVERFLOW unless this is a shape a tensor may have.
  void needShape(llvm::ArrayRef<int64_t> shape);
  Tensor newTensor(DType dtype, llvm::ArrayRef<int64_t> shape); ///< limited

  // Building with checks of the operands.
  template <typename Op> Value binary(Value a, Value b) {
    checkBroadcast(a, b);
    return build.binary<Op>(spread(a, b), spread(b, a));
  }
  template <typename Op> Value binary(Value a, double b) {
    return build.binary<Op>(a, build.splatLike(a, b));
  }
  template <typename Op> Value unary(Value a) {
    needFloat(a);
    return build.unary<Op>(a);
  }
  Value cmp(lazy::CmpKind kind, Value a, Value b) {
    checkBroadcast(a, b);
    return build.cmp(kind, spread(a, b), spread(b, a));
  }
  Value where(Value condition, Value a, Value b);
  Value reshape(Value x, llvm::ArrayRef<int64_t> shape);
  /// A value of one element as a scalar; blocks where it has another number of
  /// them. `what` names it.
  Value scalarOf(Value v, llvm::StringRef what);
  Value pad(Value x, llvm::ArrayRef<int64_t> low, llvm::ArrayRef<int64_t> high,
            double value);
  /// Elements [start, start + size) of one axis.
  Value sliceAxis(Value x, int64_t axis, int64_t start, int64_t size,
                  int64_t step = 1);
  Value concat(llvm::ArrayRef<Value> xs, int64_t axis);
  /// A 1-d [C] value as [1,C,1,..] of the given rank.
  Value channels(Value v, int64_t rank, int64_t axis = 1);
  Value ints(llvm::ArrayRef<int64_t> values); ///< 1-d i64 constant
  Value constantOf(Tensor t) {
    return importer.constant(build.loc, name, std::move(t));
  }
  /// The mean over axes, keeping them as 1.
  Value mean(Value x, llvm::ArrayRef<int64_t> axes);
  /// A sum of elements of x along axes, over their number.
  Value overCount(Value sum, Value x, llvm::ArrayRef<int64_t> axes);

private:
  /// A splat of one element as a splat of the shape of `like`, so that literals
  /// need no expand; other values as they are.
  Value spread(Value v, Value like);
  void checkBroadcast(Value a, Value b);
};

/// Sum, difference and product that block with E_OVERFLOW.
int64_t addChecked(int64_t a, int64_t b);
int64_t mulChecked(int64_t a, int64_t b);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_NODE_H
