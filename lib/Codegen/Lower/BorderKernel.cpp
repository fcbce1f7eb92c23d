//===- BorderKernel.cpp - a pad whose source is already in place ----------===//
//
// The planner stored the source inside the padded buffer; what is left to
// write is the border. It is cut into boxes: for each padded axis the parts
// below and above the source, over the interior of the axes before it and the
// whole of the axes after it.
//
//===----------------------------------------------------------------------===//
#include "Body.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
namespace nacre::codegen {
using namespace nacre::lazy;
namespace {

struct Interval {
  int64_t from, to;
};

class BorderFiller {
public:
  BorderFiller(Body &body, PadOp pad, int64_t lanes)
      : body(body), b(body.b), loc(body.loc), pad(pad), lanes(lanes),
        place(cast<PlaceAttr>((*body.kernel.getResultPlaces())[0])) {
    TypedAttr value = storedConstant(pad.getValue());
    if (auto integer = dyn_cast<IntegerAttr>(value)) {
      Type stored =
          cast<MemRefType>(body.results[0].getType()).getElementType();
      value = b.getIntegerAttr(stored, integer.getValue().zextOrTrunc(
                                           stored.getIntOrFloatBitWidth()));
    }
    fill = arith::ConstantOp::create(b, loc, value);
    if (lanes > 1)
      fillVector = vector::BroadcastOp::create(
          b, loc, VectorType::get({lanes}, fill.getType()), fill);
    auto rank = tensorType(pad.getResult()).getRank();
    for (int64_t i = 0; i < rank; ++i)
      axes.push_back(i);
    llvm::stable_sort(axes, [&](int64_t p, int64_t q) {
      return place.getStrides()[p] > place.getStrides()[q];
    });
  }

  void box(ArrayRef<Interval> ranges, size_t depth, Value address) {
    int64_t axis = axes[depth], stride = place.getStrides()[axis];
    auto [from, to] = ranges[axis];
    bool last = depth + 1 == axes.size();
    if (last && stride == 1 && lanes > 1 && to - from >= lanes) {
      // Whole vectors; the last one may overlap, every store writes the same.
      loop(from, to - lanes + 1, lanes,
           [&](Value i) { storeVector(address, i); });
      if ((to - from) % lanes)
        storeVector(address, body.index(to - lanes));
      return;
    }
    loop(from, to, 1, [&](Value i) {
      Value at = arith::AddIOp::create(
          b, loc, address,
          arith::MulIOp::create(b, loc, i, body.index(stride)));
      if (last)
        memref::StoreOp::create(b, loc, fill, body.results[0], at);
      else
        box(ranges, depth + 1, at);
    });
  }

  static int64_t volume(ArrayRef<Interval> ranges) {
    int64_t n = 1;
    for (Interval r : ranges)
      n *= r.to - r.from;
    return n;
  }
  /// The point `task` of a box, if the box has that many.
  void point(ArrayRef<Interval> ranges, Value task) {
    Value inside = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt,
                                         task, body.index(volume(ranges)));
    auto branch = scf::IfOp::create(b, loc, TypeRange{}, inside, false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(branch.thenYield());
    Value address = body.index(int64_t(0)), rest = task;
    for (int64_t axis : llvm::reverse(axes)) {
      auto [from, to] = ranges[axis];
      Value i = body.takeDigit(rest, to - from);
      i = arith::AddIOp::create(b, loc, i, body.index(from));
      address = arith::AddIOp::create(
          b, loc, address,
          arith::MulIOp::create(b, loc, i,
                                body.index(place.getStrides()[axis])));
    }
    memref::StoreOp::create(b, loc, fill, body.results[0], address);
  }

private:
  void loop(int64_t from, int64_t to, int64_t step,
            llvm::function_ref<void(Value)> emit) {
    auto op = scf::ForOp::create(b, loc, body.index(from), body.index(to),
                                 body.index(step));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(op.getBody());
    emit(op.getInductionVar());
  }
  void storeVector(Value address, Value i) {
    Value at = arith::AddIOp::create(b, loc, address, i);
    vector::StoreOp::create(b, loc, fillVector, body.results[0], at);
  }

  Body &body;
  OpBuilder &b;
  Location loc;
  PadOp pad;
  int64_t lanes;
  PlaceAttr place;
  Value fill, fillVector;
  SmallVector<int64_t> axes; // outermost in memory first
};

/// Calls `emit` for each box of the border.
LogicalResult forEachBox(Body &body, function_ref<void(PadOp)> begin,
                         function_ref<void(ArrayRef<Interval>)> emit) {
  auto pad = schedule::yielded(body.kernel).getDefiningOp<PadOp>();
  if (!pad || !tensorType(pad.getResult()).hasStaticShape())
    return body.kernel.emitOpError("kernel ")
           << body.kernel.getName()
           << ": a border schedule on a kernel that is no static pad";
  begin(pad);
  auto from = tensorType(pad.getX()).getShape(),
       to = tensorType(pad.getResult()).getShape();
  SmallVector<Interval> ranges;
  for (int64_t extent : to)
    ranges.push_back({0, extent});
  for (size_t axis = 0; axis < to.size(); ++axis) {
    int64_t low = pad.getLow()[axis], inner = low + from[axis];
    for (Interval side : {Interval{0, low}, Interval{inner, to[axis]}}) {
      ranges[axis] = side;
      if (llvm::all_of(ranges, [](Interval r) { return r.from < r.to; }))
        emit(ranges);
    }
    ranges[axis] = {low, inner};
  }
  return success();
}

} // namespace

FailureOr<int64_t> lowerBorderKernel(Body &body, const ScheduleReader &schedule,
                                     Value begin, Value end) {
  OpBuilder &b = body.b;
  OpBuilder::InsertionGuard guard(b);
  std::optional<BorderFiller> filler;
  auto start = [&](PadOp pad) {
    auto once = scf::ForOp::create(b, body.loc, begin, end, body.index(1));
    b.setInsertionPointToStart(once.getBody());
    filler.emplace(body, pad,
                   std::max<int64_t>(schedule.number("lanes", 1), 1));
  };
  if (failed(forEachBox(body, start, [&](ArrayRef<Interval> ranges) {
        filler->box(ranges, 0, body.index(int64_t(0)));
      })))
    return failure();
  return 1;
}

/// Item t writes the t-th point of every box.
FailureOr<GridTasks> lowerGridBorder(Body &body, const ScheduleReader &) {
  OpBuilder &b = body.b;
  std::optional<BorderFiller> filler;
  GridTasks result;
  result.tasks = 0;
  result.perGroup = body.group;
  Value task = arith::AddIOp::create(
      b, body.loc,
      arith::MulIOp::create(b, body.loc, body.groupId, body.index(body.group)),
      body.itemId);
  auto start = [&](PadOp pad) { filler.emplace(body, pad, 1); };
  if (failed(forEachBox(body, start, [&](ArrayRef<Interval> ranges) {
        result.tasks = std::max(result.tasks, BorderFiller::volume(ranges));
        filler->point(ranges, task);
      })))
    return failure();
  return result;
}

} // namespace nacre::codegen
