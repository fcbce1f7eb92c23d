//===- Strings.h - texts of a run and their codes ---------------*- C++ -*-===//
//
// Inputs are read before there is a program: their texts have codes of a table
// of their own. Once the program is known, with its strings, these become codes
// of a table that begins with them.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_LIB_DRIVER_STRINGS_H
#define NACRE_LIB_DRIVER_STRINGS_H

#include "nacre/Codegen/Code.h"
#include <memory>

struct nacre_strings;

namespace nacre::driver {

class Strings {
public:
  Strings();
  /// The strings of a program, which are different ones.
  explicit Strings(llvm::ArrayRef<std::string> program);

  int32_t code(llvm::StringRef text);
  /// nullopt for a code that no text has.
  std::optional<llvm::StringRef> text(int32_t code) const;
  /// Codes of `read` become codes of this table; others stay as they are.
  void recode(const Strings &read, Tensor &codes);
  /// For the runtime's readers and writers.
  nacre_strings *table() const { return strings.get(); }

private:
  std::shared_ptr<nacre_strings> strings;
};

} // namespace nacre::driver

#endif // NACRE_LIB_DRIVER_STRINGS_H
