//===- LowerProgram.cpp - a scheduled program as calls of kernels ---------===//
#include "LowerProgram.h"
#include "Body.h"
#include "GroupKernel.h"
#include "ThreadShares.h"
#include "mlir/IR/Verifier.h"
#include "nacre/Codegen/Signature.h"
#include "nacre/Lazy/ControlFlow.h"
#include "nacre/Lazy/Signature.h"
#include "nacre/Schedule/KernelNest.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
namespace nacre::codegen {
using namespace nacre::lazy;
namespace {

/// Each weight starts at a multiple of these bytes.
constexpr uint64_t weightAlignment = 64;
/// Bytes of a segment, about.
constexpr uint64_t segmentBytes = 16 << 20;

class ProgramLowering {
public:
  ProgramLowering(Program &program, StringRef prefix, CompiledCode &code,
                  uint64_t chunkBytes)
      : program(program), prefix(prefix), code(code), chunkBytes(chunkBytes),
        main(program.module->lookupSymbol<func::FuncOp>("main")) {}
  llvm::Expected<LoweredProgram> run();

private:
  void signature();
  LogicalResult steps(Block &block);
  LogicalResult kernelStep(KernelOp kernel, KernelOp &done);
  LogicalResult groupStep(const schedule::KernelGroup &group);
  std::string shared(func::FuncOp function);
  void add(KernelCall call, KernelInfo info);
  LogicalResult loopStep(LoopOp loop);
  LogicalResult ifStep(IfOp branch);
  void noteChunks(func::FuncOp function, ArrayRef<BufferRef> buffers);
  uint64_t weightOffset(WeightOp op, const std::optional<Packing> &packing,
                        int64_t elementSize);
  uint64_t addCopied(const Tensor &tensor);
  uint64_t addPacked(const Tensor &tensor, const Packing &packing,
                     int64_t elementSize);
  /// A dim, or a sum behind the dims.
  unsigned symbolIndex(StringRef name) {
    auto dim = llvm::find(code.dimNames, name.str());
    if (dim != code.dimNames.end())
      return dim - code.dimNames.begin();
    auto sum = llvm::find_if(lowered.sums,
                             [&](const auto &s) { return s.name == name; });
    return code.dimNames.size() + (sum - lowered.sums.begin());
  }
  KernelInfo describe(KernelOp kernel);
  SmallVector<BufferRef> buffersOf(KernelOp kernel,
                                   const std::optional<Packing> &packing);
  BufferRef refOf(Attribute place, Value v, bool write,
                  const Packing *packing = nullptr);
  BufferRef arenaRef(int64_t offset, int64_t bytes);

