//===- TrainingHeader.cpp - the C interface of a training object ----------===//
//
// The table of states is C in the header, not data in the object: it is the
// same for every processor and device, and one can read it.
//
//===----------------------------------------------------------------------===//
#include "nacre/Artifact/TrainingHeader.h"
#include "nacre/Artifact/CHeader.h"
#include "nacre/Artifact/CName.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <map>
#include <nacre/model.h>

using llvm::raw_ostream;
using llvm::StringRef;

namespace nacre::artifact {

std::vector<PlacedState>
placeStates(llvm::ArrayRef<TrainingPart> parts,
            const llvm::StringMap<std::string> &kinds) {
  std::vector<PlacedState> states;
  llvm::StringSet<> seen;
  uint64_t offset = 0;
  for (const TrainingPart &part : parts)
    for (const auto *list : {&part.code->inputs, &part.code->outputs})
      for (const TensorInfo &info : *list) {
        if (info.state.empty() || !seen.insert(info.state).second)
          continue;
        PlacedState state = {info, kinds.lookup(info.state), offset};
        state.tensor.name = info.state;
        offset = llvm::alignTo(offset + info.byteCount(), NACRE_ALIGNMENT);
        states.push_back(std::move(state));
      }
  return states;
}

uint64_t stateBytes(llvm::ArrayRef<PlacedState> states) {
  if (states.empty())
    return 0;
  return llvm::alignTo(states.back().offset + states.back().tensor.byteCount(),
                       NACRE_ALIGNMENT);
}

namespace {

/// A C string literal.
std::string quoted(StringRef text) {
  std::string result;
  llvm::raw_string_ostream os(result);
  os << '"';
  for (unsigned char c : text)
    if (llvm::isPrint(c) && c != '"' && c != '\\' && c != '?')
      os << c;
    else // three digits end an octal escape whatever follows
      os << '\\' << char('0' + (c >> 6)) << char('0' + (c >> 3 & 7))
         << char('0' + (c & 7));
  os << '"';
  return result;
}

llvm::SmallVector<TensorInfo>
withoutStates(llvm::ArrayRef<TensorInfo> tensors) {
  llvm::SmallVector<TensorInfo> result;
  for (const TensorInfo &tensor : tensors)
    if (tensor.state.empty())
      result.push_back(tensor);
  return result;
}

class Header {
public:
  Header(raw_ostream &os, StringRef name, llvm::ArrayRef<TrainingPart> parts,
         llvm::ArrayRef<PlacedState> states)
      : os(os), name(name), parts(parts), states(states) {}

  void top(StringRef source);
  void table();
  void calls(const TrainingPart &part);
  void trainer();

private:
  const TrainingPart *partOf(StringRef role) {
    for (const TrainingPart &part : parts)
      if (part.role == role)
        return &part;
    return nullptr;
  }
  void indices(StringRef variable, llvm::ArrayRef<TensorInfo> tensors);
  std::vector<std::string> fields(StringRef structure, StringRef comment,
                                  llvm::ArrayRef<TensorInfo> tensors,
                                  StringRef qualifier);

