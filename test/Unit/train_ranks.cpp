// Sums over ranks, with threads for processes.
#include "Train/Ranks.h"
#include "Train/TreeSum.h"
#include "mlir/Parser/Parser.h"
#include "nacre/Failure/Failure.h"
#include <barrier>
#include <catch2/catch.hpp>
#include <cstring>
#include <thread>

using namespace nacre;
using namespace nacre::driver;

namespace {

/// Ranks that are threads of this process: each leaves what it sends on a desk
/// and takes what it needs from another's.
struct Office {
  explicit Office(int64_t ranks) : desks(ranks), all(ranks) {}
  std::vector<const void *> desks;
  std::barrier<> all;
};

struct Seat {
  Office *office;
  int64_t rank;

  template <typename Take>
  static nacre_status meet(void *ctx, const void *bytes, Take take) {
    auto &seat = *static_cast<Seat *>(ctx);
    seat.office->desks[seat.rank] = bytes;
    seat.office->all.arrive_and_wait();
    take(seat);
    seat.office->all.arrive_and_wait();
    return NACRE_OK;
  }
  static nacre_status exchange(void *ctx, int64_t peer, const void *send,
                               void *receive, int64_t bytes, nacre_error *) {
    return meet(ctx, send, [&](Seat &seat) {
      std::memcpy(receive, seat.office->desks[peer], bytes);
    });
  }
  static nacre_status broadcast(void *ctx, int64_t root, void *bytes,
                                int64_t count, nacre_error *) {
    return meet(ctx, bytes, [&](Seat &seat) {
      std::memmove(bytes, seat.office->desks[root], count);
    });
  }
  static nacre_status gather(void *ctx, const void *mine, void *all,
                             int64_t bytes, nacre_error *) {
    return meet(ctx, mine, [&](Seat &seat) {
      for (size_t r = 0; r < seat.office->desks.size(); ++r)
        std::memcpy(static_cast<char *>(all) + r * bytes, seat.office->desks[r],
                    bytes);
    });
  }
};

void asRanks(int64_t count, const std::function<void(Ranks &)> &body) {
  Office office(count);
  std::vector<Seat> seats;
  for (int64_t r = 0; r < count; ++r)
    seats.push_back({&office, r});
  std::vector<std::thread> threads;
  for (Seat &seat : seats)
    threads.emplace_back([&] {
      nacre_collective table = {};
      table.version = NACRE_COLLECTIVE_VERSION;
      table.ctx = &seat;
      table.rank = seat.rank;
      table.ranks = count;
      table.exchange = Seat::exchange;
      table.broadcast = Seat::broadcast;
      table.gather = Seat::gather;
      Ranks ranks(table);
      body(ranks);
    });
  for (std::thread &thread : threads)
    thread.join();
}

/// A micro-batch's numbers: sums of them depend on the order. More than one
/// part of an exchange, and not a whole number of them.
Tensor gradientOf(DType dtype, int64_t micro) {
  Tensor tensor = Tensor::zeros(dtype, {300001});
  for (int64_t i = 0; i < tensor.count(); ++i)
    tensor.setNumber(i,
                     std::sin(double(i * 8 + micro)) * (micro % 3 ? 1 : 1e4));
  return tensor;
}

bool sameBytes(const Tensor &a, const Tensor &b) {
  return a.byteCount() == b.byteCount() &&
         std::memcmp(a.bytes, b.bytes, a.byteCount()) == 0;
}

} // namespace

TEST_CASE("a sum has the same bits for any number of ranks", "[ranks]") {
  constexpr int64_t micros = 8;
  for (DType dtype : {DType::F32, DType::F64}) {
    TreeSum tree;
    Tensor inRow = gradientOf(dtype, 0);
    for (int64_t micro = 0; micro < micros; ++micro) {
      Tensor gradient = gradientOf(dtype, micro);
      tree.add({gradient});
      for (int64_t i = 0; micro && i < inRow.count(); ++i)
        inRow.setNumber(i, inRow.numberAt(i) + gradient.numberAt(i));
    }
    const Tensor expected = tree.take()[0];
    // Else any order would do.
    CHECK_FALSE(sameBytes(expected, inRow));
    for (int64_t count : {1, 2, 4, 8}) {
      std::vector<Tensor> sums(count);
      asRanks(count, [&](Ranks &ranks) {
        const int64_t own = micros / count;
        TreeSum part;
        for (int64_t i = 0; i < own; ++i)
          part.add({gradientOf(dtype, ranks.rank() * own + i)});
        sums[ranks.rank()] = part.take()[0];
        llvm::cantFail(ranks.addInTree(sums[ranks.rank()]));
      });
      for (const Tensor &sum : sums)
        CHECK(sameBytes(sum, expected));
    }
  }
}

TEST_CASE("a sum in a row takes any number of ranks", "[ranks]") {
  std::vector<Tensor> sums(3);
  asRanks(3, [&](Ranks &ranks) {
    double own = double(ranks.rank() + 1);
    Tensor &sum = sums[ranks.rank()];
    sum = Tensor::of<double>(DType::F64, {2}, {own, own * own});
    llvm::cantFail(ranks.addInRow(sum));
  });
  for (const Tensor &sum : sums) {
    CHECK(sum.numberAt(0) == 6);
    CHECK(sum.numberAt(1) == 14);
  }
}

