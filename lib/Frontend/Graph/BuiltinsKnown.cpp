//===- BuiltinsKnown.cpp - functions of what is known at compile time -----===//
#include "Builtins.h"

using namespace nacre;
using namespace nacre::graph_frontend;
using llvm::Twine;

namespace {

Datum length(BuiltinCall &c) { return int64_t(c.list(0).size()); }

Datum text(BuiltinCall &c) {
  const Datum &x = c.arguments[0];
  if (x.is<std::string>())
    return x;
  if (x.is<int64_t>())
    return std::to_string(x.as<int64_t>());
  std::string shown = describe(x);
  if (x.is<double>())
    return shown.substr(shown.rfind(' ') + 1);
  c.fail("needs a number, got " + shown);
}

Datum integer(BuiltinCall &c) {
  if (c.arguments[0].is<int64_t>())
    return c.arguments[0];
  double x = c.number(0);
  if (!(std::abs(x) < 0x1p62))
    c.fail(describe(c.arguments[0]) + " is no 64-bit integer");
  return int64_t(x);
}

Datum isList(BuiltinCall &c) { return c.arguments[0].isList(); }
Datum isTensor(BuiltinCall &c) { return c.arguments[0].isTensor(); }

/// Ends the compilation with the user's words.
Datum error(BuiltinCall &c) { reject(c.at, c.string(0)); }

} // namespace

void graph_frontend::addCompileTime(std::vector<Builtin> &t) {
  t.push_back({"len", "list", length});
  t.push_back({"str", "x", text});
  t.push_back({"int", "x", integer});
  t.push_back({"is_list", "x", isList});
  t.push_back({"is_tensor", "x", isTensor});
  t.push_back({"error", "message", error});
}
