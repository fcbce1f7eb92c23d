//===- tuning.cpp - what a search of schedules tries ----------------------===//
#include "nacre/Schedule/Tuning.h"
#include "../../lib/Driver/Trial.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include <catch2/catch.hpp>

using namespace nacre;
using lazy::KernelOp;

namespace {

/// A program after the schedule phase, for a processor of 32 registers of 64
/// bytes, whatever this one is.
struct Scheduled {
  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  MachineDescription machine;
  Program program;
  std::vector<KernelOp> kernels;

  explicit Scheduled(llvm::StringRef text) {
    machine.vectorBytes = 64;
    machine.vectorRegisters = 32;
    machine.l2Bytes = 1 << 20;
    program.module =
        mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
    REQUIRE(program.module);
    REQUIRE(succeeded(
        runPhases(program, Phase::Import, Phase::Schedule, {}, machine)));
    auto main = program.module->lookupSymbol<mlir::func::FuncOp>("main");
    for (auto kernel : main.getBody().front().getOps<KernelOp>())
      kernels.push_back(kernel);
  }

  /// The keys that each candidate of a step changes.
  std::vector<std::string> candidates(size_t kernel, unsigned step) {
    KernelOp op = kernels[kernel];
    mlir::DictionaryAttr from = *op.getSchedule();
    auto before = driver::freeKeysOf(from);
    std::vector<std::string> lines;
    for (mlir::DictionaryAttr to :
         schedule::candidates(op, from, step, machine)) {
      std::string line;
      for (const auto &[key, values] : driver::freeKeysOf(to).keys) {
        if (values == before.keys[key])
          continue;
        line += (line.empty() ? "" : " ") + key + "=";
        for (auto [i, value] : llvm::enumerate(values))
          line += (i ? "," : "") + std::to_string(value);
      }
      lines.push_back(line);
      op.setScheduleAttr(to);
      CHECK(succeeded(schedule::verifyKernelSchedule(op)));
      op.setScheduleAttr(from);
    }
    return lines;
  }
};

/// Two equal products under different names, one of another extent.
const char *products = R"(
func.func @main(%x: tensor<60x32xf32> {lazy.name = "x"}, %y: tensor<60x32xf32> {lazy.name = "y"},
                %z: tensor<61x32xf32> {lazy.name = "z"}, %w: tensor<32x48xf32> {lazy.name = "w"})
    -> (tensor<60x48xf32>, tensor<60x48xf32>, tensor<61x48xf32>) {
  %0 = lazy.contract %x, %w, [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>] : tensor<60x32xf32>, tensor<32x48xf32> -> tensor<60x48xf32>
  %1 = lazy.contract %y, %w, [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>] : tensor<60x32xf32>, tensor<32x48xf32> -> tensor<60x48xf32>
  %2 = lazy.contract %z, %w, [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>] : tensor<61x32xf32>, tensor<32x48xf32> -> tensor<61x48xf32>
  return %0, %1, %2 : tensor<60x48xf32>, tensor<60x48xf32>, tensor<61x48xf32>
})";

} // namespace

TEST_CASE(
    "equal kernels have one signature, whatever their names and schedules") {
  Scheduled p(products);
  REQUIRE(p.kernels.size() == 3);
  std::string first = schedule::signatureOf(p.kernels[0]);
  CHECK(p.kernels[0].getName() != p.kernels[1].getName());
  CHECK(schedule::signatureOf(p.kernels[1]) == first);
  CHECK(schedule::signatureOf(p.kernels[2]) != first);
  // Files of schedules hold it: it does not change from build to build.
  CHECK(first == "0827925901fef776");
  p.kernels[0].setScheduleAttr(schedule::candidates(p.kernels[0],
                                                    *p.kernels[0].getSchedule(),
                                                    0, p.machine)
                                   .front());
  CHECK(schedule::signatureOf(p.kernels[0]) == first);
}

TEST_CASE("what a contraction is tried with") {
  Scheduled p(products);
  CHECK(p.candidates(0, 0) ==
        std::vector<std::string>{
            "chunk_t=32 tile_m=8", "chunk_t=21 tile_m=7", "chunk_t=18 tile_m=6",
            "chunk_t=60 tile_m=30 tile_n=1", "chunk_t=60 tile_m=20 tile_n=1",
            "chunk_t=60 tile_m=22 tile_n=1", "chunk_t=60 tile_m=24 tile_n=1",
            "tile_m=12 tile_n=2", "chunk_t=39 tile_m=13 tile_n=2"});
  CHECK(p.candidates(0, 1) ==
        std::vector<std::string>{"chunk_t=18", "chunk_t=9", "chunk_t=60",
                                 "staged=1", "ahead=1"});
  CHECK(p.candidates(0, 2) == std::vector<std::string>{"tile_m=8", "tile_m=7",
                                                       "tile_n=2",
                                                       "tile_m=10 tile_n=2"});
}

TEST_CASE("what a map is tried with; sums keep their order") {
  Scheduled p(R"(
func.func @main(%x: tensor<100000xf32> {lazy.name = "x"}, %y: tensor<80x50xf32> {lazy.name = "y"})
    -> (tensor<100000xf32>, tensor<80xf32>) {
  %0 = lazy.neg %x : tensor<100000xf32>
  %1 = lazy.reduce add, %y, [1] : tensor<80x50xf32> -> tensor<80xf32>
  return %0, %1 : tensor<100000xf32>, tensor<80xf32>
})");
  REQUIRE(p.kernels.size() == 2);
  CHECK(p.candidates(0, 0) ==
        std::vector<std::string>{"lanes=32", "lanes=8", "lanes=64",
                                 "grain=8192", "grain=2048", "grain=16384",
                                 "grain=1024"});
  CHECK(p.candidates(1, 0).empty());
  CHECK(p.candidates(0, 1).empty());
}

TEST_CASE("a schedule's keys and back") {
  Scheduled p(products);
  mlir::DictionaryAttr schedule = *p.kernels[0].getSchedule();
  driver::ChosenSchedule keys = driver::freeKeysOf(schedule);
  CHECK(driver::withKeys(schedule, keys) == schedule);
  CHECK(keys.keys.at("tile_m").size() == 1);
  CHECK(keys.keys.at("k_loops") == std::vector<int64_t>{2});
  keys.keys["tile_m"] = {3};
  auto other = driver::withKeys(schedule, keys);
  CHECK(mlir::cast<mlir::IntegerAttr>(other.get("tile_m")).getInt() == 3);
}

TEST_CASE("a trial runs a kernel with each of its schedules") {
  Scheduled p(products);
  driver::Toolchain tools;
  tools.target = *findTarget("cpu");
  auto machine = tools.target->describe(tools.options);
  REQUIRE(bool(machine));
  tools.machine = *machine;
  KernelOp kernel = p.kernels[0];
  REQUIRE(driver::runsAlone(kernel));
  llvm::SmallVector<mlir::DictionaryAttr> tried{*kernel.getSchedule()};
  llvm::append_range(tried,
                     schedule::candidates(kernel, tried[0], 0, p.machine));
  Program many = driver::trialProgram(p.program, kernel, tried);
  auto trial = driver::Trial::load(many, tools);
  REQUIRE(bool(trial));
  REQUIRE_FALSE(bool(trial->measure(0.001)));
  std::vector<double> times = trial->times();
  CHECK(times.size() == tried.size());
  for (double time : times)
    CHECK(time > 0);
}