  Program &program;
  StringRef prefix;
  CompiledCode &code;
  uint64_t chunkBytes;
  func::FuncOp main;
  LoweredProgram lowered;
  llvm::StringMap<std::string> functionOf; // text of a kernel -> its name
  llvm::StringMap<uint64_t> placedWeights;
  /// Where the buffers of the function that is being lowered lie; of `main`
  /// they are what they are.
  struct Buffers {
    SmallVector<BufferRef> inputs, outputs;
    BufferRef arena;
  };
  const Buffers *inside = nullptr;
};

void ProgramLowering::signature() {
  readSignature(program, code);
  if (auto sums = main->getAttrOfType<DictionaryAttr>(extentSums))
    for (NamedAttribute entry : sums) {
      if (llvm::is_contained(code.dimNames, entry.getName().str()))
        continue;
      LoweredProgram::Sum sum{entry.getName().getValue(), {}};
      for (Attribute product : cast<ArrayAttr>(entry.getValue()))
        sum.products.emplace_back(
            cast<DenseI64ArrayAttr>(product).asArrayRef());
      lowered.sums.push_back(std::move(sum));
    }
  auto isCount = [&](StringRef name) {
    return llvm::any_of(code.outputs, [&](const TensorInfo &t) {
      return t.isCount && t.name == name;
    });
  };
  for (const auto *list : {&code.inputs, &code.outputs})
    for (const TensorInfo &t : *list)
      for (auto [dim, bound] : llvm::zip_equal(t.dimNames, t.shape))
        if (!dim.empty() && !llvm::is_contained(code.dimNames, dim) &&
            !isCount(dim)) {
          code.dimNames.push_back(dim);
          code.dimRanges.push_back({0, bound});
        }
}

uint64_t ProgramLowering::weightOffset(WeightOp op,
                                       const std::optional<Packing> &packing,
                                       int64_t elementSize) {
  std::string key = op.getName().str();
  llvm::raw_string_ostream stream(key);
  if (packing) {
    stream << '\0' << packing->block << '/' << packing->dot << '/'
           << packing->laneExtent << '/' << packing->laneSourceStride << '/'
           << packing->sourceOffset;
    for (size_t i = 0; i < packing->dims.size(); ++i)
      stream << ',' << packing->extents[i] << ':' << packing->sourceStrides[i]
             << ':' << packing->packedStrides[i];
  }
  auto [it, fresh] = placedWeights.try_emplace(key, code.weightsBytes);
  if (!fresh)
    return it->second;
  const Tensor &tensor = *program.weights->findStored(op.getName());
  uint64_t bytes =
      packing ? addPacked(tensor, *packing, elementSize) : addCopied(tensor);
  code.weightsBytes = llvm::alignTo(code.weightsBytes + bytes, weightAlignment);
  return it->second;
}

/// Adds the segments of a weight that is copied as it is. Returns its bytes.
uint64_t ProgramLowering::addCopied(const Tensor &tensor) {
  uint64_t bytes = tensor.byteCount();
  for (uint64_t at = 0; at < bytes; at += segmentBytes) {
    llvm::ArrayRef<uint8_t> part(tensor.bytes + at,
                                 std::min(segmentBytes, bytes - at));
    code.weights.push_back({code.weightsBytes + at, part.size(),
                            [part, owner = tensor.keepAlive](uint8_t *to) {
                              llvm::copy(part, to);
                            },
                            tensor.ofFile ? part : llvm::ArrayRef<uint8_t>()});
  }
  return bytes;
}

/// Adds the segments of a packed weight. Returns its bytes.
uint64_t ProgramLowering::addPacked(const Tensor &tensor,
                                    const Packing &packing,
                                    int64_t elementSize) {
  const uint8_t *source = tensor.bytes, *end = source + tensor.byteCount();
  std::vector<Packing> parts = packing.parts(segmentBytes / elementSize);
  uint64_t at = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const uint8_t *from = source + parts[i].lowestSource() * elementSize;
    const uint8_t *next =
        i + 1 < parts.size()
            ? source + parts[i + 1].lowestSource() * elementSize
            : end;
    uint64_t bytes = parts[i].elements * elementSize;
    code.weights.push_back(
        {code.weightsBytes + at,
         bytes,
         [source, owner = tensor.keepAlive, p = parts[i],
          elementSize](uint8_t *to) { p.write(source, to, elementSize); },
         {}});
    if (tensor.ofFile && from < next)
      code.weights.back().lastRead = {from, next};
    at += bytes;
  }
  return at;
}

/// What matters most of a schedule, in short.
static std::string scheduleText(DictionaryAttr attributes) {
  ScheduleReader schedule{attributes};
  std::string text;
  llvm::raw_string_ostream os(text);
  if (auto kind = attributes.getAs<StringAttr>("kind"))
    os << kind.getValue();
  if (schedule.number("tile_m", 0) > 0)
    os << ' ' << schedule.number("tile_m") << 'x' << schedule.number("tile_n");
  if (schedule.number("block_m", 0) > 0)
    os << " block " << schedule.number("block_m") << 'x'
       << schedule.number("block_n") << 'x' << schedule.number("block_k");
  for (StringRef key : {"lanes", "group", "dot", "k_split"})
    if (int64_t value = schedule.number(key, 0); value > 1)
      os << ' ' << key << ' ' << value;
  for (StringRef key : {"packed", "staged", "cooperative"})
    if (schedule.number(key, 0) == 1)
      os << ' ' << key;
  return text;
}

KernelInfo ProgramLowering::describe(KernelOp kernel) {
  KernelInfo info;
  info.name = kernel.getName().str();
  llvm::raw_string_ostream text(info.computes);
  text << schedule::yielded(kernel).getType() << " =";
  for (Operation &op : kernel.getBody().front())
    if (!isa<YieldOp, SplatOp>(op))
      text << ' ' << op.getName().stripDialect();
  schedule::KernelWork work = schedule::workOf(kernel);
  info.flops = work.flops;
  info.bytes = work.bytes;
  info.schedule = scheduleText(*kernel.getSchedule());
  return info;
}

/// Where a tensor lies. A packed weight has its place as the kernel reads it.
BufferRef ProgramLowering::refOf(Attribute attr, Value v, bool write,
                                 const Packing *packing) {
  auto place = cast<PlaceAttr>(attr);
  int64_t bytes = elementBytes(tensorType(v).getElementType());
  int64_t elements = packing ? packing->elements
                     : llvm::is_contained(boundedShape(tensorType(v)), 0)
                         ? 0
                         : placeSpan(place, tensorType(v));
  if (place.getSpace() == "weights" && elements == 0)
    return {"arena", 0, 0, 0, write, {}}; // no weights need be there
  BufferRef ref{place.getSpace().getValue(),
                place.getSlot(),
                place.getOffset() * bytes,
                elements * bytes,
                write,
                {}};
  if (ref.space == "weights") {
    // The place's slot is the weight's number, its offset an alias's.
    Value source = v;
    while (auto view = source.getDefiningOp<ViewOpInterface>())
      source = view.source();
    int64_t within = packing ? 0 : ref.byteOffset;
    ref.slot = 0;
    ref.byteOffset =
        weightOffset(cast<WeightOp>(source.getDefiningOp()),
                     packing ? std::optional(*packing) : std::nullopt, bytes) +
        within;
    return ref;
  }
  if (!inside || ref.space == schedule::sliceSpace)
    return ref;
  BufferRef base = ref.space == "input"    ? inside->inputs[ref.slot]
                   : ref.space == "output" ? inside->outputs[ref.slot]
                                           : inside->arena;
  base.byteOffset += ref.byteOffset;
  base.bytes = ref.bytes;
  base.write = write;
  return base;
}

/// A part of the arena of the function that is being lowered.
BufferRef ProgramLowering::arenaRef(int64_t offset, int64_t bytes) {
  BufferRef ref{"arena", 0, 0, bytes, true, {}};
  if (inside) {
    ref = inside->arena;
    ref.bytes = bytes;
  }
  ref.byteOffset += offset;
  return ref;
}

SmallVector<BufferRef>
ProgramLowering::buffersOf(KernelOp kernel,
                           const std::optional<Packing> &packing) {
  SmallVector<BufferRef> refs;
  for (auto [i, v] : llvm::enumerate(kernel.getOperands()))
    refs.push_back(
        refOf((*kernel.getOperandPlaces())[i], v, false,
              packing && i == packing->operand ? &*packing : nullptr));
  for (auto [i, v] : llvm::enumerate(kernel.getResults()))
    refs.push_back(refOf((*kernel.getResultPlaces())[i], v, true));
  return refs;
}

/// How many chunks each weight lies across, and which weights begin in one
/// chunk: `nacre.chunk_set` is the number of the first of them. They can be
/// bound together.
void ProgramLowering::noteChunks(func::FuncOp function,
                                 ArrayRef<BufferRef> buffers) {
  Builder b(function.getContext());
  llvm::DenseMap<uint64_t, unsigned> firstIn;
  for (auto [i, ref] : llvm::enumerate(buffers)) {
    if (ref.space != "weights" || ref.bytes <= 0)
      continue;
    uint64_t first = ref.byteOffset / chunkBytes,
             last = (ref.byteOffset + ref.bytes - 1) / chunkBytes;
    unsigned set = firstIn.try_emplace(first, i).first->second;
    function.setArgAttr(i, "nacre.chunks",
                        b.getI64IntegerAttr(last - first + 1));
    function.setArgAttr(i, "nacre.chunk_set", b.getI64IntegerAttr(set));
  }
}

/// The border kernel that runs in the launch of `kernel`, or null.
FailureOr<KernelOp> joinedBorder(KernelOp kernel) {
  auto joins = [](KernelOp k) {
    return ScheduleReader{*k.getSchedule()}.number("joined", 0) == 1;
  };
  Operation *next = kernel->getNextNode();
  while (next && !isa<KernelOp>(next))
    next = next->getNextNode();
  auto border = dyn_cast_or_null<KernelOp>(next);
  if (!border || !joins(border))
    return KernelOp();
  auto groupOf = [](KernelOp k) {
    return ScheduleReader{*k.getSchedule()}.number("group", 0);
  };
  if (joins(kernel) || groupOf(kernel) != groupOf(border) ||
      border.getOperand(0).getDefiningOp() != kernel.getOperation() ||
      !tensorType(kernel.getResult(0)).hasStaticShape())
    return border.emitOpError("kernel ")
           << border.getName() << ": cannot join the launch of "
           << kernel.getName();
  return border;
}

/// One step a kernel. `done` becomes a border that runs in the same launch.
LogicalResult ProgramLowering::kernelStep(KernelOp kernel, KernelOp &done) {
  auto result = lowerKernel(kernel, *lowered.module, "kernel");
  auto border = joinedBorder(kernel);
  if (failed(result) || failed(border))
    return failure();
  // Nothing to do, of tensors without elements: their weights have no bytes.
  if (result->tasks == 0 && !result->taskSymbol && !*border) {
    result->function.erase();
    return success();
  }
  KernelCall call;
  call.buffers = buffersOf(kernel, result->packing);
  KernelInfo info = describe(kernel);
  if (*border) {
    auto second = lowerKernel(*border, *lowered.module, "border");
    if (failed(second))
      return failure();
    result = joinLaunches(*result, *second);
    call.buffers.push_back(buffersOf(*border, std::nullopt).back());
    KernelInfo other = describe(*border);
    info.computes += " with the border of " + other.computes;
    info.bytes += other.bytes;
    done = *border;
  }
  if (chunkBytes)
    noteChunks(result->function, call.buffers);
  call.function = shared(result->function);
  call.tasks = result->tasks;
  call.group = result->group;
  call.perGroup = result->perGroup;
  if (result->taskSymbol)
    call.taskSymbol = symbolIndex(result->taskSymbol.getValue());
  for (StringAttr symbol : result->symbols)
    call.symbols.push_back(symbolIndex(symbol.getValue()));
  call.cycles = cyclesOf(kernel);
  add(std::move(call), std::move(info));
  return success();
}

/// The name of a function; equal kernels share one.
std::string ProgramLowering::shared(func::FuncOp function) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  function->print(stream, OpPrintingFlags().useLocalScope());
  auto [it, fresh] = functionOf.try_emplace(text);
  if (fresh) {
    it->second = (prefix + "_k" + llvm::Twine(functionOf.size() - 1)).str();
    function.setName(it->second);
  } else
    function.erase();
  return it->second;
}

