//===- Strings.cpp - texts of a run and their codes -----------------------===//
#include "Strings.h"
#include "llvm/Support/ErrorHandling.h"
#include <nacre/runtime.h>

using llvm::StringRef;

namespace nacre::driver {

Strings::Strings() : Strings(llvm::ArrayRef<std::string>()) {}

Strings::Strings(llvm::ArrayRef<std::string> program) {
  nacre_strings *made;
  nacre_error error;
  if (nacre_strings_create(nullptr, 0, &made, &error))
    llvm::report_bad_alloc_error(error.text);
  strings.reset(made, nacre_strings_destroy);
  for (const std::string &text : program)
    code(text);
}

int32_t Strings::code(StringRef text) {
  int32_t code;
  nacre_error error;
  if (nacre_strings_code(strings.get(), text.data(), text.size(), &code,
                         &error))
    llvm::report_bad_alloc_error(error.text);
  return code;
}

std::optional<StringRef> Strings::text(int32_t code) const {
  size_t length;
  const char *text = nacre_strings_text(strings.get(), code, &length);
  return text ? std::optional(StringRef(text, length)) : std::nullopt;
}

void Strings::recode(const Strings &read, Tensor &codes) {
  Tensor changed = Tensor::zeros(DType::I32, codes.shape);
  for (int64_t i = 0, count = codes.count(); i < count; ++i) {
    int32_t given = int32_t(codes.integerAt(i));
    std::optional<StringRef> text = read.text(given);
    changed.data<int32_t>()[i] = text ? code(*text) : given;
  }
  codes = std::move(changed);
}

} // namespace nacre::driver
