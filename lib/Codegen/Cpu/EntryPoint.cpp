//===- EntryPoint.cpp - the function that runs a model --------------------===//
//
//   int32_t SYMBOL_run_generic(inputs, outputs, arena, weights, dims, executor)
//
// keeps a frame of base pointers on its stack and calls one task function per
// kernel, directly or through the executor. Task functions work out buffer
// addresses and call the kernel, which equal kernels share. Loops and branches
// are ones of this function; the frame holds how often each loop has run.
//
//===----------------------------------------------------------------------===//
#include "Cpu.h"
#include "llvm/IR/IRBuilder.h"

namespace nacre::codegen {
namespace {

/// Slots of the frame: pointers, the status, the number of threads and the
/// counters of loops.
enum FrameSlot {
  Inputs,
  Outputs,
  Arena,
  Weights,
  Dims,
  Status,
  Threads,
  Counters
};

enum ExecutorField { ExecutorContext, ExecutorThreads, ExecutorParallel };

class EntryPoint {
public:
  EntryPoint(llvm::Module &module, const LoweredProgram &lowered,
             const CompiledCode &code, const CodegenOptions &options)
      : module(module), lowered(lowered), code(code), options(options),
        context(module.getContext()), b(context),
        pointer(llvm::PointerType::get(context, 0)), i32(b.getInt32Ty()),
        i64(b.getInt64Ty()),
        frame(llvm::StructType::get(
            context, {pointer, pointer, pointer, pointer, pointer, i32, i64,
                      llvm::ArrayType::get(i64, lowered.loops)})),
        taskType(
            llvm::FunctionType::get(b.getVoidTy(), {pointer, i64, i64}, false)),
        executorType(llvm::StructType::get(context, {pointer, i64, pointer})) {}
  void run();

private:
  llvm::Value *slot(llvm::Value *framePointer, FrameSlot s) {
    return b.CreateStructGEP(frame, framePointer, s);
  }
  llvm::Value *base(llvm::Value *framePointer, FrameSlot s) {
    return b.CreateLoad(pointer, slot(framePointer, s));
  }
  /// How often a loop has run.
  llvm::Value *counter(llvm::Value *framePointer, unsigned loop) {
    return b.CreateConstGEP2_64(llvm::ArrayType::get(i64, lowered.loops),
                                slot(framePointer, Counters), 0, loop);
  }
  llvm::Value *address(llvm::Value *framePointer, const BufferRef &ref);
  llvm::Function *task(const KernelCall &call, unsigned number);
  llvm::Function *dispatcher();
  llvm::BasicBlock *block(llvm::Function *f) {
    return llvm::BasicBlock::Create(context, "", f);
  }
  void steps(llvm::Function *f, llvm::Value *framePointer,
             llvm::Function *dispatch);
  void countThreads(llvm::Function *f, llvm::Value *framePointer);
  void addSums(llvm::Function *f, llvm::Value *framePointer);
  void copyKept(llvm::Function *f, llvm::Value *framePointer);