void ProgramLowering::add(KernelCall call, KernelInfo info) {
  for (const BufferRef &ref : call.buffers)
    if (ref.space == "output")
      code.outputs[ref.slot].readyAfter = int64_t(lowered.calls.size());
  code.kernels.push_back(std::move(info));
  lowered.steps.push_back({Step::Kernel, unsigned(lowered.calls.size())});
  lowered.calls.push_back(std::move(call));
}

/// One step for the kernels of a group.
LogicalResult ProgramLowering::groupStep(const schedule::KernelGroup &group) {
  SmallVector<GroupMember> members;
  KernelCall call;
  KernelInfo info;
  for (KernelOp kernel : group.members) {
    auto result = lowerKernel(kernel, *lowered.module, "kernel");
    if (failed(result))
      return failure();
    SmallVector<BufferRef> buffers = buffersOf(kernel, result->packing);
    for (BufferRef &ref : buffers)
      if (ref.space == schedule::sliceSpace)
        result->function->setAttr(schedule::sliceAttr,
                                  UnitAttr::get(kernel.getContext()));
      else
        call.buffers.push_back(std::move(ref));
    FunctionType type = result->function.getFunctionType();
    members.push_back({shared(result->function), type});
    call.cycles += cyclesOf(kernel);
    KernelInfo own = describe(kernel);
    info.computes += (info.computes.empty() ? "" : "; ") + own.computes;
    info.schedule += (info.schedule.empty() ? "" : ", ") + own.schedule;
    info.flops += own.flops;
    info.bytes += own.bytes;
  }
  KernelOp first = group.members.front(), last = group.members.back();
  info.name = (first.getName() + "_to_" + last.getName()).str();
  info.schedule =
      (llvm::Twine(group.slices()) + " slices: " + info.schedule).str();
  call.buffers.push_back(arenaRef(group.offset, group.slots * group.slotBytes));
  call.slots = group.slots;
  call.function = shared(lowerGroup(group, members, *lowered.module, "group"));
  add(std::move(call), std::move(info));
  return success();
}

