//===- CName.h - model names as C identifiers -------------------*- C++ -*-===//
#ifndef NACRE_ARTIFACT_CNAME_H
#define NACRE_ARTIFACT_CNAME_H

#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/StringSet.h"
#include <string>

namespace nacre::artifact {

/// A C and C++ identifier for any bytes: characters outside [A-Za-z0-9_]
/// become '_', a leading digit gets a '_' in front, keywords and names that
/// headers may define as macros get one behind. Never empty.
std::string cIdentifier(llvm::StringRef name);

/// Identifiers of one C scope; collisions get _2, _3, ...
class NameScope {
public:
  std::string add(llvm::StringRef name);

private:
  llvm::StringSet<> used;
};

/// Text for the inside of a block comment on one line: what could end the
/// comment, open another or reach a terminal is written as %XX.
std::string commentText(llvm::StringRef text);

} // namespace nacre::artifact

#endif // NACRE_ARTIFACT_CNAME_H
