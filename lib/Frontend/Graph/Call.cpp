//===- Call.cpp - calls of functions, layers, models and builtins ---------===//
#include "Builtins.h"
#include "nacre/Failure/Failure.h"
#include "llvm/ADT/StringExtras.h"

using llvm::StringRef;
using llvm::Twine;

namespace nacre::graph_frontend {

using Named = std::vector<std::pair<std::string, Datum>>;

/// Arguments in the order of `names`; those not given are Nothing, and false
/// in `given`.
static std::vector<Datum> inOrder(const std::string &callee,
                                  const std::vector<std::string> &names,
                                  std::vector<Datum> positional, Named named,
                                  Position at, std::vector<bool> &given) {
  if (positional.size() > names.size())
    reject(at, quote(callee) + " takes " + Twine(names.size()) +
                   (names.size() == 1 ? " argument" : " arguments") +
                   (names.empty() ? "" : " (" + llvm::join(names, ", ") + ")") +
                   ", got " + Twine(positional.size()));
  given.assign(names.size(), false);
  std::fill_n(given.begin(), positional.size(), true);
  positional.resize(names.size(), Nothing{});
  for (auto &[name, value] : named) {
    const auto *found = llvm::find(names, name) == names.end()
                            ? nullptr
                            : &*llvm::find(names, name);
    if (!found) {
      std::string meant = suggestion(name, names);
      reject(at, quote(callee) + " has no parameter " + quote(name) +
                     (meant.empty() ? "" : ", did you mean '" + meant + "'?"));
    }
    size_t i = found - names.data();
    if (given[i])
      reject(at, quote(callee) + ": " + quote(name) + " is given twice");
    given[i] = true;
    positional[i] = std::move(value);
  }
  return positional;
}

static Datum callBuiltin(Evaluator &evaluator, const Builtin &builtin,
                         std::vector<Datum> positional, Named named,
                         Position at) {
  std::vector<std::string> names;
  std::vector<bool> optional, given;
  llvm::SmallVector<StringRef> words;
  StringRef(builtin.parameters).split(words, ' ', -1, /*KeepEmpty=*/false);
  for (StringRef word : words) {
    optional.push_back(word.consume_back("?"));
    names.push_back(word.str());
  }
  BuiltinCall call{evaluator, builtin,
                   inOrder(builtin.name, names, std::move(positional),
                           std::move(named), at, given),
                   at};
  for (size_t i = 0; i < names.size(); ++i)
    if (!given[i] && !optional[i])
      reject(at, quote(builtin.name) + " needs " + quote(names[i]));
  return builtin.make(call);
}

Datum Evaluator::call(const Callee &callee, std::vector<Datum> positional,
                      Named named, Position at, Frame &frame) {
  if (callee.builtin)
    return callBuiltin(*this, *callee.builtin, std::move(positional),
                       std::move(named), at);
  if (callee.import) {
    if (!named.empty())
      problem(at, quote(callee.import->name) +
                      " takes its inputs in the order of the file");
    return callImport(*callee.import, positional, at);
  }
  return callDeclaration(*callee.declaration, std::move(positional),
                         std::move(named), at, frame);
}

Datum Evaluator::callDeclaration(const Declaration &callee,
                                 std::vector<Datum> positional, Named named,
                                 Position at, Frame &frame) {
  Frame inner;
  inner.declaration = &callee;
  inner.caller = &frame;
  inner.call = at;
  inner.prelude = callee.at.source->prelude;
  inner.library = importedTexts.lookup(callee.at.source);

  // A function has the names of its caller, a layer its own below them.
  Scope own;
  bool wasSharing = sharing;
  struct Restore {
    bool &flag, value;
    ~Restore() { flag = value; }
  } restore{sharing, wasSharing};
  if (callee.kind == Declaration::Function) {
    inner.scope = frame.scope;
    inner.loops = frame.loops;
  } else if (callee.kind == Declaration::Model) {
    // A model's parameters are one set, however often it is called.
    if (&callee != mainModel)
      own.prefix = callee.name + ".";
    if (!calledModels.insert(&callee).second)
      sharing = true;
    inner.scope = &own;
  } else {
    std::string base = callee.name;
    bool given = false;
    for (auto at = named.begin(); at != named.end(); ++at)
      if (at->first == "name") {
        if (!at->second.is<std::string>() ||
            at->second.as<std::string>().empty())
          problem(inner.call, "a layer's name must be a string, got " +
                                  describe(at->second));
        base = at->second.as<std::string>();
        given = true;
        named.erase(at);
        break;
      }
    own.prefix = uniqueName(frame, base, given, at) + ".";
    inner.scope = &own;
  }

  std::vector<std::string> names;
  for (const Parameter &parameter : callee.parameters)
    names.push_back(parameter.name);
  std::vector<bool> given;
  std::vector<Datum> values = inOrder(callee.name, names, std::move(positional),
                                      std::move(named), at, given);
  for (auto [i, parameter] : llvm::enumerate(callee.parameters)) {
    if (!given[i]) {
      if (!parameter.fallback)
        problem(at, quote(callee.name) + " needs " + quote(parameter.name));
      values[i] = evaluate(*parameter.fallback, inner);
    }
    if (parameter.type)
      match(parameter.type, values[i], inner, at,
            quote(callee.name) + ": " + quote(parameter.name));
    // An extent of an argument before may have its name.
    auto [bound, isNew] =
        inner.variables.try_emplace(parameter.name, values[i]);
    if (!isNew && !(bound->second.is<int64_t>() && values[i].is<int64_t>() &&
                    bound->second.as<int64_t>() == values[i].as<int64_t>()))
      problem(at, quote(callee.name) + ": " + quote(parameter.name) + " is " +
                      describe(values[i]) + ", but an extent of that name is " +
                      describe(bound->second));
  }

  Datum result = run(callee.body, inner);
  if (result.is<Poison>())
    return result;
  auto check = [&](const TypeExpr &type, const Datum &value) {
    match(type, value, inner, at, "the result of " + quote(callee.name));
  };
  try {
    if (callee.results.size() == 1)
      check(callee.results[0].second, result);
    if (callee.results.size() > 1) {
      if (!result.isList() || result.list().size() != callee.results.size())
        problem(callee.at, quote(callee.name) + " must give a list of " +
                               Twine(callee.results.size()) + " results, got " +
                               describe(result));
      for (auto [declared, value] :
           llvm::zip_equal(callee.results, result.list()))
        check(declared.second, value);
    }
  } catch (Problem &problem) {
    // The declaration is wrong, not the call.
    if (!callee.at.source->prelude)
      problem.at = callee.at;
    throw;
  }
  return result;
}

} // namespace nacre::graph_frontend