TEST_CASE("ranks agree on the error of the lowest", "[ranks]") {
  auto ask = [](std::vector<std::string> errors, bool byName) {
    std::vector<Message> messages(errors.size());
    asRanks(int64_t(errors.size()), [&](Ranks &ranks) {
      const std::string &mine = errors[ranks.rank()];
      messages[ranks.rank()] = messageOf(ranks.agree(
          mine.empty()
              ? llvm::Error::success()
              : fail(ExitLimit, std::vector<std::string>{mine, "  more"}),
          byName));
    });
    for (const Message &message : messages) {
      CHECK(message.code == messages[0].code);
      CHECK(message.lines == messages[0].lines);
    }
    return messages[0];
  };
  using Lines = std::vector<std::string>;
  CHECK(ask({"", "", ""}, true).code == ExitOk);
  CHECK(ask({"", "b", "c"}, true).code == ExitLimit);
  CHECK(ask({"", "b", "c"}, true).lines == Lines{"rank 1: b", "  more"});
  CHECK(ask({"", "b", "c"}, false).lines == Lines{"b", "  more"});
  CHECK(ask({"a", "b"}, true).lines == Lines{"a", "  more"});
}

TEST_CASE("what differs between ranks is named", "[ranks]") {
  std::vector<Message> messages(3);
  asRanks(3, [&](Ranks &ranks) {
    TrainingFacts facts{{"batch", "4"}, {"data", "x"}};
    if (ranks.rank() == 2)
      facts["data"] = "y";
    messages[ranks.rank()] = messageOf(ranks.compare(facts));
  });
  for (const Message &message : messages) {
    CHECK(message.code == ExitModel);
    CHECK(message.lines ==
          std::vector<std::string>{"rank 2: data is y, rank 0 has x"});
  }
}

TEST_CASE("a digest sees one element, extents and type", "[ranks]") {
  Tensor a = gradientOf(DType::F32, 1), b = gradientOf(DType::F32, 1);
  CHECK(digestOf({a}) == digestOf({b}));
  b.setNumber(300000, 2);
  CHECK(digestOf({a}) != digestOf({b}));
  Tensor flat = Tensor::zeros(DType::F32, {6}),
         square = Tensor::zeros(DType::F32, {2, 3}),
         whole = Tensor::zeros(DType::I32, {6});
  CHECK(digestOf({flat}) != digestOf({square}));
  CHECK(digestOf({flat}) != digestOf({whole}));
}

TEST_CASE("an output is complete after the kernel that says so", "[ranks]") {
  // Three products, each a kernel of its own; the last reads the second.
  const char *text = R"(
    func.func @main(%x: tensor<64x64xf32> {lazy.name = "x"}, %y: tensor<64x64xf32> {lazy.name = "y"})
        -> (tensor<64x64xf32> {lazy.name = "c", lazy.state = "c", lazy.state_kind = "gradient"},
            tensor<64x64xf32> {lazy.name = "a", lazy.state = "a", lazy.state_kind = "gradient"},
            tensor<64x64xf32> {lazy.name = "b", lazy.state = "b", lazy.state_kind = "gradient"}) {
      %a = lazy.contract %x, %y, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<64x64xf32>, tensor<64x64xf32> -> tensor<64x64xf32>
      %b = lazy.contract %y, %x, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<64x64xf32>, tensor<64x64xf32> -> tensor<64x64xf32>
      %c = lazy.contract %b, %x, [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>] : tensor<64x64xf32>, tensor<64x64xf32> -> tensor<64x64xf32>
      return %c, %a, %b : tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>
    })";
  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  Program program;
  program.name = "three";
  program.module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
  REQUIRE(program.module);
  Toolchain tools;
  tools.target = *findTarget("cpu");
  tools.options.embedWeights = false;
  tools.machine = llvm::cantFail(tools.target->describe(tools.options));
  StateProgram three =
      llvm::cantFail(StateProgram::compile(std::move(program), tools));
  States states;
  llvm::cantFail(states.add(three.states()));
  Tensor x = Tensor::zeros(DType::F32, {64, 64}),
         y = Tensor::zeros(DType::F32, {64, 64});
  for (int64_t i = 0; i < x.count(); ++i) {
    x.setNumber(i, double(i % 7) - 3);
    y.setNumber(i, double(i % 5) - 1);
  }
  std::map<int64_t, std::map<std::string, std::vector<float>>> after;
  int64_t kernels = 0;
  three.callAfterKernel([&](int64_t kernel) {
    CHECK(kernel == kernels++);
    for (const States::Entry &entry : states.entries())
      after[kernel][entry.state.name].assign(entry.value.data<float>(),
                                             entry.value.data<float>() +
                                                 entry.value.count());
  });
  llvm::cantFail(three.run(states, {x, y}).takeError());
  REQUIRE(kernels == 3);
  std::map<std::string, int64_t> ready;
  for (const autodiff::State &state : three.states()) {
    ready[state.name] = three.readyAfter(state);
    CHECK(after[ready[state.name]][state.name] == after[2][state.name]);
  }
  CHECK(ready == std::map<std::string, int64_t>{{"a", 0}, {"b", 2}, {"c", 2}});
  CHECK(after[0]["c"] == std::vector<float>(64 * 64));
  CHECK(after[2]["c"] != after[0]["c"]);
}