  llvm::Module &module;
  const LoweredProgram &lowered;
  const CompiledCode &code;
  const CodegenOptions &options;
  llvm::LLVMContext &context;
  llvm::IRBuilder<> b;
  llvm::PointerType *pointer;
  llvm::Type *i32, *i64;
  llvm::StructType *frame;
  llvm::FunctionType *taskType;
  llvm::StructType *executorType;            ///< nacre_executor (nacre/model.h)
  llvm::SmallVector<llvm::Function *> tasks; ///< one a call
};

llvm::Value *EntryPoint::address(llvm::Value *framePointer,
                                 const BufferRef &ref) {
  llvm::Value *p;
  if (ref.space == "arena" || ref.space == "weights") {
    p = base(framePointer, ref.space == "arena" ? Arena : Weights);
  } else if (ref.space == "input" && ref.slot >= int64_t(code.inputs.size())) {
    // The dims come after the inputs.
    return b.CreateConstGEP1_64(i64, base(framePointer, Dims),
                                ref.slot - int64_t(code.inputs.size()));
  } else {
    llvm::Value *table =
        base(framePointer, ref.space == "input" ? Inputs : Outputs);
    p = b.CreateLoad(pointer, b.CreateConstGEP1_64(pointer, table, ref.slot));
  }
  for (auto [loop, bytes] : ref.moves)
    p = b.CreateGEP(b.getInt8Ty(), p,
                    b.CreateMul(b.CreateLoad(i64, counter(framePointer, loop)),
                                b.getInt64(bytes)));
  return b.CreateConstGEP1_64(b.getInt8Ty(), p, ref.byteOffset);
}

llvm::Function *EntryPoint::task(const KernelCall &call, unsigned number) {
  auto *f = llvm::Function::Create(
      taskType, llvm::Function::InternalLinkage,
      options.symbol + "_task" + llvm::Twine(number), module);
  b.SetInsertPoint(llvm::BasicBlock::Create(context, "", f));
  llvm::Value *framePointer = f->getArg(0);
  llvm::Function *kernel = module.getFunction(call.function);
  llvm::SmallVector<llvm::Value *> args;
  for (const BufferRef &ref : call.buffers)
    args.push_back(address(framePointer, ref));
  args.push_back(slot(framePointer, Status));
  auto fit = [&](llvm::Value *v, unsigned n) {
    return b.CreateIntCast(v, kernel->getFunctionType()->getParamType(n), true);
  };
  for (unsigned symbol : call.symbols)
    args.push_back(
        fit(b.CreateLoad(i64, b.CreateConstGEP1_64(
                                  i64, base(framePointer, Dims), symbol)),
            args.size()));
  if (call.slots)
    args.push_back(
        fit(b.CreateLoad(i64, slot(framePointer, Threads)), args.size()));
  llvm::Value *begin = f->getArg(1), *end = f->getArg(2);
  if (call.grain > 1) {
    llvm::Value *grain = b.getInt64(call.grain), *all = b.getInt64(call.tasks);
    begin = b.CreateMul(begin, grain);
    end = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin,
                                  b.CreateMul(end, grain), all);
  }
  args.push_back(fit(begin, args.size()));
  args.push_back(fit(end, args.size()));
  b.CreateCall(kernel, args);
  b.CreateRetVoid();
  return f;
}

/// dispatch(frame, executor, task, count)
llvm::Function *EntryPoint::dispatcher() {
  auto *dispatch = llvm::Function::Create(
      llvm::FunctionType::get(b.getVoidTy(), {pointer, pointer, pointer, i64},
                              false),
      llvm::Function::InternalLinkage, options.symbol + "_dispatch", module);
  dispatch->addFnAttr(llvm::Attribute::NoInline);
  auto *entry = block(dispatch), *alone = block(dispatch),
       *shared = block(dispatch);
  b.SetInsertPoint(entry);
  llvm::Value *executor = dispatch->getArg(1);
  b.CreateCondBr(b.CreateIsNull(executor), alone, shared);
  b.SetInsertPoint(alone);
  b.CreateCall(taskType, dispatch->getArg(2),
               {dispatch->getArg(0), b.getInt64(0), dispatch->getArg(3)});
  b.CreateRetVoid();
  b.SetInsertPoint(shared);
  llvm::Value *ctx = b.CreateLoad(
      pointer, b.CreateStructGEP(executorType, executor, ExecutorContext));
  llvm::Value *parallel = b.CreateLoad(
      pointer, b.CreateStructGEP(executorType, executor, ExecutorParallel));
  auto *parallelType = llvm::FunctionType::get(
      b.getVoidTy(), {pointer, pointer, pointer, i64}, false);
  b.CreateCall(
      parallelType, parallel,
      {ctx, dispatch->getArg(2), dispatch->getArg(0), dispatch->getArg(3)});
  b.CreateRetVoid();
  return dispatch;
}

/// Stores how many threads the executor has; one without an executor.
void EntryPoint::countThreads(llvm::Function *f, llvm::Value *framePointer) {
  llvm::Value *executor = f->getArg(5), *one = b.getInt64(1);
  b.CreateStore(one, slot(framePointer, Threads));
  auto *ask = block(f), *next = block(f);
  b.CreateCondBr(b.CreateIsNull(executor), next, ask);
  b.SetInsertPoint(ask);
  llvm::Value *threads = b.CreateLoad(
      i64, b.CreateStructGEP(executorType, executor, ExecutorThreads));
  b.CreateStore(b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, threads, one),
                slot(framePointer, Threads));
  b.CreateBr(next);
  b.SetInsertPoint(next);
}