/// Bytes of a slice along the leading axis.
static int64_t sliceBytes(Value whole) {
  auto type = tensorType(whole);
  int64_t bytes = elementBytes(type.getElementType());
  for (int64_t extent : type.getShape().drop_front())
    bytes *= extent;
  return bytes;
}

LogicalResult ProgramLowering::loopStep(LoopOp loop) {
  unsigned number = lowered.loops++;
  auto operand = [&](unsigned i) {
    return refOf((*loop.getOperandPlaces())[i], loop->getOperand(i), false);
  };
  auto scratch = [&](unsigned i, int64_t bytes) {
    auto place = cast<PlaceAttr>((*loop.getScratch())[i]);
    return arenaRef(place.getOffset(), bytes);
  };
  auto slice = [&](BufferRef ref, Value whole, bool backward) {
    int64_t bytes = sliceBytes(whole);
    if (backward)
      ref.byteOffset += bytes * (int64_t(loop.getBound()) - 1);
    ref.bytes = bytes;
    ref.moves.push_back({number, backward ? -bytes : bytes});
    return ref;
  };
  Step begin{Step::Loop, number, int64_t(loop.getBound())};
  unsigned next = 0;
  if (loop.getTrips())
    begin.trips = operand(next++);
  begin.counter = scratch(1, 8);
  Step end{Step::EndLoop, number, begin.bound};
  Buffers buffers;
  buffers.arena = scratch(0, 0);
  buffers.inputs.push_back(*begin.counter);
  if (loop.getConditional()) {
    end.condition = scratch(2, 1);
    buffers.outputs.push_back(*end.condition);
  }
  auto result = [&](unsigned i) {
    return refOf((*loop.getResultPlaces())[i], loop.getResult(i), true);
  };
  // The first value of a carried operand is stored where its result is.
  for (unsigned i = 0; i < loop.getCarried().size(); ++i, ++next) {
    buffers.inputs.push_back(result(i));
    buffers.outputs.push_back(result(i));
  }
  ArrayRef<bool> backward = loop.getBackward();
  for (auto [i, whole] : llvm::enumerate(loop.getScanned()))
    buffers.inputs.push_back(slice(operand(next++), whole, backward[i]));
  for (unsigned i = 0; i < loop.getCaptured().size(); ++i)
    buffers.inputs.push_back(operand(next++));
  for (unsigned i = 0; i < loop.collected(); ++i) {
    unsigned k = loop.getCarried().size() + i;
    buffers.outputs.push_back(slice(result(k), loop.getResult(k),
                                    backward[loop.getScanned().size() + i]));
  }
  lowered.steps.push_back(std::move(begin));
  const Buffers *outside = std::exchange(inside, &buffers);
  LogicalResult ok = steps(calleesOf(loop).front().getBody().front());
  inside = outside;
  lowered.steps.push_back(std::move(end));
  return ok;
}

