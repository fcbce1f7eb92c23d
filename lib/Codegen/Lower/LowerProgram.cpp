//===- LowerProgram.cpp - a scheduled program as calls of kernels ---------===//
#include "LowerProgram.h"
#include "Body.h"
#include "mlir/IR/Verifier.h"
#include "nacre/Schedule/KernelNest.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
namespace nacre::codegen {
using namespace nacre::lazy;
namespace {

/// Each weight starts at a multiple of these bytes.
constexpr uint64_t weightAlignment = 64;

class ProgramLowering {
public:
  ProgramLowering(Program &program, StringRef prefix, CompiledCode &code,
                  uint64_t chunkBytes)
      : program(program), prefix(prefix), code(code), chunkBytes(chunkBytes),
        main(program.module->lookupSymbol<func::FuncOp>("main")) {}
  llvm::Expected<LoweredProgram> run();

private:
  void signature();
  LogicalResult kernels();
  void noteChunks(func::FuncOp function, ArrayRef<BufferRef> buffers);
  uint64_t weightOffset(WeightOp op, const std::optional<Packing> &packing,
                        int64_t elementSize);
  unsigned symbolIndex(StringRef name) {
    return llvm::find(code.dimNames, name.str()) - code.dimNames.begin();
  }
  KernelInfo describe(KernelOp kernel);
  SmallVector<BufferRef> buffersOf(KernelOp kernel,
                                   const std::optional<Packing> &packing);