  raw_ostream &os;
  StringRef name;
  llvm::ArrayRef<TrainingPart> parts;
  llvm::ArrayRef<PlacedState> states;
};

void Header::top(StringRef source) {
  os << "/* " << name << ".h - training steps of a neural network\n *\n"
     << " * model    " << commentText(source) << "\n * made by  nacre "
     << NACRE_VERSION << " for " << commentText(parts.front().code->madeFor)
     << "\n * states   " << states.size() << ", " << stateBytes(states)
     << " bytes\n";
  for (const TrainingPart &part : parts) {
    os << " * " << part.role;
    os.indent(9 - std::min<size_t>(part.role.size(), 8))
        << part.code->kernels.size() << " kernels, arena "
        << part.code->arenaBytes << " bytes\n";
  }
  os << " */\n#ifndef NACRE_TRAINING_" << name << "_H\n#define NACRE_TRAINING_"
     << name << "_H\n\n#include <nacre/training.h>\n\n"
     << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
  for (const TrainingPart &part : parts)
    os << "extern const nacre_model " << name << "_" << part.role
       << "_model;\n";
  os << "\n";
}

void Header::indices(StringRef variable, llvm::ArrayRef<TensorInfo> tensors) {
  os << "  static const int64_t " << variable << "[] = {";
  bool any = false;
  for (const TensorInfo &tensor : tensors) {
    if (tensor.state.empty())
      continue;
    const auto *at = llvm::find_if(states, [&](const PlacedState &state) {
      return state.tensor.name == tensor.state;
    });
    os << (any ? ", " : "") << at - states.begin();
    any = true;
  }
  os << (any ? "" : "0") << "};\n";
}

void Header::table() {
  os << "/* The states and the programs on them. */\n"
     << "static inline const nacre_training *" << name << "_training(void) {\n";
  // Equal shapes are one table.
  std::map<std::vector<int64_t>, size_t> shapes;
  for (const PlacedState &state : states) {
    if (state.tensor.shape.empty() ||
        !shapes.try_emplace(state.tensor.shape, shapes.size()).second)
      continue;
    os << "  static const int64_t shape" << shapes.size() - 1 << "[] = {"
       << llvm::join(llvm::map_range(
                         state.tensor.shape,
                         [](int64_t extent) { return std::to_string(extent); }),
                     ", ")
       << "};\n";
  }
  os << "  static const nacre_state states[] = {\n";
  for (const PlacedState &state : states) {
    os << "      {" << quoted(state.tensor.name) << ", " << quoted(state.kind)
       << ", \"" << dtypeName(state.tensor.dtype) << "\", "
       << state.tensor.shape.size() << ", ";
    if (state.tensor.shape.empty())
      os << "0";
    else
      os << "shape" << shapes.at(state.tensor.shape);
    os << ", " << state.tensor.byteCount() << "u, " << state.offset << "u},\n";
  }
  if (states.empty())
    os << "      {0, 0, 0, 0, 0, 0, 0},\n";
  os << "  };\n";
  for (const TrainingPart &part : parts) {
    indices(part.role + "_in", part.code->inputs);
    indices(part.role + "_out", part.code->outputs);
  }
  os << "  static const nacre_training training = {\n      NACRE_ABI_VERSION, "
     << quoted(name) << ", " << states.size() << ", states, "
     << stateBytes(states) << "u,\n";
  for (StringRef role : {"init", "step", "gradient", "apply", "eval"}) {
    const TrainingPart *part = partOf(role);
    if (!part) {
      os << "      {0, 0, 0, 0, 0}, /* " << role << " */\n";
      continue;
    }
    os << "      {&" << name << "_" << role << "_model, "
       << withoutStates(part->code->inputs).size() << ", "
       << withoutStates(part->code->outputs).size() << ", " << role << "_in, "
       << role << "_out},\n";
  }
  os << "  };\n  return &training;\n}\n\n";
}

std::vector<std::string> Header::fields(StringRef structure, StringRef comment,
                                        llvm::ArrayRef<TensorInfo> tensors,
                                        StringRef qualifier) {
  NameScope scope;
  std::vector<std::string> names;
  os << "/* " << comment << " */\ntypedef struct " << structure << " {\n";
  for (const TensorInfo &tensor : tensors) {
    names.push_back(scope.add(tensor.name));
    os << "  " << qualifier << cType(tensor.dtype) << " *" << names.back()
       << "; /* " << typeText(tensor) << " */\n";
  }
  if (tensors.empty())
    os << "  char nacre_none; /* C has no empty structs */\n";
  os << "} " << structure << ";\n\n";
  return names;
}

/// Typed structs and a call of one program.
void Header::calls(const TrainingPart &part) {
  auto data = withoutStates(part.code->inputs);
  auto results = withoutStates(part.code->outputs);
  std::string prefix = (name + "_" + part.role).str();
  auto dataFields =
      fields(prefix + "_data", "Dense and row-major.", data, "const ");
  auto resultFields =
      fields(prefix + "_results", "NULL: not wanted.", results, "");
  os << "static inline nacre_status " << prefix
     << "(nacre_trainer *trainer, const " << prefix
     << "_data *data,\n    const " << prefix
     << "_results *results, nacre_error *error) {\n";
  auto list = [&](StringRef type, StringRef variable, StringRef from,
                  llvm::ArrayRef<std::string> names) {
    if (names.empty())
      os << "  (void)" << from << ";\n";
    os << "  " << type << variable << "[] = {";
    for (auto [i, field] : llvm::enumerate(names))
      os << (i ? ", " : "") << from << "->" << field;
    os << (names.empty() ? "0" : "") << "};\n";
  };
  list("const void *", "inputs", "data", dataFields);
  list("void *", "outputs", "results", resultFields);
  os << "  return nacre_trainer_run(trainer, &" << name << "_training()->"
     << part.role << ", inputs, outputs, error);\n}\n\n";
}

/// Creation, and what is the same for every training under this one's name.
void Header::trainer() {
  os << "/* See nacre/training.h. */\nstatic inline nacre_status " << name
     << "_create(const nacre_executor *executor,\n    nacre_trainer **trainer, "
     << "nacre_error *error) {\n  return nacre_trainer_create(" << name
     << "_training(), executor, trainer, error);\n}\n"
     << "static inline nacre_status " << name
     << "_init(nacre_trainer *trainer, int64_t seed, nacre_error *error) {\n"
     << "  return nacre_trainer_init(trainer, seed, error);\n}\n";
  for (auto [verb, qualifier] :
       {std::pair("save", "const "), std::pair("load", "")})
    os << "static inline nacre_status " << name << "_" << verb << "("
       << qualifier << "nacre_trainer *trainer, const char *path,\n"
       << "    nacre_error *error) {\n  return nacre_trainer_" << verb
       << "(trainer, path, error);\n}\n";
  os << "\n";
}

} // namespace

void writeTrainingHeader(raw_ostream &os, StringRef name,
                         llvm::ArrayRef<TrainingPart> parts,
                         llvm::ArrayRef<PlacedState> states, StringRef source) {
  Header header(os, name, parts, states);
  header.top(source);
  header.table();
  header.trainer();
  for (const TrainingPart &part : parts)
    if (part.role != "init")
      header.calls(part);
  os << "#ifdef __cplusplus\n}\n#endif\n\n#endif /* NACRE_TRAINING_" << name
     << "_H */\n";
}

} // namespace nacre::artifact