LogicalResult ProgramLowering::ifStep(IfOp branch) {
  Buffers buffers;
  auto place = cast<PlaceAttr>((*branch.getScratch())[0]);
  if (inside)
    buffers.arena = inside->arena;
  else
    buffers.arena = {"arena", 0, 0, 0, true, {}};
  buffers.arena.byteOffset += place.getOffset();
  auto operand = [&](unsigned i) {
    return refOf((*branch.getOperandPlaces())[i], branch->getOperand(i), false);
  };
  for (unsigned i = 1; i < branch->getNumOperands(); ++i)
    buffers.inputs.push_back(operand(i));
  for (auto [i, v] : llvm::enumerate(branch.getResults()))
    buffers.outputs.push_back(refOf((*branch.getResultPlaces())[i], v, true));
  Step begin{Step::If};
  begin.condition = operand(0);
  lowered.steps.push_back(std::move(begin));
  const Buffers *outside = std::exchange(inside, &buffers);
  SmallVector<func::FuncOp> callees = calleesOf(branch);
  LogicalResult ok = steps(callees[0].getBody().front());
  lowered.steps.push_back({Step::Else});
  if (succeeded(ok))
    ok = steps(callees[1].getBody().front());
  lowered.steps.push_back({Step::EndIf});
  inside = outside;
  return ok;
}