/// What a run does, in order. Afterwards the insertion point is its end.
void EntryPoint::steps(llvm::Function *f, llvm::Value *framePointer,
                       llvm::Function *dispatch) {
  /// A loop or a branch that has begun and not ended.
  struct Open {
    llvm::BasicBlock *again = nullptr, *after = nullptr;
  };
  llvm::SmallVector<Open> open;
  auto condition = [&](const BufferRef &ref) {
    return b.CreateICmpNE(
        b.CreateLoad(b.getInt8Ty(), address(framePointer, ref)), b.getInt8(0));
  };
  auto call = [&](unsigned number) {
    const KernelCall &kernel = lowered.calls[number];
    llvm::Value *count =
        b.getInt64(llvm::divideCeil(kernel.tasks, kernel.grain));
    if (kernel.slots) {
      llvm::Value *threads = b.CreateLoad(i64, slot(framePointer, Threads));
      count = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, threads,
                                      b.getInt64(kernel.slots));
    }
    if (kernel.taskSymbol >= 0)
      count = b.CreateMul(
          count, b.CreateLoad(i64, b.CreateConstGEP1_64(i64, f->getArg(4),
                                                        kernel.taskSymbol)));
    b.CreateCall(dispatch, {framePointer, f->getArg(5), tasks[number], count});
  };
  for (const Step &step : lowered.steps)
    switch (step.kind) {
    case Step::Kernel:
      call(step.number);
      break;
    case Step::Loop: {
      llvm::Value *times = b.getInt64(step.bound);
      if (step.trips) {
        llvm::Value *asked =
            b.CreateLoad(i64, address(framePointer, *step.trips));
        times = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, asked, times);
      }
      llvm::Value *done = counter(framePointer, step.number);
      b.CreateStore(b.getInt64(0), done);
      Open loop{block(f), block(f)};
      auto *body = block(f);
      b.CreateBr(loop.again);
      b.SetInsertPoint(loop.again);
      llvm::Value *i = b.CreateLoad(i64, done);
      b.CreateCondBr(b.CreateICmpSLT(i, times), body, loop.after);
      b.SetInsertPoint(body);
      b.CreateStore(i, address(framePointer, *step.counter));
      open.push_back(loop);
      break;
    }
    case Step::EndLoop: {
      Open loop = open.pop_back_val();
      llvm::Value *done = counter(framePointer, step.number);
      b.CreateStore(b.CreateAdd(b.CreateLoad(i64, done), b.getInt64(1)), done);
      if (step.condition)
        b.CreateCondBr(condition(*step.condition), loop.again, loop.after);
      else
        b.CreateBr(loop.again);
      b.SetInsertPoint(loop.after);
      break;
    }
    case Step::If: {
      auto *then = block(f);
      Open branch{block(f), block(f)};
      b.CreateCondBr(condition(*step.condition), then, branch.again);
      b.SetInsertPoint(then);
      open.push_back(branch);
      break;
    }
    case Step::Else:
      b.CreateBr(open.back().after);
      b.SetInsertPoint(open.back().again);
      break;
    case Step::EndIf:
      b.CreateBr(open.back().after);
      b.SetInsertPoint(open.pop_back_val().after);
      break;
    }
}

/// Extents that follow from the dims stand behind them in a table of the run.
void EntryPoint::addSums(llvm::Function *f, llvm::Value *framePointer) {
  if (lowered.sums.empty())
    return;
  size_t dims = code.dimNames.size();
  llvm::Value *table =
      b.CreateAlloca(i64, b.getInt64(dims + lowered.sums.size()));
  auto at = [&](size_t i) { return b.CreateConstGEP1_64(i64, table, i); };
  llvm::SmallVector<llvm::Value *> values;
  for (size_t i = 0; i < dims; ++i) {
    values.push_back(
        b.CreateLoad(i64, b.CreateConstGEP1_64(i64, f->getArg(4), i)));
    b.CreateStore(values.back(), at(i));
  }
  for (auto [k, sum] : llvm::enumerate(lowered.sums)) {
    llvm::Value *total = b.getInt64(0);
    for (llvm::ArrayRef<int64_t> product : sum.products) {
      llvm::Value *term = b.getInt64(product[0]);
      for (int64_t dim : product.drop_front())
        term = b.CreateMul(term, values[dim]);
      total = b.CreateAdd(total, term);
    }
    b.CreateStore(total, at(dims + k));
  }
  b.CreateStore(table, slot(framePointer, Dims));
}

