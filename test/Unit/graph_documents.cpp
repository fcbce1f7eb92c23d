//===- graph_documents.cpp - the examples of the documents ----------------===//
//
// Every fenced block of docs/language-examples.md that is marked `ngl` is a
// file that must import, for training where it has a train block. Dims are 4.
//
//===----------------------------------------------------------------------===//

#include "GraphText.h"
#include "llvm/Support/MemoryBuffer.h"
#include <catch2/catch.hpp>

using namespace nacre::test;

TEST_CASE("examples of the documents") {
  int found = 0;
  for (const char *page : {"language.md", "language-examples.md"}) {
    auto buffer =
        llvm::MemoryBuffer::getFile(std::string(NACRE_SOURCE "/docs/") + page);
    REQUIRE(buffer);
    llvm::SmallVector<llvm::StringRef> parts;
    (*buffer)->getBuffer().split(parts, "```ngl\n");
    for (llvm::StringRef part : llvm::ArrayRef(parts).drop_front()) {
      llvm::StringRef text = part.split("```").first;
      INFO(page << ":\n" << text.str());
      ++found;
      std::vector<Dim> dims = {{"N", 4}};
      CHECK(importErrors(text, dims) == "");
      if (text.contains("train {"))
        CHECK(trainingErrors(text, dims) == "");
    }
  }
  CHECK(found >= 8);
}
