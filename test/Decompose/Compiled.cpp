//===- Compiled.cpp - functions in upstream dialects, run here ------------===//
#include "Compiled.h"
#include "Cpu/Cpu.h"
#include "nacre/Artifact/Link.h"
#include "nacre/Artifact/OutputFile.h"
#include <dlfcn.h>

using namespace nacre;
namespace nacre::test {

llvm::Expected<std::unique_ptr<Compiled>>
Compiled::load(mlir::ModuleOp module) {
  CodegenOptions options;
  if (auto machine = cpu::describeMachine(options); !machine)
    return machine.takeError();
  auto machine = codegen::makeTargetMachine(options);
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  auto code = codegen::lowerToLlvm(module, context, **machine);
  if (!code)
    return code.takeError();
  for (llvm::Function &f : **code)
    if (!f.isDeclaration()) {
      f.setLinkage(f.getName().starts_with("nacre_")
                       ? llvm::GlobalValue::InternalLinkage
                       : llvm::GlobalValue::ExternalLinkage);
      // It may run with subnormals flushed.
      f.addFnAttr("denormal-fp-math", "dynamic,dynamic");
    }
  auto object = codegen::emitObject(**code, **machine, 1);
  if (!object)
    return object.takeError();
  artifact::ScratchFolder scratch;
  if (llvm::Error error = scratch.create())
    return error;
  std::string file = scratch.file("test.o"), library = scratch.file("test.so");
  if (llvm::Error error = artifact::writeFile(
          file, [&](llvm::raw_ostream &os) { os << *object; },
          artifact::Durability::Scratch))
    return error;
  if (llvm::Error error = artifact::linkShared({file}, library))
    return error;
  auto result = std::make_unique<Compiled>();
  result->handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!result->handle)
    return llvm::createStringError(::dlerror());
  return result;
}

Compiled::~Compiled() {
  if (handle)
    ::dlclose(handle);
}

void Compiled::call(llvm::StringRef name,
                    llvm::ArrayRef<uint64_t> arguments) const {
  constexpr size_t most = 32;
  uint64_t a[most] = {};
  if (arguments.size() > most)
    llvm::report_fatal_error("a kernel of the tests has too many arguments");
  llvm::copy(arguments, a);
  void *function = ::dlsym(handle, name.str().c_str());
  assert(function && "no such function");
  // Pointers and indices go alike, and the caller cleans up.
  [&]<size_t... n>(std::index_sequence<n...>) {
    using Function = void(decltype((void)n, uint64_t())...);
    reinterpret_cast<Function *>(function)(a[n]...);
  }(std::make_index_sequence<most>());
}

} // namespace nacre::test
