//===- WeightsFile.cpp - the weights image as a side file -----------------===//
//
// Format: https://github.com/huggingface/safetensors#format. The header is
// padded with spaces so that the image starts at a multiple of 64 bytes.
//
//===----------------------------------------------------------------------===//

#include "nacre/Artifact/WeightsFile.h"
#include "nacre/Artifact/OutputFile.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"
#include <nlohmann/json.hpp>
#include <sys/mman.h>
#include <unistd.h>

namespace nacre::artifact {

/// Lets go of the whole pages of a mapped file among `bytes`: what was written
/// is the file's, what was read can be read again.
static void letGo(llvm::ArrayRef<uint8_t> bytes) {
  uintptr_t page = ::sysconf(_SC_PAGESIZE);
  auto address = reinterpret_cast<uintptr_t>(bytes.data());
  uintptr_t begin = llvm::alignTo(address, page),
            end = llvm::alignDown(address + bytes.size(), page);
  if (begin < end)
    ::madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}

void writeWeightsImage(const CompiledCode &code, uint8_t *image,
                       bool imageIsFile) {
  for (const WeightSegment &segment : code.weights) {
    assert(segment.offset + segment.bytes <= code.weightsBytes &&
           "segment outside the image");
    segment.write(image + segment.offset);
    letGo(segment.lastRead);
    if (imageIsFile)
      letGo({image + segment.offset, segment.bytes});
  }
}

llvm::Error writeWeightsFile(const CompiledCode &code, llvm::StringRef model,
                             llvm::StringRef path) {
  nlohmann::ordered_json header = {
      {"__metadata__",
       {{"model", model.str()}, {"made_by", "nacre " NACRE_VERSION}}},
      {"weights",
       {{"dtype", "U8"},
        {"shape", {code.weightsBytes}},
        {"data_offsets", {uint64_t(0), code.weightsBytes}}}}};
  std::string text = header.dump();
  text.resize(llvm::alignTo(text.size() + 8, 64) - 8, ' ');
  uint64_t start = text.size() + 8;
  return writeMappedFile(path, start + code.weightsBytes, [&](uint8_t *file) {
    llvm::support::endian::write64le(file, text.size());
    std::memcpy(file + 8, text.data(), text.size());
    writeWeightsImage(code, file + start, /*imageIsFile=*/true);
  });
}

} // namespace nacre::artifact
