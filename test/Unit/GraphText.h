//===- GraphText.h - texts in the graph language, from memory ---*- C++ -*-===//
#ifndef NACRE_TEST_UNIT_GRAPHTEXT_H
#define NACRE_TEST_UNIT_GRAPHTEXT_H

#include "nacre/Frontend/Graph.h"

namespace nacre::test {

mlir::MLIRContext *context();

/// A file of the test's own, gone at the end.
struct TextFile {
  std::string path;
  explicit TextFile(llvm::StringRef text, llvm::StringRef suffix = "ngl");
  ~TextFile();
};

struct Dim {
  const char *name;
  int64_t value;
};

/// Everything importing says of a text, the file's name as FILE, a line each.
std::string importErrors(llvm::StringRef text, std::vector<Dim> dims = {});
std::string trainingErrors(llvm::StringRef text, std::vector<Dim> dims = {});

/// The programs of a text that must be right.
Program importText(llvm::StringRef text, std::vector<Dim> dims = {},
                   llvm::StringRef parameters = "");
autodiff::TrainingModel trainingText(llvm::StringRef text,
                                     graph_frontend::TrainingOptions options);

/// "NAME KIND TYPE" of the arguments and results of main, a line each.
std::string signature(const Program &program);

} // namespace nacre::test

#endif // NACRE_TEST_UNIT_GRAPHTEXT_H
