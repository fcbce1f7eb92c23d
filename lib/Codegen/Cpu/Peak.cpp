//===- Peak.cpp - what this machine can do at best ------------------------===//
//
// A loop over independent accumulators, enough of them to hide the latency of
// a multiply-add (4 or 5 cycles, two a cycle), made as code for the same
// processor as the model's. Data-sheet numbers would not know the clock.
//
// Memory is measured by a loop that adds up all of a buffer: one of many times
// the caches for memory, half of the second cache for that.
//
//===----------------------------------------------------------------------===//

#include "Peak.h"
#include "nacre/Artifact/Link.h"
#include "nacre/Artifact/OutputFile.h"
#include "nacre/Failure/Failure.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include <algorithm>
#include <chrono>
#include <cstring>
#include <dlfcn.h>
#include <limits>

namespace nacre::cpu {

using FmaLoop = float (*)(int64_t count, const float *factor);
using ReadLoop = float (*)(int64_t count, const float *from);

/// Vectors that a step of the reading loop reads.
constexpr unsigned readChains = 8;
/// Larger than what caches hold, of all threads together.
constexpr uint64_t memoryBytes = uint64_t(256) << 20;

/// float nacre_peak(int64_t count, const float *factor): `chains` vectors
/// v = v * factor[0] + factor[0], `count` times.
static void buildFmaLoop(llvm::Module &module, unsigned lanes,
                         unsigned chains) {
  llvm::LLVMContext &context = module.getContext();
  llvm::IRBuilder<> b(context);
  auto *vector = llvm::FixedVectorType::get(b.getFloatTy(), lanes);
  auto *function = llvm::Function::Create(
      llvm::FunctionType::get(b.getFloatTy(), {b.getInt64Ty(), b.getPtrTy()},
                              false),
      llvm::Function::ExternalLinkage, "nacre_peak", module);
  auto block = [&](const char *name) {
    return llvm::BasicBlock::Create(context, name, function);
  };
  llvm::BasicBlock *entry = block("entry"), *body = block("body"),
                   *done = block("done");
  b.SetInsertPoint(entry);
  llvm::Value *factor = b.CreateVectorSplat(
      lanes, b.CreateLoad(b.getFloatTy(), function->getArg(1)));
  b.CreateBr(body);
  b.SetInsertPoint(body);
  llvm::PHINode *index = b.CreatePHI(b.getInt64Ty(), 2);
  index->addIncoming(b.getInt64(0), entry);
  std::vector<llvm::PHINode *> values;
  for (unsigned i = 0; i < chains; ++i) {
    values.push_back(b.CreatePHI(vector, 2));
    values.back()->addIncoming(
        llvm::ConstantVector::getSplat(
            llvm::ElementCount::getFixed(lanes),
            llvm::ConstantFP::get(b.getFloatTy(), double(i))),
        entry);
  }
  std::vector<llvm::Value *> next;
  for (llvm::PHINode *value : values)
    next.push_back(b.CreateIntrinsic(llvm::Intrinsic::fma, {vector},
                                     {value, factor, factor}));
  llvm::Value *following = b.CreateAdd(index, b.getInt64(1));
  index->addIncoming(following, body);
  for (unsigned i = 0; i < chains; ++i)
    values[i]->addIncoming(next[i], body);
  b.CreateCondBr(b.CreateICmpSLT(following, function->getArg(0)), body, done);
  b.SetInsertPoint(done);
  llvm::Value *sum = next[0];
  for (unsigned i = 1; i < chains; ++i)
    sum = b.CreateFAdd(sum, next[i]);
  b.CreateRet(b.CreateExtractElement(sum, uint64_t(0)));
}

/// float nacre_read(int64_t count, const float *from): the sum of `count` times
/// `chains` vectors that lie in a row.
static void buildReadLoop(llvm::Module &module, unsigned lanes,
                          unsigned chains) {
  llvm::LLVMContext &context = module.getContext();
  llvm::IRBuilder<> b(context);
  auto *vector = llvm::FixedVectorType::get(b.getFloatTy(), lanes);
  auto *function = llvm::Function::Create(
      llvm::FunctionType::get(b.getFloatTy(), {b.getInt64Ty(), b.getPtrTy()},
                              false),
      llvm::Function::ExternalLinkage, "nacre_read", module);
  auto block = [&](const char *name) {
    return llvm::BasicBlock::Create(context, name, function);
  };
  llvm::BasicBlock *entry = block("entry"), *body = block("body"),
                   *done = block("done");
  b.SetInsertPoint(entry);
  b.CreateBr(body);
  b.SetInsertPoint(body);
  llvm::PHINode *index = b.CreatePHI(b.getInt64Ty(), 2);
  index->addIncoming(b.getInt64(0), entry);
  std::vector<llvm::PHINode *> sums;
  for (unsigned i = 0; i < chains; ++i) {
    sums.push_back(b.CreatePHI(vector, 2));
    sums.back()->addIncoming(llvm::Constant::getNullValue(vector), entry);
  }
  llvm::Value *row = b.CreateMul(index, b.getInt64(chains));
  llvm::Value *sum = nullptr;
  for (unsigned i = 0; i < chains; ++i) {
    llvm::Value *address = b.CreateGEP(vector, function->getArg(1),
                                       b.CreateAdd(row, b.getInt64(i)));
    llvm::Value *next = b.CreateFAdd(
        sums[i], b.CreateAlignedLoad(vector, address, llvm::Align(64)));
    sums[i]->addIncoming(next, body);
    sum = sum ? b.CreateFAdd(sum, next) : next;
  }
  llvm::Value *following = b.CreateAdd(index, b.getInt64(1));
  index->addIncoming(following, body);
  b.CreateCondBr(b.CreateICmpSLT(following, function->getArg(0)), body, done);
  b.SetInsertPoint(done);
  b.CreateRet(b.CreateExtractElement(sum, uint64_t(0)));
}

static llvm::Expected<std::string> emitLoops(const CodegenOptions &options,
                                             unsigned lanes, unsigned chains) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  llvm::Triple triple(llvm::Triple::normalize(options.triple));
  std::string error;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return fail(ExitUsage, error);
  std::unique_ptr<llvm::TargetMachine> machine(
      target->createTargetMachine(triple, options.cpu, options.features,
                                  llvm::TargetOptions(), llvm::Reloc::PIC_));
  llvm::LLVMContext context;
  llvm::Module module("peak", context);
  module.setTargetTriple(triple);
  module.setDataLayout(machine->createDataLayout());
  buildFmaLoop(module, lanes, chains);
  buildReadLoop(module, lanes, readChains);
  // The full width, which LLVM shuns on some processors otherwise.
  for (llvm::Function &function : module)
    function.addFnAttr("prefer-vector-width", std::to_string(lanes * 32));
  llvm::SmallVector<char, 0> object;
  llvm::raw_svector_ostream os(object);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, os, nullptr,
                                   llvm::CodeGenFileType::ObjectFile))
    return fail(ExitBug, "no object code for " + options.triple);
  passes.run(module);
  return std::string(object.begin(), object.end());
}

