//===- Names.h - identifiers in scope ---------------------------*- C++ -*-===//
#ifndef NACRE_CODEGEN_TEXT_NAMES_H
#define NACRE_CODEGEN_TEXT_NAMES_H

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include <string>
#include <vector>

namespace nacre::codegen {

/// Identifiers that are taken, scope in scope. No name hides another, and none
/// is a word of either language.
class Names {
public:
  Names() { open(); }
  void open() { scopes.emplace_back(); }
  void close() { scopes.pop_back(); }
  bool isFree(llvm::StringRef name) const;
  void take(llvm::StringRef name) { scopes.back().taken.insert(name); }
  /// `hint` itself where it is free, else with a number behind.
  std::string plain(llvm::StringRef hint);
  /// `hint` with the first free number behind.
  std::string numbered(llvm::StringRef hint);
  /// i, j, k, ..
  std::string loop();

private:
  struct Scope {
    llvm::StringSet<> taken;
    llvm::StringMap<unsigned> next; ///< numbers below are taken
  };
  std::vector<Scope> scopes;
};

} // namespace nacre::codegen

#endif // NACRE_CODEGEN_TEXT_NAMES_H
