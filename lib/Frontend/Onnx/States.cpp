//===- States.cpp - inputs whose next value is an output ------------------===//
//
// Such an input is a state of the program (nacre/Lazy/State.h). One whose
// extents are the same in all runs is simply a tensor. One that grows, as the
// keys and values that a language model keeps, has room for what a run may make
// of it; what the model sees as the input are its first slices. Where the model
// joins new slices to them, these are written behind the old ones, into the
// state, and the state is the result.
//
//===----------------------------------------------------------------------===//
#include "Blocker.h"
#include "Import.h"
#include "Lists.h"
#include "Shapes.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using mlir::Value;
using Ints = llvm::SmallVector<int64_t>;

void Importer::addState(const onnx::ValueInfoProto &input) {
  Signature declared = declaredSignature(input, true);
  std::string what = "input " + quoted(declared.name);
  if (!declared.wrapping.empty() || declared.strings)
    block("E_STATE: " + what + ": only a tensor can be a state");
  State state;
  state.input = declared.name;
  state.output = options.states.lookup(declared.name);
  state.type = boundType(builder.getContext(), declared, options, errors);
  if (!state.type)
    return;
  if (!state.type.hasStaticShape())
    block("E_STATE: " + what + ": a state cannot have the symbolic extent " +
          declared.dimNames[0]);
  state.extents = extentsOf(declared, state.type);
  for (auto [axis, e] : llvm::enumerate(state.extents)) {
    if (e.isConstant())
      continue;
    if (state.axis >= 0)
      block("E_STATE: " + what + ": a state grows along one axis; of the " +
            "extents " + dims.table.text(state.extents[state.axis]) + " and " +
            dims.table.text(e) + " one must be known (--dim)");
    state.axis = axis;
  }
  states.push_back(std::move(state));
}

/// What the model takes for the input.
Value Importer::stateAsInput(const State &state) {
  if (state.axis < 0)
    return state.argument;
  return dims.withExtents(state.argument.getLoc(), state.argument,
                          state.extents);
}

/// The growing state that `v` is a view of, or null.
Importer::State *Importer::stateBehind(Value v) {
  while (auto view = v.getDefiningOp<lazy::ViewOpInterface>()) {
    v = view.source();
    for (State &state : states)
      if (state.argument == v && state.axis >= 0)
        return &state;
  }
  return nullptr;
}

/// `v`, a view of a state, with `room` slices along `axis` in place of those of
/// the input: null where the view does not keep the axis.
Value Importer::wholeOf(mlir::Location loc, Value v, int64_t axis,
                        int64_t room) {
  lazy::Build b{builder, loc};
  mlir::Operation *op = v.getDefiningOp();
  Ints shape(lazy::tensorType(v).getShape());
  int64_t slices = shape[axis];
  shape[axis] = room;
  if (auto slice = mlir::dyn_cast<lazy::SliceOp>(op)) {
    if (slice.getStarts()[axis] != 0 || slice.getSteps()[axis] != 1)
      return {};
    for (State &state : states)
      if (state.argument == slice.getX())
        return axis == state.axis ? b.slice(slice.getX(), slice.getStarts(),
                                            shape, slice.getSteps())
                                  : Value();
    if (lazy::tensorType(slice.getX()).getDimSize(axis) != slices)
      return {};
    Value source = wholeOf(loc, slice.getX(), axis, room);
    return source ? b.slice(source, slice.getStarts(), shape, slice.getSteps())
                  : Value();
  }
  if (auto permute = mlir::dyn_cast<lazy::PermuteOp>(op)) {
    Value source = wholeOf(loc, permute.getX(), permute.getPerm()[axis], room);
    return source ? b.permute(source, permute.getPerm()) : Value();
  }
  auto reshape = mlir::dyn_cast<lazy::ReshapeOp>(op);
  if (!reshape)
    return {};
  // The axis of the source with as many elements before it and as long.
  auto from = lazy::tensorType(reshape.getX()).getShape();
  int64_t before = 1, passed = 1;
  for (int64_t extent : llvm::ArrayRef(shape).take_front(axis))
    before *= extent;
  for (auto [i, extent] : llvm::enumerate(from)) {
    if (passed == before && extent == slices &&
        dims.of(reshape.getX(), i) == dims.of(v, axis)) {
      Value source = wholeOf(loc, reshape.getX(), i, room);
      return source ? b.reshape(source, shape) : Value();
    }
    passed *= extent;
  }
  return {};
}

Value Importer::appended(mlir::Location loc, Value first, Value rest,
                         int64_t axis) {
  State *state = stateBehind(first);
  if (!state)
    return {};
  Extents extents = dims.of(first);
  Extent old = extents[axis];
  if (old.isConstant())
    return {};
  extents[axis] = old + dims.of(rest, axis);
  Ints room = dims.bounds(extents);
  // All parts of a state grow alike.
  Ints shape(state->type.getShape());
  shape[state->axis] = room[axis];
  auto type = state->type.clone(llvm::ArrayRef<int64_t>(shape));
  if (state->argument.getType() != state->type &&
      state->argument.getType() != type)
    return {};
  state->argument.setType(type);
  Value whole = wholeOf(loc, first, axis, room[axis]);
  if (!whole ||
      llvm::ArrayRef<int64_t>(room) != lazy::tensorType(whole).getShape())
    return {};
  lazy::Build b{builder, loc};
  Value y = b.write(whole, rest, dims.scalar(loc, old),
                    dims.scalar(loc, dims.of(rest, axis)), axis);
  dims.declare(y, extents);
  return y;
}

/// Whether `v` is made of the state by writes and joining alone.
bool Importer::isWrittenInto(Value v, const State &state) {
  mlir::Operation *op = v.getDefiningOp();
  if (auto write = mlir::dyn_cast_or_null<lazy::WriteOp>(op)) {
    Value x = write.getX();
    while (auto view = x.getDefiningOp<lazy::ViewOpInterface>())
      x = view.source();
    return x == state.argument;
  }
  if (mlir::isa_and_nonnull<lazy::ConcatOp, lazy::ReshapeOp, lazy::SliceOp>(op))
    return llvm::all_of(op->getOperands(),
                        [&](Value part) { return isWrittenInto(part, state); });
  return false;
}

/// Blocks unless `next` can be the state's next value.
void Importer::checkState(const State &state, Value next) {
  if (!next)
    block("E_STATE: output " + quoted(state.output) +
          ": only a tensor can be "
          "a state's next value");
  std::string what = "E_STATE: output " + quoted(state.output) +
                     " cannot be the next value of input " +
                     quoted(state.input) + ": ";
  if (state.axis >= 0 && !isWrittenInto(next, state))
    block(what + "it is not that input with slices joined to it along axis " +
          llvm::Twine(state.axis));
  mlir::RankedTensorType have = lazy::tensorType(next),
                         need = lazy::tensorType(state.argument);
  if (have != need)
    block(what + "it is " + dtypeName(dtypeOf(have.getElementType())) + " " +
          shapeText(have.getShape()) + ", the input " +
          dtypeName(dtypeOf(need.getElementType())) + " " +
          shapeText(need.getShape()));
  if (state.axis < 0 && !dims.isStatic(next))
    block(what + "the run decides its extents");
}
