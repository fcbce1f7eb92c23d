//===- ModelTable.cpp - the reflection table of an object -----------------===//
//
// The struct types below are those of runtime/include/nacre/model.h field by
// field; the static_asserts hold the two together.
//
//===----------------------------------------------------------------------===//

#include "nacre/Artifact/ModelTable.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/DerivedTypes.h"
#include "llvm/IR/Function.h"
#include "llvm/IR/GlobalVariable.h"
#include <nacre/model.h>

using llvm::Constant;
using llvm::GlobalVariable;
using llvm::StringRef;

namespace nacre::artifact {

static_assert(sizeof(nacre_tensor) == 6 * 8 && sizeof(nacre_model) == 18 * 8 &&
                  NACRE_ABI_VERSION == 2,
              "model.h has changed: change the constants below with it");

namespace {
/// Makes private read-only constants of one module.
struct Table {
  llvm::Module &module;
  StringRef symbol;
  llvm::IntegerType *i64 = llvm::Type::getInt64Ty(module.getContext());
  llvm::PointerType *pointer = llvm::PointerType::get(module.getContext(), 0);
  int count = 0;

  Constant *null() { return llvm::ConstantPointerNull::get(pointer); }
  Constant *number(uint64_t value) {
    return llvm::ConstantInt::get(i64, value);
  }

  Constant *constant(Constant *value) {
    auto *global =
        new GlobalVariable(module, value->getType(), /*isConstant=*/true,
                           GlobalVariable::PrivateLinkage, value,
                           symbol + ".table." + llvm::Twine(count++));
    global->setUnnamedAddr(GlobalVariable::UnnamedAddr::Global);
    return global;
  }
  Constant *text(StringRef value) {
    return constant(
        llvm::ConstantDataArray::getString(module.getContext(), value));
  }
  Constant *array(llvm::Type *type, llvm::ArrayRef<Constant *> values) {
    if (values.empty())
      return null();
    return constant(llvm::ConstantArray::get(
        llvm::ArrayType::get(type, values.size()), values));
  }

  llvm::StructType *tensorType() {
    return llvm::StructType::get(
        module.getContext(), {pointer, pointer, i64, pointer, pointer, i64});
  }
  Constant *tensor(const TensorInfo &info) {
    llvm::SmallVector<Constant *> shape, names;
    bool symbolic = false;
    for (size_t axis = 0; axis < info.shape.size(); ++axis) {
      shape.push_back(number(info.shape[axis]));
      bool named = axis < info.dimNames.size() && !info.dimNames[axis].empty();
      names.push_back(named ? text(info.dimNames[axis]) : null());
      symbolic |= named;
    }
    return llvm::ConstantStruct::get(
        tensorType(),
        {text(info.name), text(info.dtypeText()), number(info.shape.size()),
         array(i64, shape), symbolic ? array(pointer, names) : null(),
         number(info.byteCount())});
  }
  Constant *tensors(llvm::ArrayRef<TensorInfo> infos) {
    llvm::SmallVector<Constant *> values;
    for (const TensorInfo &info : infos)
      values.push_back(tensor(info));
    return array(tensorType(), values);
  }
};
} // namespace

void addModelTable(llvm::Module &module, const CompiledCode &code,
                   const CodegenOptions &options) {
  Table t{module, options.symbol};
  bool embedded = options.embedWeights && code.weightsBytes > 0;
  bool sideFile = !options.embedWeights && code.weightsBytes > 0;

  Constant *weights = t.null();
  if (embedded) {
    std::string name = options.symbol + "_weights";
    GlobalVariable *global = module.getNamedGlobal(name);
    if (!global) {
      global = new GlobalVariable(
          module, llvm::Type::getInt8Ty(module.getContext()),
          /*isConstant=*/true, GlobalVariable::ExternalLinkage, nullptr, name);
      global->setVisibility(GlobalVariable::HiddenVisibility);
      global->setAlignment(llvm::Align(NACRE_ALIGNMENT));
    }
    weights = global;
  }

  std::string runName = options.symbol + "_run_generic";
  llvm::Function *run = module.getFunction(runName);
  if (!run) {
    llvm::Type *p = t.pointer;
    run = llvm::Function::Create(
        llvm::FunctionType::get(llvm::Type::getInt32Ty(module.getContext()),
                                {p, p, p, p, p, p}, false),
        llvm::Function::ExternalLinkage, runName, module);
  }

  llvm::SmallVector<Constant *> kernelNames, kernelFlops, dimNames, strings;
  for (const KernelInfo &kernel : code.kernels) {
    kernelNames.push_back(t.text(kernel.name));
    kernelFlops.push_back(t.number(kernel.flops));
  }
  for (const std::string &name : code.dimNames)
    dimNames.push_back(t.text(name));
  for (const std::string &string : code.strings)
    strings.push_back(t.text(string));

  auto *value = llvm::ConstantStruct::getAnon(
      {t.number(NACRE_ABI_VERSION), t.text(options.symbol),
       t.number(code.inputs.size()), t.number(code.outputs.size()),
       t.tensors(code.inputs), t.tensors(code.outputs),
       t.number(code.callersArena()), t.number(code.weightsBytes), weights,
       sideFile && !options.weightsFile.empty() ? t.text(options.weightsFile)
                                                : t.null(),
       t.number(code.kernels.size()), t.array(t.pointer, kernelNames),
       t.array(t.i64, kernelFlops), t.number(code.dimNames.size()),
       t.array(t.pointer, dimNames), run, t.number(code.strings.size()),
       t.array(t.pointer, strings)});
  new GlobalVariable(module, value->getType(), /*isConstant=*/true,
                     GlobalVariable::ExternalLinkage, value,
                     options.symbol + "_model");
}

} // namespace nacre::artifact
