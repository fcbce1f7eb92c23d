//===- artifact_probe.cpp - writes artefacts of made-up code --------------===//
//
//   artifact_probe objects LIKE.o WEIGHTS.o POINTER.o   objects like LIKE.o
//   artifact_probe large LIKE.o WEIGHTS.o               an image above 2 GiB
//   artifact_probe header EMBED|FILE HEADER.h           with hostile names
//
// artifacts_test.sh compiles, links and runs what comes out.
//
//===----------------------------------------------------------------------===//

#include "nacre/Artifact/CHeader.h"
#include "nacre/Artifact/DataObject.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace nacre;

static CompiledCode codeLike(const char *path) {
  auto file = llvm::MemoryBuffer::getFile(path);
  if (!file)
    llvm::report_fatal_error("cannot read the object");
  CompiledCode code;
  code.triple = "test";
  code.object = (*file)->getBuffer().str();
  return code;
}

static int check(llvm::Error error) {
  if (!error)
    return 0;
  llvm::errs() << "error: " << llvm::toString(std::move(error)) << "\n";
  return 1;
}

/// 100 bytes i, a gap up to 128, then 1000 bytes 7.
static int writeObjects(char **argv) {
  CompiledCode code = codeLike(argv[0]);
  code.weightsBytes = 1128;
  code.weights = {
      {0, 100,
       [](uint8_t *bytes) {
         for (int i = 0; i < 100; ++i)
           bytes[i] = i;
       }},
      {128, 1000, [](uint8_t *bytes) { std::memset(bytes, 7, 1000); }}};
  if (int failed = check(artifact::writeWeightsObject(code, "net", argv[1])))
    return failed;
  return check(
      artifact::writePointerObject(code, "nacre_entry", "net_model", argv[2]));
}

static int writeLarge(char **argv) {
  CompiledCode code = codeLike(argv[0]);
  code.weightsBytes = (uint64_t(1) << 31) + 64;
  code.weights = {{uint64_t(1) << 31, 64,
                   [](uint8_t *bytes) { std::memset(bytes, 9, 64); }}};
  return check(artifact::writeWeightsObject(code, "net", argv[1]));
}

static int writeHeader(char **argv) {
  CompiledCode code;
  code.triple = "x86_64-*/linux";
  code.cpu = "generic";
  code.arenaBytes = 4096;
  code.weightsBytes = 64;
  auto tensor = [](llvm::StringRef name, DType dtype,
                   std::vector<int64_t> shape,
                   std::vector<std::string> dims = {}) {
    return TensorInfo{name.str(), dtype, std::move(shape), std::move(dims), ""};
  };
  code.inputs = {tensor("x", DType::F32, {1, 8}),
                 tensor("x", DType::F16, {2}),
                 tensor("x_2", DType::BF16, {}),
                 tensor("int", DType::I8, {3}),
                 tensor("1/conv:0", DType::U8, {3}),
                 tensor("*/ int main(void) { return 1; } /*", DType::F64, {3}),
                 tensor("\n#error no\n", DType::I64, {3}),
                 tensor("\?\?/\n", DType::U16, {3}),
                 tensor("back\\\n", DType::I16, {3}),
                 tensor("linux", DType::U32, {3}),
                 tensor("INT8_MAX", DType::U64, {3}),
                 tensor("__LINE__", DType::I32, {3}),
                 tensor("\xc3\xa9t\xc3\xa9", DType::Bool, {4, 8}, {"N*/", ""}),
                 tensor("", DType::Bool, {1})};
  code.outputs = {tensor("ARENA", DType::F32, {2, 0}),
                  tensor("WEIGHTS", DType::Bool, {1}),
                  tensor("class", DType::F32, {1})};
  code.dimNames = {"N*/", "N__", "while"};
  CodegenOptions options;
  options.symbol = "net";
  options.embedWeights = llvm::StringRef(argv[0]) == "embed";
  options.weightsFile = "*/net.safetensors";
  std::error_code failure;
  llvm::raw_fd_ostream os(argv[1], failure);
  artifact::writeCHeader(os, code, options, "*/evil\n.onnx");
  return failure ? 1 : 0;
}

int main(int argc, char **argv) {
  llvm::StringRef what = argc > 1 ? argv[1] : "";
  if (what == "objects" && argc == 5)
    return writeObjects(argv + 2);
  if (what == "large" && argc == 4)
    return writeLarge(argv + 2);
  if (what == "header" && argc == 4)
    return writeHeader(argv + 2);
  llvm::errs() << "usage: see artifact_probe.cpp\n";
  return 2;
}
