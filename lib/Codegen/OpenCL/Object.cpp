//===- Object.cpp - an object that runs a bundle --------------------------===//
#include "OpenCl.h"
#include "nacre/Artifact/DataObject.h"
#include "nacre/Artifact/HostObject.h"
#include "nacre/Artifact/Link.h"
#include "nacre/Artifact/ModelTable.h"
#include "nacre/Artifact/OutputFile.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/Support/Path.h"

using llvm::StringRef;
namespace nacre::opencl {

llvm::Expected<std::string> emitObject(const CompiledCode &code,
                                       const CodegenOptions &options) {
  llvm::LLVMContext context;
  llvm::Module module(options.symbol, context);
  if (llvm::Error error = artifact::prepareForHost(module))
    return error;
  llvm::IRBuilder<> b(context);
  auto *pointer = llvm::PointerType::get(context, 0);
  auto *i32 = b.getInt32Ty(), *i64 = b.getInt64Ty();
  auto text = [&](StringRef name, StringRef value) -> llvm::Constant * {
    auto *data = llvm::ConstantDataArray::getString(context, value);
    return new llvm::GlobalVariable(module, data->getType(), true,
                                    llvm::GlobalValue::PrivateLinkage, data,
                                    options.symbol + "_" + name);
  };
  llvm::Constant *weights = llvm::ConstantPointerNull::get(pointer);
  if (options.embedWeights && code.weightsBytes) {
    auto *embedded = new llvm::GlobalVariable(
        module, b.getInt8Ty(), true, llvm::GlobalValue::ExternalLinkage,
        nullptr, options.symbol + "_weights");
    embedded->setVisibility(llvm::GlobalValue::HiddenVisibility);
    weights = embedded;
  }
  // nacre_opencl_bundle
  auto *type = llvm::StructType::get(
      context, {pointer, i64, pointer, i64, pointer, i64});
  auto *bundle = new llvm::GlobalVariable(
      module, type, true, llvm::GlobalValue::PrivateLinkage,
      llvm::ConstantStruct::get(type, {text("manifest", code.manifest),
                                       b.getInt64(code.manifest.size()),
                                       text("kernels", code.kernelText),
                                       b.getInt64(code.kernelText.size()),
                                       weights, b.getInt64(code.weightsBytes)}),
      options.symbol + "_bundle");
  // run(inputs, outputs, arena, weights, dims, executor)
  auto *runBundle = llvm::Function::Create(
      llvm::FunctionType::get(
          i32, {pointer, pointer, pointer, pointer, pointer, pointer}, false),
      llvm::Function::ExternalLinkage, "nacre_opencl_run_embedded", module);
  auto *run = llvm::Function::Create(runBundle->getFunctionType(),
                                     llvm::Function::ExternalLinkage,
                                     options.symbol + "_run_generic", module);
  b.SetInsertPoint(llvm::BasicBlock::Create(context, "", run));
  b.CreateRet(b.CreateCall(runBundle,
                           {bundle, run->getArg(0), run->getArg(1),
                            run->getArg(3), run->getArg(4), run->getArg(5)}));
  artifact::addModelTable(module, code, options);
  return artifact::emitForHost(module);
}

llvm::Error writeObject(const CompiledCode &code, const CodegenOptions &options,
                        StringRef path) {
  auto write = [&](StringRef to, artifact::Durability durability) {
    return artifact::writeFile(
        to, [&](llvm::raw_ostream &os) { os << code.object; }, durability);
  };
  if (!options.embedWeights || !code.weightsBytes)
    return write(path, artifact::Durability::Synced);
  artifact::ScratchFolder scratch;
  if (llvm::Error error = scratch.create(llvm::sys::path::parent_path(path)))
    return error;
  std::string glue = scratch.file("glue.o"), data = scratch.file("weights.o");
  if (llvm::Error error = write(glue, artifact::Durability::Scratch))
    return error;
  if (llvm::Error error =
          artifact::writeWeightsObject(code, options.symbol, data))
    return error;
  return artifact::linkRelocatable({glue, data}, path);
}

} // namespace nacre::opencl
