//===- Peak.cpp - what this machine can do at best ------------------------===//
//
// A loop over independent accumulators, enough of them to hide the latency of
// a multiply-add (4 or 5 cycles, two a cycle), made as code for the same
// processor as the model's. Data-sheet numbers would not know the clock.
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
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include <algorithm>
#include <chrono>
#include <dlfcn.h>

namespace nacre::cpu {

using Loop = float (*)(int64_t count, const float *factor);

/// float nacre_peak(int64_t count, const float *factor): `chains` vectors
/// v = v * factor[0] + factor[0], `count` times.
static void buildLoop(llvm::Module &module, unsigned lanes, unsigned chains) {
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

static llvm::Expected<std::string> emitLoop(const CodegenOptions &options,
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
  buildLoop(module, lanes, chains);
  // The full width, which LLVM shuns on some processors otherwise.
  module.getFunction("nacre_peak")
      ->addFnAttr("prefer-vector-width", std::to_string(lanes * 32));
  llvm::SmallVector<char, 0> object;
  llvm::raw_svector_ostream os(object);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, os, nullptr,
                                   llvm::CodeGenFileType::ObjectFile))
    return fail(ExitBug, "no object code for " + options.triple);
  passes.run(module);
  return std::string(object.begin(), object.end());
}

llvm::Expected<double> measurePeak(const CodegenOptions &options,
                                   const MachineDescription &machine,
                                   const nacre_executor *executor) {
  unsigned lanes = std::max(1u, machine.vectorBytes / 4);
  unsigned chains = machine.vectorRegisters >= 32 ? 24 : 12;
  llvm::Expected<std::string> code = emitLoop(options, lanes, chains);
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
  struct Work {
    Loop loop;
    int64_t count;
  } work = {reinterpret_cast<Loop>(::dlsym(handle, "nacre_peak")), 500'000};
  auto task = [](void *arg, int64_t begin, int64_t end) {
    static const float factor = 0.5f;
    for (int64_t i = begin; i < end; ++i) {
      volatile float sink = static_cast<Work *>(arg)->loop(
          static_cast<Work *>(arg)->count, &factor);
      (void)sink;
    }
  };
  double best = 0;
  for (int attempt = 0; attempt < 5; ++attempt) {
    auto start = std::chrono::steady_clock::now();
    executor->parallel(executor->ctx, task, &work, executor->threads);
    std::chrono::duration<double> spent =
        std::chrono::steady_clock::now() - start;
    best = std::max(best, 2.0 * lanes * chains * double(work.count) *
                              double(executor->threads) / spent.count() / 1e9);
  }
  ::dlclose(handle);
  return best;
}

} // namespace nacre::cpu
