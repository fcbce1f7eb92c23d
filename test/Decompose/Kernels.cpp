//===- Kernels.cpp - kernels against themselves, decomposed ---------------===//
#include "Kernels.h"
#include "Compiled.h"
#include "Lower/Body.h"
#include "nacre/Driver/Pipeline.h"
#include <cmath>
#include <cstring>
#include <random>

using namespace mlir;
namespace nacre::test {
namespace {

using Bytes = std::vector<uint8_t>;

struct Buffer {
  Type element;
  unsigned size;
  Bytes bytes;
};

/// A number for `type` at random. f64, which is computed in less, gets few
/// bits; the others extremes too.
uint64_t numberFor(Type type, bool wild, std::mt19937_64 &rng) {
  uint64_t bits = rng();
  double small = (double(bits % 33) - 16) / 4;
  if (auto floating = dyn_cast<FloatType>(type)) {
    // The plain code flushes subnormals of bf16 where it moves them.
    if (wild && bits >> 63 && !type.isF64())
      return type.isBF16() && !(bits >> 8 & 0x7f80) ? 0 : bits >> 8;
    APFloat f(small);
    bool lossy;
    f.convert(floating.getFloatSemantics(), APFloat::rmNearestTiesToEven,
              &lossy);
    return f.bitcastToAPInt().getZExtValue();
  }
  if (wild && bits >> 63)
    return int64_t(rng()) >> (bits % 64);
  return uint64_t(int64_t(bits % 11) - 5);
}

bool isNaN(Type type, uint64_t bits) {
  auto floating = dyn_cast<FloatType>(type);
  return floating &&
         APFloat(floating.getFloatSemantics(), APInt(floating.getWidth(), bits))
             .isNaN();
}

bool isSame(Type type, uint64_t x, uint64_t y) {
  if (x == y || (isNaN(type, x) && isNaN(type, y)))
    return true;
  if (!type.isF64())
    return false;
  double a, b;
  std::memcpy(&a, &x, 8);
  std::memcpy(&b, &y, 8);
  if (std::isnan(a) || std::isnan(b))
    return false;
  // Beyond f32 all is infinite.
  if (std::fabs(a) > 3e38 && std::fabs(b) > 3e38)
    return std::signbit(a) == std::signbit(b);
  return std::fabs(a - b) <= 1e-4 + 1e-4 * std::fabs(a);
}

} // namespace

std::vector<std::string> compareDecomposed(Program program) {
  std::vector<std::string> out;
  ModuleOp module = *program.module;
  CodegenOptions options;
  MachineDescription machine;
  if (failed(
          runPhases(program, Phase::Import, Phase::Schedule, options, machine)))
    return {"cannot be scheduled"};
  OwningOpRef<ModuleOp> plain =
      ModuleOp::create(UnknownLoc::get(module.getContext()));
  OpBuilder b(module.getContext());
  std::vector<codegen::LoweredKernel> kernels;
  module.walk([&](lazy::KernelOp kernel) {
    NamedAttrList schedule(*kernel.getSchedule());
    if (schedule.get("lanes"))
      schedule.set("lanes", b.getI64IntegerAttr(1));
    schedule.erase("dot"); // of vectors too
    kernel.setScheduleAttr(schedule.getDictionary(b.getContext()));
    auto lowered = codegen::lowerKernel(kernel, *plain,
                                        "k" + std::to_string(kernels.size()));
    if (failed(lowered))
      out.push_back("cannot be lowered");
    else
      kernels.push_back(std::move(*lowered));
  });
  if (!out.empty() || kernels.empty())
    return out;
  // Lowering to LLVM uses the functions up.
  std::vector<SmallVector<Type>> types;
  for (codegen::LoweredKernel &kernel : kernels)
    types.emplace_back(kernel.function.getArgumentTypes());
  // What can be expanded in f32 has its own test of numbers.
  codegen::Lacks little, much;
  little.f64 = much.f64 = much.i64 = true;
  much.reliableNaN = false;
  std::vector<std::unique_ptr<Compiled>> codes;
  for (const codegen::Lacks &lacks :
       {little, much, codegen::Lacks(), codegen::Lacks::everything()}) {
    OwningOpRef<ModuleOp> other = plain->clone();
    if (failed(codegen::decompose(*other, lacks)))
      return {"cannot be decomposed"};
    if (codes.size() == 2)
      continue;
    auto code = Compiled::load(*other);
    if (!code)
      return {llvm::toString(code.takeError())};
    codes.push_back(std::move(*code));
  }
  auto first = Compiled::load(*plain);
  if (!first)
    return {llvm::toString(first.takeError())};
  std::mt19937_64 rng(7);
  for (size_t n = 0; n < kernels.size(); ++n)
    for (int round = 0; round < 4; ++round) {
      bool wild = round % 2;
      const Compiled &second = *codes[round / 2];
      std::vector<Buffer> buffers;
      std::vector<uint64_t> numbers;
      for (Type type : types[n])
        if (auto memref = dyn_cast<MemRefType>(type)) {
          Type element = memref.getElementType();
          unsigned size = element.getIntOrFloatBitWidth() / 8;
          Buffer buffer{element, size, Bytes(memref.getNumElements() * size)};
          for (int64_t i = 0; i < memref.getNumElements(); ++i) {
            uint64_t bits = numberFor(element, wild, rng);
            std::memcpy(&buffer.bytes[i * size], &bits, size);
          }
          buffers.push_back(std::move(buffer));
        }
      std::fill(buffers.back().bytes.begin(), buffers.back().bytes.end(), 0);
      for (size_t i = 0; i < kernels[n].symbols.size(); ++i)
        numbers.push_back(1);
      numbers.push_back(0);
      numbers.push_back(kernels[n].tasks);
      std::vector<Buffer> copies = buffers;
      for (auto [code, data] :
           {std::pair<const Compiled *, std::vector<Buffer> *>(first->get(),
                                                               &buffers),
            {&second, &copies}}) {
        SmallVector<uint64_t> arguments;
        for (Buffer &buffer : *data)
          arguments.push_back(uint64_t(buffer.bytes.data()));
        llvm::append_range(arguments, numbers);
        code->call("k" + std::to_string(n), arguments);
      }
      for (auto [i, want, got] : llvm::enumerate(buffers, copies))
        for (size_t at = 0; at < want.bytes.size(); at += want.size) {
          uint64_t w = 0, g = 0;
          std::memcpy(&w, &want.bytes[at], want.size);
          std::memcpy(&g, &got.bytes[at], want.size);
          if (isSame(want.element, w, g))
            continue;
          out.push_back(
              "kernel " + std::to_string(n) + ", buffer " + std::to_string(i) +
              ", element " + std::to_string(at / want.size) + ": 0x" +
              llvm::utohexstr(g) + ", expected 0x" + llvm::utohexstr(w) +
              (round < 2 ? ", without f64" : ""));
          break;
        }
    }
  return out;
}

} // namespace nacre::test
