//===- CName.cpp - model names as C identifiers ---------------------------===//

#include "nacre/Artifact/CName.h"
#include "llvm/ADT/StringExtras.h"

using llvm::StringRef;

namespace nacre::artifact {

/// Keywords of C23 and C++23, the words that compilers predefine as macros in
/// their GNU modes, and `errno` and its kind.
static const llvm::StringSet<> &reservedWords() {
  static const llvm::StringSet<> words = {"alignas",
                                          "alignof",
                                          "and",
                                          "and_eq",
                                          "asm",
                                          "assert",
                                          "auto",
                                          "bitand",
                                          "bitor",
                                          "bool",
                                          "break",
                                          "case",
                                          "catch",
                                          "char",
                                          "char16_t",
                                          "char32_t",
                                          "char8_t",
                                          "class",
                                          "co_await",
                                          "co_return",
                                          "co_yield",
                                          "compl",
                                          "complex",
                                          "concept",
                                          "const",
                                          "const_cast",
                                          "consteval",
                                          "constexpr",
                                          "constinit",
                                          "continue",
                                          "decltype",
                                          "default",
                                          "delete",
                                          "do",
                                          "double",
                                          "dynamic_cast",
                                          "else",
                                          "enum",
                                          "errno",
                                          "explicit",
                                          "export",
                                          "extern",
                                          "false",
                                          "float",
                                          "for",
                                          "fortran",
                                          "friend",
                                          "goto",
                                          "i386",
                                          "if",
                                          "imaginary",
                                          "inline",
                                          "int",
                                          "linux",
                                          "long",
                                          "mutable",
                                          "namespace",
                                          "new",
                                          "noexcept",
                                          "noreturn",
                                          "not",
                                          "not_eq",
                                          "nullptr",
                                          "operator",
                                          "or",
                                          "or_eq",
                                          "private",
                                          "protected",
                                          "public",
                                          "register",
                                          "reinterpret_cast",
                                          "requires",
                                          "restrict",
                                          "return",
                                          "riscv",
                                          "short",
                                          "signed",
                                          "sizeof",
                                          "static",
                                          "static_assert",
                                          "static_cast",
                                          "struct",
                                          "switch",
                                          "template",
                                          "this",
                                          "thread_local",
                                          "throw",
                                          "true",
                                          "try",
                                          "typedef",
                                          "typeid",
                                          "typename",
                                          "typeof",
                                          "typeof_unqual",
                                          "union",
                                          "unix",
                                          "unsigned",
                                          "using",
                                          "virtual",
                                          "void",
                                          "volatile",
                                          "wchar_t",
                                          "while",
                                          "xor",
                                          "xor_eq",
                                          "NULL",
                                          "EOF"};
  return words;
}

/// Names that belong to the implementation or to <stdint.h> and <nacre/model.h>
/// and may be macros.
static bool mayBeMacro(StringRef name) {
  if (name.starts_with("__") ||
      (name.size() > 1 && name[0] == '_' && llvm::isUpper(name[1])))
    return true;
  for (StringRef prefix : {"INT", "UINT", "WCHAR_", "WINT_", "PTRDIFF_",
                           "SIG_ATOMIC_", "SIZE_", "NACRE_"})
    if (name.starts_with(prefix))
      return true;
  return false;
}

std::string cIdentifier(StringRef name) {
  std::string result;
  for (char c : name)
    result += llvm::isAlnum(c) ? c : '_';
  if (result.empty() || llvm::isDigit(result[0]))
    result.insert(result.begin(), '_');
  if (reservedWords().contains(result) || mayBeMacro(result))
    result += '_';
  return result;
}

std::string NameScope::add(StringRef name) {
  std::string base = cIdentifier(name), unique = base;
  for (int n = 2; !used.insert(unique).second; ++n)
    unique = base + "_" + std::to_string(n);
  return unique;
}

std::string commentText(StringRef text) {
  std::string result;
  for (unsigned char c : text)
    if (llvm::isAlnum(c) || (c && StringRef("_.:-/ ,=<>+@[]()").contains(c)))
      result += c;
    else
      result += '%' + llvm::utohexstr(c, /*LowerCase=*/false, /*Width=*/2);
  return result;
}

} // namespace nacre::artifact