LogicalResult ProgramLowering::steps(Block &block) {
  KernelOp done;
  for (Operation &op : block) {
    LogicalResult ok = success();
    if (op.hasAttr(schedule::sliceAttr)) {
      // A group runs where its first kernel stands.
      if (auto group = schedule::groupOf(cast<KernelOp>(op)))
        ok = groupStep(*group);
    } else if (auto kernel = dyn_cast<KernelOp>(op)) {
      if (kernel != done)
        ok = kernelStep(kernel, done);
    } else if (auto loop = dyn_cast<LoopOp>(op)) {
      ok = loopStep(loop);
    } else if (auto branch = dyn_cast<IfOp>(op)) {
      ok = ifStep(branch);
    }
    if (failed(ok))
      return failure();
  }
  return success();
}

llvm::Expected<LoweredProgram> ProgramLowering::run() {
  for (func::FuncOp function : functionsOf(*program.module))
    for (auto op : function.getBody().front().getOps<WeightOp>())
      if (!program.weights->findStored(op.getName()))
        return llvm::createStringError("the weight store has no '%s'",
                                       op.getName().str().c_str());
  signature();
  code.arenaBytes = (*program.module)
                        ->getAttrOfType<IntegerAttr>("lazy.arena_bytes")
                        .getInt();
  lowered.module = ModuleOp::create(UnknownLoc::get(main.getContext()));
  if (failed(steps(main.getBody().front())) ||
      failed(mlir::verify(*lowered.module)))
    return llvm::createStringError("kernels could not be lowered");
  keepOnOneThread(lowered.calls);
  return std::move(lowered);
}

} // namespace

llvm::Expected<LoweredProgram> lowerProgram(Program &program, StringRef prefix,
                                            CompiledCode &code,
                                            uint64_t chunkBytes) {
  return ProgramLowering(program, prefix, code, chunkBytes).run();
}

} // namespace nacre::codegen
