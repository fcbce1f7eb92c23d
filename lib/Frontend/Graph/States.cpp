//===- States.cpp - parameters and states ---------------------------------===//
#include "Builtins.h"

using llvm::StringRef;
using llvm::Twine;

namespace nacre::graph_frontend {

/// ".0.2" for the turns of the loops around.
static std::string turns(const Frame &frame) {
  std::string text;
  for (int64_t turn : frame.loops)
    text += "." + std::to_string(turn);
  return text;
}

std::string Evaluator::uniqueName(Frame &frame, const std::string &base,
                                  bool given, Position at) {
  if (!frame.scope)
    problem(at, "a layer cannot be called here; call it in a model, in another "
                "layer or in a train block");
  std::string name = base + turns(frame);
  for (int64_t n = 1; !frame.scope->taken.insert(name).second; ++n) {
    if (given)
      problem(at, "the name " + quote(name) + " is taken in this scope");
    name = base + "_" + std::to_string(n) + turns(frame);
  }
  return frame.scope->prefix + name;
}

mlir::Value Evaluator::addInput(mlir::RankedTensorType type, Position at) {
  return main.body->addArgument(type, at.location(&context));
}

size_t Evaluator::addState(const std::string &name, autodiff::StateKind kind,
                           mlir::RankedTensorType type, mlir::Value initial,
                           Position at) {
  auto state = std::make_unique<StateVariable>();
  state->name = name;
  state->kind = kind;
  state->type = type;
  state->initial = initial;
  state->argument = state->now =
      main.body->addArgument(type, at.location(&context));
  states.push_back(std::move(state));
  stateNumbers[name] = states.size() - 1;
  return states.size() - 1;
}

static bool fitsAny(llvm::ArrayRef<NamePattern> patterns, StringRef name) {
  return llvm::any_of(patterns, [&](const NamePattern &pattern) {
    return pattern.glob.match(name);
  });
}

mlir::Value Evaluator::addParameter(const std::string &name,
                                    mlir::RankedTensorType type,
                                    mlir::Value initial, Position at) {
  using autodiff::StateKind;
  // Adapters freeze what they stand beside and all others, but what `learn`
  // names; `learn` alone freezes what it does not name.
  bool learns = rules.learn.empty() && rules.adapters.empty();
  learns |= fitsAny(rules.learn, name);
  learns &= !fitsAny(rules.freeze, name);
  Adapters *adapters = nullptr;
  for (Adapters &entry : rules.adapters)
    if (type.getRank() == 2 && entry.pattern.glob.match(name))
      adapters = &entry;
  learns &= !adapters;
  learns &= mlir::isa<mlir::FloatType>(type.getElementType());
  size_t weight =
      addState(name, learns ? StateKind::Parameter : StateKind::Frozen, type,
               initial, at);
  if (!adapters)
    return states[weight]->now;

  adapters->used = true;
  mlir::Type element = type.getElementType();
  int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
  auto downType =
      mlir::RankedTensorType::get({adapters->rank, columns}, element);
  auto upType = mlir::RankedTensorType::get({rows, adapters->rank}, element);
  lazy::Build inInit{init.builder, at.location(&context)};
  // Uniform like a linear layer's weight; the other factor is zero, so that
  // training starts from the weight as it is.
  double bound = 1 / std::sqrt(double(std::max<int64_t>(columns, 1)));
  mlir::Value draw =
      inInit.cast(inInit.uniform(init.seed, init.step, 2 * init.site++,
                                 downType.getShape()),
                  element);
  draw = inInit.binary<lazy::SubOp>(
      inInit.binary<lazy::MulOp>(draw, inInit.splat(element, 2 * bound)),
      inInit.splat(element, bound));
  size_t down =
      addState(name + ".lora_down", StateKind::Parameter, downType, draw, at);
  size_t up = addState(name + ".lora_up", StateKind::Parameter, upType,
                       inInit.splat(element, 0, upType.getShape()), at);
  lazy::Build inMain{main.builder, at.location(&context)};
  mlir::Value change = matmul(*this, states[up]->now, states[down]->now, at);
  change = inMain.binary<lazy::MulOp>(change,
                                      inMain.splat(element, adapters->scale));
  return inMain.binary<lazy::AddOp>(states[weight]->now, change);
}

/// The value that init gives a stored tensor: a number everywhere, or what the
/// expression makes of the shape. `uniform(-1, 1)` is uniform(SHAPE, -1, 1).
static mlir::Value initialValue(Evaluator &evaluator, const Expr &expr,
                                mlir::RankedTensorType type, Frame &frame) {
  List extents;
  for (int64_t extent : type.getShape())
    extents.push_back(extent);
  Datum shape = listOf(std::move(extents));
  Datum value = Nothing{};
  const Expr *callee = expr.kind == Expr::Call ? expr.parts[0].get() : &expr;
  if (expr.kind == Expr::Call) {
    Datum function = evaluator.evaluate(*callee, frame);
    if (!function.is<Callee>())
      reject(expr.at, "expected a function to call, got " + describe(function));
    std::vector<Datum> positional{shape};
    std::vector<std::pair<std::string, Datum>> named;
    for (size_t i = 1; i < expr.parts.size(); ++i) {
      Datum argument = evaluator.evaluate(*expr.parts[i], frame);
      if (expr.keywords[i - 1].empty())
        positional.push_back(std::move(argument));
      else
        named.emplace_back(expr.keywords[i - 1], std::move(argument));
    }
    value = evaluator.call(function.as<Callee>(), std::move(positional),
                           std::move(named), expr.at, frame);
  } else {
    value = evaluator.evaluate(expr, frame);
    if (value.is<Callee>())
      value = evaluator.call(value.as<Callee>(), {shape}, {}, expr.at, frame);
  }
  if (value.is<Poison>())
    throw Problem{expr.at, "", /*quiet=*/true};
  mlir::Type element = type.getElementType();
  mlir::Value tensor = evaluator.asTensor(value, element, expr.at);
  lazy::Build build = evaluator.build(expr.at);
  auto given = lazy::tensorType(tensor);
  if (given.getRank() == 0 && type.getRank() > 0)
    tensor = build.expand(tensor, type.getShape());
  else if (given.getShape() != type.getShape())
    reject(expr.at, "the initial value is " + describe(given) + ", expected " +
                        describe(type));
  // Random numbers and the like are drawn in f32.
  if (mlir::isa<mlir::FloatType>(element) &&
      mlir::isa<mlir::FloatType>(given.getElementType()))
    tensor = build.cast(tensor, element);
  if (lazy::tensorType(tensor) != type)
    reject(expr.at, "the initial value is " + describe(given) + ", expected " +
                        describe(type));
  return tensor;
}

void Evaluator::store(const Statement &statement, Frame &frame) {
  const std::string &local = statement.names[0];
  bool isParameter = statement.kind == Statement::Param;
  if (!frame.scope || !frame.declaration ||
      frame.declaration->kind == Declaration::Function)
    problem(statement.at, Twine(isParameter ? "param" : "state") +
                              " belongs into a layer or a model");
  if (current == &init)
    problem(statement.at, "an initial value cannot have parameters or states");
  mlir::RankedTensorType type = storedType(statement.type, frame);
  std::string name = uniqueName(frame, local, /*given=*/true, statement.at);
  if (sharing) {
    auto known = stateNumbers.find(name);
    if (known != stateNumbers.end() && states[known->second]->type == type) {
      if (isParameter)
        frame.variables[local] = sharedParameters.lookup(name);
      else
        frame.variables[local] = StateName{known->second};
      return;
    }
    if (known != stateNumbers.end())
      problem(statement.at,
              quote(name) + " is " + describe(states[known->second]->type) +
                  " in another call of the model, here " + describe(type));
  }
  if (stateNumbers.contains(name))
    problem(statement.at,
            "there is a parameter or state " + quote(name) + " already");
  mlir::Value initial;
  {
    struct InInit {
      Emission *&current;
      ~InInit() { current = was; }
      Emission *was = current;
    } inInit{current};
    current = &init;
    initial = initialValue(*this, *statement.value, type, frame);
  }
  if (isParameter) {
    Datum value = TensorValue{addParameter(name, type, initial, statement.at)};
    sharedParameters[name] = value;
    frame.variables[local] = value;
  } else {
    frame.variables[local] = StateName{addState(
        name, autodiff::StateKind::Buffer, type, initial, statement.at)};
  }
}

void Evaluator::update(const Statement &statement, Frame &frame) {
  auto found = frame.variables.find(statement.names[0]);
  if (found != frame.variables.end() && found->second.is<Poison>())
    throw Problem{statement.at, "", /*quiet=*/true};
  if (found == frame.variables.end() || !found->second.is<StateName>())
    problem(statement.at, quote(statement.names[0]) + " is not a state");
  StateVariable &state = *states[found->second.as<StateName>().index];
  Datum value = evaluate(*statement.value, frame);
  mlir::Value tensor =
      asTensor(value, state.type.getElementType(), statement.value->at);
  if (tensor.getType() != state.type)
    problem(statement.value->at, "the state is " + describe(state.type) +
                                     ", its new value " +
                                     describe(lazy::tensorType(tensor)));
  state.now = tensor;
  state.updated = true;
}

} // namespace nacre::graph_frontend
