//===- Signature.cpp - what the arguments of a kernel are for ------------===//
#include "Printer.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"

using namespace mlir;
namespace nacre::codegen {

Signature::Signature(func::FuncOp kernel) {
  auto argAttr = [&](unsigned n, StringRef name) {
    return kernel.getArgAttr(n, name);
  };
  auto integer = [&](unsigned n, StringRef name, int64_t otherwise) {
    auto attr = dyn_cast_or_null<IntegerAttr>(argAttr(n, name));
    return attr ? attr.getInt() : otherwise;
  };
  unsigned count = kernel.getNumArguments();
  for (BlockArgument arg : kernel.getArguments()) {
    unsigned n = arg.getArgNumber();
    auto type = dyn_cast<MemRefType>(arg.getType());
    if (!type) {
      (n + 2 < count    ? dims.emplace_back()
       : n + 2 == count ? group
                        : item) = arg;
      continue;
    }
    auto space = dyn_cast_or_null<StringAttr>(argAttr(n, "nacre.space"));
    if (!space) {
      if (!arg.use_empty())
        status = arg;
      continue;
    }
    Buffer &buffer = buffers.emplace_back();
    buffer.arg = arg;
    buffer.element = type.getElementType();
    buffer.weights = space.getValue() == "weights";
    buffer.write = bool(argAttr(n, "nacre.write"));
    buffer.noalias = bool(argAttr(n, "llvm.noalias"));
    buffer.align = integer(n, "nacre.align", 1);
    buffer.chunks = integer(n, "nacre.chunks", 1);
    buffer.chunkSet = integer(n, "nacre.chunk_set", n);
    usesMemory |= !buffer.weights && !arg.use_empty();
  }
  unsigned binding = 1;
  for (Buffer &buffer : buffers)
    buffer.binding = binding;
  binding += usesMemory;
  statusBinding = binding;
  binding += bool(status);
  // Weights that begin in one chunk are bound once, for the longest of them.
  for (auto [n, buffer] : llvm::enumerate(buffers)) {
    if (!buffer.weights || buffer.arg.use_empty())
      continue;
    auto same = llvm::find_if(chunkSets, [&, &b = buffer](const ChunkSet &set) {
      return set.number == b.chunkSet;
    });
    if (same == chunkSets.end())
      chunkSets.push_back({buffer.chunkSet, unsigned(n), buffer.chunks, 0});
    else
      same->chunks = std::max(same->chunks, buffer.chunks);
  }
  for (ChunkSet &set : chunkSets) {
    set.binding = binding;
    binding += set.chunks;
    for (Buffer &buffer : buffers)
      if (buffer.weights && buffer.chunkSet == set.number)
        buffer.binding = set.binding;
  }
  if (auto size = kernel->getAttrOfType<IntegerAttr>("nacre.group"))
    groupSize = size.getInt();
  if (auto number = kernel->getAttrOfType<IntegerAttr>("nacre.groups"))
    groups = number.getInt();
}

bool isShared(memref::AllocaOp array) {
  auto space =
      dyn_cast_or_null<gpu::AddressSpaceAttr>(array.getType().getMemorySpace());
  return space && space.getValue() == gpu::AddressSpace::Workgroup;
}

KernelUse kernelUse(func::FuncOp kernel) {
  Signature signature(kernel);
  KernelUse use;
  use.status = bool(signature.status);
  use.invocations = signature.groupSize;
  use.params = signature.buffers.size() + signature.dims.size();
  if (signature.usesMemory)
    use.bindings.push_back({KernelUse::Binding::Memory});
  if (use.status)
    use.bindings.push_back({KernelUse::Binding::Status});
  for (const ChunkSet &set : signature.chunkSets)
    for (unsigned chunk = 0; chunk < set.chunks; ++chunk)
      use.bindings.push_back({KernelUse::Binding::Weights, set.buffer, chunk});
  use.storageBuffers = use.bindings.size();
  kernel.walk([&](memref::AllocaOp array) {
    if (!isShared(array))
      return;
    MemRefType type = array.getType();
    uint64_t bits = type.getElementTypeBitWidth();
    use.workgroupBytes +=
        llvm::alignTo(type.getNumElements() * llvm::divideCeil(bits, 8), 16);
  });
  return use;
}

} // namespace nacre::codegen