  Program &program;
  StringRef prefix;
  CompiledCode &code;
  uint64_t chunkBytes;
  func::FuncOp main;
  LoweredProgram lowered;
  llvm::StringMap<std::string> functionOf; // text of a kernel -> its name
  llvm::StringMap<uint64_t> placedWeights;
};

TensorInfo infoOf(StringRef name, RankedTensorType type) {
  TensorInfo info;
  info.name = name.str();
  info.dtype = dtypeOf(type.getElementType());
  for (int64_t extent : boundedShape(type))
    info.shape.push_back(extent);
  for (int64_t i = 0; i < type.getRank(); ++i) {
    StringAttr symbol = symbolOf(type, i);
    info.dimNames.push_back(symbol ? symbol.str() : "");
  }
  return info;
}

void ProgramLowering::signature() {
  auto textOf = [](Attribute attr) {
    auto text = dyn_cast_or_null<StringAttr>(attr);
    return text ? text.str() : std::string();
  };
  auto nameOf = [&](Attribute attr, StringRef otherwise, unsigned i) {
    return isa_and_nonnull<StringAttr>(attr)
               ? textOf(attr)
               : (otherwise + llvm::Twine(i)).str();
  };
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    code.inputs.push_back(
        infoOf(nameOf(main.getArgAttr(i, "lazy.name"), "input", i),
               cast<RankedTensorType>(main.getArgumentTypes()[i])));
    code.inputs.back().state = textOf(main.getArgAttr(i, "lazy.state"));
  }
  for (unsigned i = 0; i < main.getNumResults(); ++i) {
    code.outputs.push_back(
        infoOf(nameOf(main.getResultAttr(i, "lazy.name"), "output", i),
               cast<RankedTensorType>(main.getResultTypes()[i])));
    code.outputs.back().state = textOf(main.getResultAttr(i, "lazy.state"));
  }
  for (const auto *list : {&code.inputs, &code.outputs})
    for (const TensorInfo &t : *list)
      for (const std::string &dim : t.dimNames)
        if (!dim.empty() && !llvm::is_contained(code.dimNames, dim))
          code.dimNames.push_back(dim);
}

uint64_t ProgramLowering::weightOffset(WeightOp op,
                                       const std::optional<Packing> &packing,
                                       int64_t elementSize) {
  std::string key = op.getName().str();
  llvm::raw_string_ostream stream(key);
  if (packing) {
    stream << '\0' << packing->block << '/' << packing->laneExtent << '/'
           << packing->laneSourceStride << '/' << packing->sourceOffset;
    for (size_t i = 0; i < packing->dims.size(); ++i)
      stream << ',' << packing->extents[i] << ':' << packing->sourceStrides[i]
             << ':' << packing->packedStrides[i];
  }
  auto [it, fresh] = placedWeights.try_emplace(key, code.weightsBytes);
  if (!fresh)
    return it->second;
  const Tensor *tensor = program.weights->find(op.getName());
  uint64_t bytes =
      packing ? packing->elements * elementSize : tensor->byteCount();
  const uint8_t *source = tensor->bytes;
  WeightSegment segment{code.weightsBytes, bytes, {}};
  if (packing)
    segment.write = [source, p = *packing, elementSize](uint8_t *to) {
      p.write(source, to, elementSize);
    };
  else
    segment.write = [source, bytes](uint8_t *to) {
      std::memcpy(to, source, bytes);
    };
  code.weights.push_back(std::move(segment));
  code.weightsBytes = llvm::alignTo(code.weightsBytes + bytes, weightAlignment);
  return it->second;
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
  return info;
}

/// Where the arguments of a call lie. A packed weight has its place as the
/// kernel reads it.
SmallVector<BufferRef>
ProgramLowering::buffersOf(KernelOp kernel,
                           const std::optional<Packing> &packing) {
  SmallVector<BufferRef> refs;
  auto add = [&](Attribute attr, Value v, bool packed, bool write) {
    auto place = cast<PlaceAttr>(attr);
    int64_t bytes = elementBytes(tensorType(v).getElementType());
    int64_t elements = packed ? packing->elements
                       : llvm::is_contained(boundedShape(tensorType(v)), 0)
                           ? 0
                           : placeSpan(place, tensorType(v));
    BufferRef ref{place.getSpace().getValue(), place.getSlot(),
                  place.getOffset() * bytes, elements * bytes, write};
    if (ref.space == "weights") {
      // The place's slot is the weight's number, its offset an alias's.
      Value source = v;
      while (auto view = source.getDefiningOp<ViewOpInterface>())
        source = view.source();
      int64_t inside = packed ? 0 : ref.byteOffset;
      ref.slot = 0;
      ref.byteOffset = weightOffset(cast<WeightOp>(source.getDefiningOp()),
                                    packed ? packing : std::nullopt, bytes) +
                       inside;
    }
    refs.push_back(ref);
  };
  for (auto [i, v] : llvm::enumerate(kernel.getOperands()))
    add((*kernel.getOperandPlaces())[i], v, packing && i == packing->operand,
        false);
  for (auto [i, v] : llvm::enumerate(kernel.getResults()))
    add((*kernel.getResultPlaces())[i], v, false, true);
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

LogicalResult ProgramLowering::kernels() {
  unsigned number = 0;
  KernelOp done;
  for (auto kernel : main.getBody().front().getOps<KernelOp>()) {
    if (kernel == done)
      continue;
    auto result = lowerKernel(kernel, *lowered.module, "kernel");
    auto border = joinedBorder(kernel);
    if (failed(result) || failed(border))
      return failure();
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
    for (const BufferRef &ref : call.buffers)
      if (ref.space == "output")
        code.outputs[ref.slot].readyAfter = int64_t(lowered.calls.size());
    if (chunkBytes)
      noteChunks(result->function, call.buffers);
    // Equal kernels share one function.
    std::string text;
    llvm::raw_string_ostream stream(text);
    result->function->print(stream, OpPrintingFlags().useLocalScope());
    auto [it, fresh] = functionOf.try_emplace(text);
    if (fresh) {
      it->second = (prefix + "_k" + llvm::Twine(number++)).str();
      result->function.setName(it->second);
    } else
      result->function.erase();

    call.function = it->second;
    call.tasks = result->tasks;
    call.group = result->group;
    call.perGroup = result->perGroup;
    if (result->taskSymbol)
      call.taskSymbol = symbolIndex(result->taskSymbol.getValue());
    for (StringAttr symbol : result->symbols)
      call.symbols.push_back(symbolIndex(symbol.getValue()));
    // A kernel of a few microseconds is not worth waking a thread for.
    if (info.flops / 16 + info.bytes / 16 < 10000 && call.taskSymbol < 0)
      call.grain = std::max<int64_t>(call.tasks, 1);
    code.kernels.push_back(std::move(info));
    lowered.calls.push_back(std::move(call));
  }
  return success();
}

llvm::Expected<LoweredProgram> ProgramLowering::run() {
  for (auto op : main.getBody().front().getOps<WeightOp>())
    if (!program.weights->find(op.getName()))
      return llvm::createStringError("the weight store has no '%s'",
                                     op.getName().str().c_str());
  signature();
  code.arenaBytes = (*program.module)
                        ->getAttrOfType<IntegerAttr>("lazy.arena_bytes")
                        .getInt();
  lowered.module = ModuleOp::create(UnknownLoc::get(main.getContext()));
  if (failed(kernels()) || failed(mlir::verify(*lowered.module)))
    return llvm::createStringError("kernels could not be lowered");
  return std::move(lowered);
}

} // namespace

llvm::Expected<LoweredProgram> lowerProgram(Program &program, StringRef prefix,
                                            CompiledCode &code,
                                            uint64_t chunkBytes) {
  return ProgramLowering(program, prefix, code, chunkBytes).run();
}

} // namespace nacre::codegen
