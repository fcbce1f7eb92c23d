//===- Render.cpp - kernels of a WGSL module ------------------------------===//
#include "Wgsl.h"
#include "WgslPrinter.h"

namespace nacre::codegen {

void WgslPrinter::bind(unsigned number, StringRef kind, const Twine &name,
                       StringRef type) {
  std::string at = std::to_string(number), variable = name.str();
  globals.insert({at + variable, "@group(0) @binding(" + at + ") var<" +
                                     kind.str() + "> " + variable + ": " +
                                     type.str() + ";"});
}

void WgslPrinter::openKernel(func::FuncOp kernel, Signature &signature,
                             ArrayRef<memref::AllocaOp> shared) {
  atomicMemory = false;
  kernel.walk([&](memref::StoreOp store) {
    Type type = store.getValue().getType();
    atomicMemory |= isa<BlockArgument>(store.getMemRef()) &&
                    (type.isInteger(8) || type.isInteger(16));
  });
  if (signature.usesMemory)
    bind(1, "storage, read_write", atomicMemory ? "memory_atomic" : "memory",
         atomicMemory ? "array<atomic<u32>>" : "array<u32>");
  for (const Buffer &buffer : signature.buffers)
    if (buffer.weights && !buffer.arg.use_empty())
      for (unsigned n = 0; n < buffer.chunks; ++n)
        bind(buffer.binding + n, "storage, read",
             "chunk_" + Twine(buffer.binding + n), "array<u32>");
  if (signature.status)
    bind(signature.statusBinding, "storage, read_write", "status",
         "atomic<i32>");

  std::string block = names.plain((kernel.getName() + "_params").str());
  std::string params = names.plain((kernel.getName() + "_p").str());
  SmallVector<std::string> members, reads;
  for (const Buffer &buffer : signature.buffers) {
    members.push_back(buffer.name + "_at");
    if (!buffer.arg.use_empty())
      reads.push_back(members.back());
  }
  for (BlockArgument dim : signature.dims) {
    members.push_back(use(dim).text);
    if (!dim.use_empty())
      reads.push_back(members.back());
  }
  if (!members.empty()) {
    std::string text = "struct " + block + " {";
    for (auto [n, member] : llvm::enumerate(members))
      text += (n ? ", " : " ") + member + ": u32";
    line(text + " }");
    line("@group(0) @binding(0) var<uniform> " + params + ": " + block + ";");
  }
  for (memref::AllocaOp array : shared) {
    MemRefType type = array.getType();
    std::string name = names.numbered((kernel.getName() + "_shared").str());
    set(array, {name});
    line("var<workgroup> " + name + ": " +
         arrayOf(type.getElementType(), type.getNumElements()) + ";");
  }

  // A launch has rows of 65535 groups; one of less is exact.
  bool rows = !signature.groups || *signature.groups > 65535;
  bool usesGroup = !signature.group.use_empty() || (rows && signature.groups);
  SmallVector<std::string> args;
  if (usesGroup)
    args.push_back("@builtin(workgroup_id) workgroup_id: vec3<u32>");
  if (usesGroup && rows)
    args.push_back("@builtin(num_workgroups) num_workgroups: vec3<u32>");
  if (!signature.item.use_empty())
    args.push_back("@builtin(local_invocation_index) local_index: u32");
  line("@compute @workgroup_size(" + Twine(signature.groupSize) + ")");
  line("fn " + kernel.getName() + "(" +
       (args.size() > 1 ? "" : llvm::join(args, "")) +
       (args.size() > 1 ? "" : ") {"));
  ++indent, ++indent;
  if (args.size() > 1)
    for (auto [n, arg] : llvm::enumerate(args))
      line(arg + (n + 1 < args.size() ? "," : ") {"));
  --indent;
  for (StringRef name : reads)
    line("let " + name + " = i32(" + params + "." + name + ");");
  if (usesGroup)
    line(rows ? "let group = i32(workgroup_id.x + workgroup_id.y * "
                "num_workgroups.x);"
              : "let group = i32(workgroup_id.x);");
  if (rows && signature.groups) {
    line("if (group >= " + Twine(*signature.groups) + ") {");
    line("  return;");
    line("}");
  }
  if (!signature.item.use_empty())
    line("let item = i32(local_index);");
  --indent;
}

void WgslPrinter::openHelper(func::FuncOp helper, StringRef result,
                             ArrayRef<std::string> argNames) {
  SmallVector<std::string> args;
  for (auto [type, name] : llvm::zip(helper.getArgumentTypes(), argNames))
    args.push_back(name + ": " + typeName(type));
  line("fn " + helper.getName() + "(" + llvm::join(args, ", ") + ")" +
       (result.empty() ? "" : " -> " + result.str()) + " {");
}

FailureOr<std::string> renderWgsl(ModuleOp module, uint64_t chunkBytes) {
  return WgslPrinter(chunkBytes).render(module);
}

} // namespace nacre::codegen
