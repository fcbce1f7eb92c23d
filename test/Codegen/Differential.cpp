//===- Differential.cpp - compiled code against the interpreter -----------===//

#include "Differential.h"
#include "../Decompose/Kernels.h"
#include "Fenced.h"
#include "NativeModel.h"
#include "Session.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "nacre/Artifact/WeightsFile.h"
#include "nacre/Lazy/Lazy.h"
#include "nacre/Reference/Interpreter.h"
#include <cmath>
#include <limits>

using namespace mlir;

namespace nacre::test {

UnderTest under;

MLIRContext *context() {
  static MLIRContext *made = makeContext().release();
  return made;
}
Type element(DType dtype) { return elementType(context(), dtype); }
RankedTensorType typeOf(DType dtype, ArrayRef<int64_t> shape) {
  return RankedTensorType::get(shape, element(dtype));
}

const std::vector<DType> allTypes{
    DType::Bool, DType::I8,  DType::U8,  DType::I16, DType::U16,
    DType::I32,  DType::U32, DType::I64, DType::U64, DType::F16,
    DType::BF16, DType::F32, DType::F64};

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

Net::Net()
    : module(ModuleOp::create(UnknownLoc::get(context()))), builder(context()),
      build{builder, UnknownLoc::get(context())}, rng(1) {
  builder.setInsertionPointToStart(module->getBody());
  auto main = func::FuncOp::create(builder, build.loc, "main",
                                   builder.getFunctionType({}, {}));
  block = main.addEntryBlock();
  builder.setInsertionPointToStart(block);
}

Value Net::input(Tensor data) {
  return input(typeOf(data.dtype, data.shape), {data});
}
Value Net::input(RankedTensorType type, std::vector<Tensor> data) {
  for (Tensor &t : data)
    t = held(t);
  inputs.push_back(std::move(data));
  return block->addArgument(type, build.loc);
}
Value Net::weight(Tensor data) {
  data = held(data);
  auto type = typeOf(data.dtype, data.shape);
  return build.weight(program.weights->add("w", std::move(data)), type);
}
void Net::output(Value v, std::string label, Tolerance tolerance) {
  results.push_back(v);
  labels.push_back(std::move(label));
  tolerances.push_back(tolerance);
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

namespace {

int complaints = 0;

/// Whether `v` is the result of one primitive applied to what a run is given.
bool isPrimitive(Value v) {
  Operation *op = v.getDefiningOp();
  return op && llvm::all_of(op->getOperands(), [](Value operand) {
           Operation *source = operand.getDefiningOp();
           return !source ||
                  isa<lazy::WeightOp, lazy::SplatOp, lazy::IotaOp>(source);
         });
}

} // namespace

int failures() { return complaints; }

static std::string textOf(ModuleOp module) {
  std::string out;
  llvm::raw_string_ostream stream(out);
  module.print(stream);
  if (out.size() > 20000)
    out = out.substr(0, 20000) + "\n...";
  return out;
}

struct Check {
  Net &net;
  std::string way;
  std::function<void(MachineDescription &)> force = nullptr;

  static void read(Net &net, StringRef path, uint64_t seed);

  void complain(const std::string &what) {
    if (++complaints > 6)
      return;
    llvm::outs() << "  " << way << ": " << what << "\n";
    if (complaints == 1)
      llvm::outs() << textOf(*net.module) << "\n";
    llvm::outs().flush();
  }

  bool seal() {
    if (!net.block)
      return true; // read from text
    func::ReturnOp::create(net.builder, net.build.loc, net.results);
    auto main = cast<func::FuncOp>(net.module->lookupSymbol("main"));
    main.setType(net.builder.getFunctionType(
        net.block->getArgumentTypes(), ValueRange(net.results).getTypes()));
    for (unsigned i = 0; i < net.inputs.size(); ++i)
      main.setArgAttr(i, "lazy.name",
                      net.builder.getStringAttr("x" + std::to_string(i)));
    for (unsigned i = 0; i < net.results.size(); ++i)
      main.setResultAttr(i, "lazy.name",
                         net.builder.getStringAttr("y" + std::to_string(i)));
    net.program.name = "net";
    if (failed(verify(*net.module))) {
      way = "the test's own program";
      complain("is invalid");
      return false;
    }
    return true;
  }

  Program program() {
    Program copy;
    copy.name = "net";
    copy.module = OwningOpRef<ModuleOp>(cast<ModuleOp>((*net.module)->clone()));
    // Folding adds weights.
    *(copy.weights = std::make_shared<WeightStore>()) = *net.program.weights;
    return copy;
  }

  size_t sets() {
    size_t most = 1;
    for (auto &data : net.inputs)
      most = std::max(most, data.size());
    return most;
  }

  std::vector<Tensor> data(size_t set) {
    std::vector<Tensor> out;
    for (auto &sets : net.inputs)
      out.push_back(sets[std::min(set, sets.size() - 1)]);
    return out;
  }

  void compare(size_t k, const Tensor &w, const Tensor &g) {
    int64_t bad = 0, first = 0;
    double worst = 0, units = 0;
    std::string label = k < net.labels.size() ? net.labels[k] : "";
    Tolerance tolerance =
        asHeld(k < net.tolerances.size() ? net.tolerances[k]
                                         : roundings(w.dtype, 16, 1e-6),
               w.dtype);
    // Numbers smaller than this count as of this size.
    double least =
        tolerance.relative > 0 ? tolerance.absolute / tolerance.relative : 0;
    double largest = std::numeric_limits<float>::max();
    for (int64_t i = 0; i < w.count(); ++i) {
      bool ok;
      double distance = 0;
      if (!isFloat(w.dtype)) {
        ok = g.integerAt(i) == w.integerAt(i);
      } else {
        double x = g.numberAt(i), y = w.numberAt(i);
        if (w.dtype == DType::F64 && under.narrowsF64() &&
            std::fabs(y) > largest)
          y = std::copysign(INFINITY, y);
        if (std::isnan(y) || std::isinf(y)) {
          ok = std::isnan(y) ? std::isnan(x) : x == y;
        } else {
          distance = std::fabs(x - y);
          ok = distance <=
               tolerance.absolute + tolerance.relative * std::fabs(y);
          units = std::max(
              units, distance / unitAt(w.dtype, std::max(std::fabs(y), least)));
        }
      }
      if (!ok) {
        if (!bad++)
          first = i;
        worst = std::max(worst, distance);
      }
    }
    if (bad) {
      char numbers[160];
      std::snprintf(numbers, sizeof numbers,
                    ": %lld of %lld differ, worst by %g; element %lld is "
                    "%.9g, expected %.9g",
                    (long long)bad, (long long)w.count(), worst,
                    (long long)first, g.numberAt(first), w.numberAt(first));
      complain("result " + std::to_string(k) + " (" + label + ")" + numbers);
    } else if (k < net.results.size() && w.count()) {
      Value v = net.results[k];
      Operation *op = v.getDefiningOp();
      bool primitive = isPrimitive(v);
      // Of what comes in: a comparison's result says little. `where` begins
      // with its condition.
      Type type = v.getType();
      if (op && op->getNumOperands() && primitive && !isa<lazy::WhereOp>(op))
        type = op->getOperand(0).getType();
      noteError(primitive ? op->getName().stripDialect() : StringRef(),
                dtypeOf(cast<RankedTensorType>(type).getElementType()),
                w.count(), units);
    }
  }

  void compare(const std::vector<Tensor> &want,
               ArrayRef<std::unique_ptr<Fenced>> got) {
    for (size_t k = 0; k < want.size(); ++k) {
      compare(
          k, want[k],
          Tensor::view(want[k].dtype, want[k].shape, got[k]->data(), nullptr));
      if (!got[k]->surroundingsWhole())
        complain("result " + std::to_string(k) +
                 ": bytes outside it were written");
    }
  }

  llvm::Expected<driver::Compiled> compile(unsigned level,
                                           driver::Toolchain &tools) {
    way = std::string(under.target->name()) + ", -O" + std::to_string(level);
    tools.target = under.target;
    tools.options.embedWeights = false;
    tools.options.optLevel = level;
    auto machine = tools.target->describe(tools.options);
    if (!machine)
      return machine.takeError();
    tools.machine = *machine;
    if (under.cache)
      tools.machine.l2Bytes = under.cache;
    if (force)
      force(tools.machine);
    return driver::compileProgram(program(), net.phase, tools);
  }

  /// Runs on a device, through what every target offers.
  void runLoaded(unsigned level,
                 const std::vector<std::vector<Tensor>> &expected,
                 int32_t status) {
    driver::Toolchain tools;
    auto compiled = compile(level, tools);
    auto refused = [](StringRef text) {
      return text.contains("the limit is") || text.contains("has no f64");
    };
    if (!compiled) {
      std::string text = llvm::toString(compiled.takeError());
      return refused(text) ? noteRefused(text)
                           : complain("does not compile: " + text);
    }
    auto model = tools.target->load(compiled->code, tools.options, 1);
    if (!model) {
      std::string text = llvm::toString(model.takeError());
      return refused(text) ? noteRefused(text)
                           : complain("does not load: " + text);
    }
    for (size_t set = 0; set < expected.size(); ++set) {
      way = std::string(under.target->name()) + ", -O" + std::to_string(level) +
            ", data " + std::to_string(set);
      std::vector<Tensor> inputs = data(set);
      auto call = (*model)->prepare(inputs);
      if (!call) {
        complain(llvm::toString(call.takeError()));
        continue;
      }
      for (Tensor &t : call->outputs)
        std::memset(t.data<uint8_t>(), 0xAB, t.byteCount());
      if (llvm::Error error = (*model)->run(*call)) {
        std::string text = llvm::toString(std::move(error));
        if (status == NACRE_OK ||
            !StringRef(text).contains(nacre_status_text(status)))
          complain("does not run: " + text);
        continue;
      }
      if (status != NACRE_OK) {
        complain("runs, expected status " + std::to_string(status));
        continue;
      }
      for (size_t k = 0; k < expected[set].size(); ++k)
        compare(k, expected[set][k], call->outputs[k]);
    }
  }

  /// Returns the status, or -1 when it does not compile.
  int run(unsigned level, const std::vector<int> &threads,
          const std::vector<std::vector<Tensor>> &expected, int32_t status) {
    driver::Toolchain tools;
    auto compiled = compile(level, tools);
    if (!compiled) {
      complain("does not compile: " + llvm::toString(compiled.takeError()));
      return -1;
    }
    auto library =
        cpu::NativeLibrary::load(compiled->code, tools.options.symbol);
    if (!library) {
      complain("does not load: " + llvm::toString(library.takeError()));
      return -1;
    }
    const nacre_model &table = (*library)->table();
    Fenced weights(compiled->code.weightsBytes, true, NACRE_ALIGNMENT);
    std::memset(weights.data(), 0, compiled->code.weightsBytes);
    artifact::writeWeightsImage(compiled->code, weights.data());
    weights.protect();
    for (int count : threads) {
      cpu::Pool pool;
      if (llvm::Error error = pool.create(count)) {
        complain(llvm::toString(std::move(error)));
        return -1;
      }
      for (size_t set = 0; set < expected.size(); ++set) {
        bool atEnd = (set + count) % 2 || expected.size() == 1;
        std::vector<Tensor> tensors = data(set);
        way = "-O" + std::to_string(level) + ", " + std::to_string(count) +
              " thread(s), data " + std::to_string(set);
        std::vector<std::unique_ptr<Fenced>> in, out;
        std::vector<const void *> ins;
        std::vector<void *> outs;
        llvm::StringMap<int64_t> dims;
        for (auto [i, t] : llvm::enumerate(tensors)) {
          in.push_back(std::make_unique<Fenced>(t.byteCount(), atEnd));
          std::memcpy(in.back()->data(), t.bytes, t.byteCount());
          in.back()->protect();
          ins.push_back(in.back()->data());
          for (int64_t axis = 0; axis < table.inputs[i].rank; ++axis)
            if (table.inputs[i].dim_names && table.inputs[i].dim_names[axis])
              dims[table.inputs[i].dim_names[axis]] = t.shape[axis];
        }
        std::vector<int64_t> dimValues;
        for (int64_t d = 0; d < table.dim_count; ++d)
          dimValues.push_back(dims.lookup(table.dim_names[d]));
        for (int64_t i = 0; i < table.output_count; ++i) {
          int64_t bytes = dtypeBytes(*dtypeFromName(table.outputs[i].dtype));
          for (int64_t axis = 0; axis < table.outputs[i].rank; ++axis) {
            const char *name = table.outputs[i].dim_names
                                   ? table.outputs[i].dim_names[axis]
                                   : nullptr;
            bytes *= name ? dims.lookup(name) : table.outputs[i].shape[axis];
          }
          out.push_back(std::make_unique<Fenced>(bytes, atEnd));
          outs.push_back(out.back()->data());
        }
        Fenced arena(table.arena_bytes, atEnd, NACRE_ALIGNMENT);
        int32_t got =
            table.run(ins.data(), outs.data(), arena.data(), weights.data(),
                      dimValues.data(), pool.executor());
        if (got != status) {
          complain("status " + std::to_string(got) + ", expected " +
                   std::to_string(status));
          continue;
        }
        if (!arena.surroundingsWhole())
          complain("bytes beside the arena were written");
        if (status == NACRE_OK)
          compare(expected[set], out);
      }
    }
    return 0;
  }
};

/// A program of a file, with data at random: symbolic extents at their bound
/// and at 1, what it names as weights made up.
void Check::read(Net &net, StringRef path, uint64_t seed) {
  auto module = parseSourceFile<ModuleOp>(path, context());
  if (!module)
    std::exit(3);
  auto main = module->lookupSymbol<func::FuncOp>("main");
  net.rng.seed(seed);
  for (Type type : main.getArgumentTypes()) {
    auto tensor = cast<RankedTensorType>(type);
    net.inputs.emplace_back();
    for (bool bound : {true, false}) {
      Shape shape = lazy::boundedShape(tensor);
      for (unsigned i = 0; i < shape.size() && !bound; ++i)
        if (tensor.isDynamicDim(i))
          shape[i] = 1;
      net.inputs.back().push_back(
          held(random(dtypeOf(tensor.getElementType()), shape, net.rng)));
      if (tensor.hasStaticShape())
        break;
    }
  }
  module->walk([&](lazy::WeightOp op) {
    auto type = op.getType();
    if (!net.program.weights->find(op.getName()))
      net.program.weights->add(op.getName(),
                               held(random(dtypeOf(type.getElementType()),
                                           type.getShape(), net.rng)));
  });
  net.module = std::move(module);
  net.block = nullptr;
}

void checkFile(StringRef path, Phase from, uint64_t seed) {
  Net net;
  net.startAt(from);
  Check::read(net, path, seed);
  check(net, from == Phase::Import ? everyLevel : Ways{});
}

/// Devices have no threads, and what differs between the levels above 0 is a
/// matter of machine code.
static std::vector<unsigned> levelsOf(const Ways &ways) {
  if (under.is("cpu"))
    return ways.levels;
  std::vector<unsigned> levels{2};
  if (under.full && llvm::is_contained(ways.levels, 0u))
    levels.push_back(0);
  return levels;
}

static void runEach(Check &c, const std::vector<unsigned> &levels,
                    const std::vector<int> &threads,
                    const std::vector<std::vector<Tensor>> &expected,
                    int32_t status) {
  for (unsigned level : levels)
    if (under.is("cpu"))
      c.run(level, threads, expected, status);
    else
      c.runLoaded(level, expected, status);
}

void check(Net &net, const Ways &ways) {
  Check c{net, "", ways.machine};
  if (!c.seal())
    return;
  diesWith(textOf(*net.module));
  if (under.decomposed) {
    c.way = "decomposed";
    for (const std::string &difference : compareDecomposed(c.program()))
      c.complain(difference);
    return;
  }
  std::vector<std::vector<Tensor>> expected;
  for (size_t set = 0; set < c.sets(); ++set) {
    auto results = reference::run(c.program(), c.data(set));
    if (!results) {
      c.way = "interpreter";
      return c.complain(llvm::toString(results.takeError()));
    }
    expected.emplace_back(results->begin(), results->end());
  }
  runEach(c, levelsOf(ways), ways.threads, expected, NACRE_OK);
}

bool canRun(std::string &device) {
  Net net;
  Value x = net.input(Tensor::zeros(DType::F32, {1}));
  net.output(net.build.unary<lazy::NegOp>(x), "");
  Check c{net, "", nullptr};
  driver::Toolchain tools;
  c.seal();
  auto compiled = c.compile(2, tools);
  if (!compiled) {
    device = llvm::toString(compiled.takeError());
    return false;
  }
  auto model = tools.target->load(compiled->code, tools.options, 1);
  if (!model) {
    device = llvm::toString(model.takeError());
    return false;
  }
  auto call = (*model)->prepare(c.data(0));
  llvm::Error error = call ? (*model)->run(*call) : call.takeError();
  bool runs = !error;
  device = runs ? (*model)->device() : llvm::toString(std::move(error));
  return runs;
}

void checkStatus(Net &net, int32_t status) {
  if (under.decomposed)
    return check(net);
  Check c{net, "", nullptr};
  if (!c.seal())
    return;
  diesWith(textOf(*net.module));
  if (auto results = reference::run(c.program(), c.data(0))) {
    c.way = "interpreter";
    c.complain("accepts what must fail");
  } else {
    llvm::consumeError(results.takeError());
  }
  runEach(c, levelsOf({{0, 2}, {}, nullptr}), {1, 2}, {{}}, status);
}

} // namespace nacre::test