namespace {
/// Part `i` of a task runs a loop on the memory of thread `i`.
struct Work {
  float (*loop)(int64_t, const float *);
  int64_t count;      ///< steps of one run of the loop
  const float *from;  ///< of the first part
  int64_t floats = 0; ///< between parts
  int64_t repetitions = 1;
};
} // namespace

/// Seconds of the fastest of some runs of `work` on all threads.
static double fastest(Work work, const nacre_executor *executor, int attempts) {
  auto task = [](void *arg, int64_t begin, int64_t end) {
    const Work &work = *static_cast<Work *>(arg);
    for (int64_t i = begin; i < end; ++i)
      for (int64_t k = 0; k < work.repetitions; ++k) {
        volatile float sink =
            work.loop(work.count, work.from + i * work.floats);
        (void)sink;
      }
  };
  double best = std::numeric_limits<double>::infinity();
  for (int attempt = 0; attempt < attempts; ++attempt) {
    auto start = std::chrono::steady_clock::now();
    executor->parallel(executor->ctx, task, &work, executor->threads);
    std::chrono::duration<double> spent =
        std::chrono::steady_clock::now() - start;
    best = std::min(best, spent.count());
  }
  return best;
}

/// 1e9 bytes a second that all threads read, each `bytes` of its own as often
/// as makes `traffic` bytes.
static double readRate(ReadLoop loop, unsigned lanes, uint64_t bytes,
                       uint64_t traffic, const nacre_executor *executor) {
  uint64_t step = uint64_t(lanes) * 4 * readChains;
  bytes = std::max(bytes / step, uint64_t(1)) * step;
  uint64_t part = llvm::alignTo(bytes, 4096), all = part * executor->threads;
  void *memory = nacre_alloc(all);
  if (!memory)
    return 0;
  std::memset(memory, 0, all); // pages of its own, not the zero page
  Work work{loop, int64_t(bytes / step), static_cast<const float *>(memory),
            int64_t(part / 4), int64_t(std::max(traffic / bytes, uint64_t(1)))};
  double seconds = fastest(work, executor, 4);
  nacre_free(memory);
  return double(bytes) * double(work.repetitions) * double(executor->threads) /
         seconds / 1e9;
}

llvm::Expected<Peaks> measurePeaks(const CodegenOptions &options,
                                   const MachineDescription &machine,
                                   const nacre_executor *executor) {
  unsigned lanes = std::max(1u, machine.vectorBytes / 4);
  unsigned chains = machine.vectorRegisters >= 32 ? 24 : 12;
  llvm::Expected<std::string> code = emitLoops(options, lanes, chains);
  if (!code)
    return code.takeError();
  artifact::ScratchFolder scratch;
  if (llvm::Error error = scratch.create())
    return error;
  std::string object = scratch.file("peak.o"),
              library = scratch.file("peak.so");
  if (llvm::Error error = artifact::writeFile(
          object, [&](llvm::raw_ostream &os) { os << *code; },
          artifact::Durability::Scratch))
    return error;
  if (llvm::Error error = artifact::linkShared({object}, library))
    return error;
  void *handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return fail(ExitBug, ::dlerror());
  auto fma = reinterpret_cast<FmaLoop>(::dlsym(handle, "nacre_peak"));
  auto read = reinterpret_cast<ReadLoop>(::dlsym(handle, "nacre_read"));
  Peaks peaks;
  static const float factor = 0.5f;
  Work work{fma, 500'000, &factor};
  peaks.gflops = 2.0 * lanes * chains * double(work.count) *
                 double(executor->threads) / fastest(work, executor, 5) / 1e9;
  uint64_t cache = machine.l2Bytes / 2, share = memoryBytes / executor->threads;
  peaks.memoryGBytes = readRate(read, lanes, share, 0, executor);
  peaks.cacheGBytes = readRate(read, lanes, cache, 32 * cache, executor);
  peaks.cacheBytes = uint64_t(machine.l2Bytes) * executor->threads;
  ::dlclose(handle);
  return peaks;
}

} // namespace nacre::cpu