/// A state of which the run writes a part begins as it was, where the caller
/// has a buffer for each.
void EntryPoint::copyKept(llvm::Function *f, llvm::Value *framePointer) {
  for (auto [to, output] : llvm::enumerate(code.outputs)) {
    if (!output.kept)
      continue;
    size_t from = 0;
    while (code.inputs[from].state != output.state)
      ++from;
    auto pointerAt = [&](FrameSlot side, size_t i) {
      return b.CreateLoad(
          pointer, b.CreateConstGEP1_64(pointer, base(framePointer, side), i));
    };
    llvm::Value *before = pointerAt(Inputs, from),
                *after = pointerAt(Outputs, to);
    auto *copy = block(f), *next = block(f);
    b.CreateCondBr(b.CreateICmpEQ(before, after), next, copy);
    b.SetInsertPoint(copy);
    b.CreateMemCpy(after, llvm::MaybeAlign(1), before, llvm::MaybeAlign(1),
                   output.byteCount());
    b.CreateBr(next);
    b.SetInsertPoint(next);
  }
}

void EntryPoint::run() {
  for (auto [i, call] : llvm::enumerate(lowered.calls))
    tasks.push_back(task(call, i));
  llvm::Function *dispatch = dispatcher();
  std::string name = options.symbol + "_run_generic";
  auto *f = llvm::Function::Create(
      llvm::FunctionType::get(
          i32, {pointer, pointer, pointer, pointer, pointer, pointer}, false),
      llvm::Function::ExternalLinkage, name, module);
  auto *entry = block(f), *body = block(f), *bad = block(f);
  b.SetInsertPoint(entry);
  llvm::Value *framePointer = b.CreateAlloca(frame);
  llvm::Value *weights = f->getArg(3);
  if (options.embedWeights && code.weightsBytes > 0) {
    auto *embedded = new llvm::GlobalVariable(
        module, b.getInt8Ty(), true, llvm::GlobalValue::ExternalLinkage,
        nullptr, options.symbol + "_weights");
    embedded->setVisibility(llvm::GlobalValue::HiddenVisibility);
    if (code.weightsBytes > (uint64_t(1) << 31))
      embedded->setCodeModel(llvm::CodeModel::Large);
    weights = b.CreateSelect(b.CreateIsNull(weights), embedded, weights);
  }
  llvm::Value *ok = b.getTrue();
  auto need = [&](llvm::Value *p) {
    ok = b.CreateAnd(ok, b.CreateIsNotNull(p));
  };
  if (!code.inputs.empty())
    need(f->getArg(0));
  need(f->getArg(1));
  auto needAligned = [&](llvm::Value *p) {
    need(p);
    llvm::Value *low = b.CreateAnd(b.CreatePtrToInt(p, i64), b.getInt64(63));
    ok = b.CreateAnd(ok, b.CreateICmpEQ(low, b.getInt64(0)));
  };
  if (code.arenaBytes > 0)
    needAligned(f->getArg(2));
  if (!options.embedWeights && code.weightsBytes > 0)
    needAligned(weights);
  if (!code.dimNames.empty())
    need(f->getArg(4));
  b.CreateCondBr(ok, body, bad);
  b.SetInsertPoint(bad);
  b.CreateRet(b.getInt32(1)); // NACRE_E_ARG
  b.SetInsertPoint(body);
  llvm::Value *values[] = {f->getArg(0), f->getArg(1), f->getArg(2), weights,
                           f->getArg(4)};
  for (auto [i, value] : llvm::enumerate(values))
    b.CreateStore(value, slot(framePointer, FrameSlot(i)));
  b.CreateStore(b.getInt32(0), slot(framePointer, Status));
  // Symbolic dims must lie within their bounds: buffers are sized by them.
  for (auto [i, symbol] : llvm::enumerate(code.dimNames)) {
    auto [least, most] = code.dimRanges[i];
    llvm::Value *v =
        b.CreateLoad(i64, b.CreateConstGEP1_64(i64, f->getArg(4), i));
    auto *next = block(f), *outside = block(f);
    v = b.CreateSub(v, b.getInt64(least)); // unsigned: none below
    b.CreateCondBr(b.CreateICmpULE(v, b.getInt64(most - least)), next, outside);
    b.SetInsertPoint(outside);
    b.CreateRet(b.getInt32(1)); // NACRE_E_ARG
    b.SetInsertPoint(next);
  }
  if (llvm::any_of(lowered.calls,
                   [](const KernelCall &call) { return call.slots > 0; }))
    countThreads(f, framePointer);
  addSums(f, framePointer);
  copyKept(f, framePointer);
  steps(f, framePointer, dispatch);
  b.CreateRet(b.CreateLoad(i32, slot(framePointer, Status)));
}

} // namespace

void addEntryPoint(llvm::Module &module, const LoweredProgram &lowered,
                   const CompiledCode &code, const CodegenOptions &options) {
  EntryPoint(module, lowered, code, options).run();
}

} // namespace nacre::codegen
