// The order of examples, rows of batches, and sums of gradients.

#include "Train/Batches.h"
#include "Train/TreeSum.h"
#include <catch2/catch.hpp>

using namespace nacre;
using namespace nacre::driver;

// The figures are those of test/Integration/train_test.py, which has the same
// few lines in Python.
TEST_CASE("an order is a function of seed and epoch", "[train]") {
  CHECK(shuffled(8, 0, 0) == std::vector<int64_t>{3, 0, 4, 1, 5, 7, 2, 6});
  CHECK(shuffled(8, 0, 1) == std::vector<int64_t>{6, 4, 1, 0, 7, 2, 5, 3});
  CHECK(shuffled(8, 1, 0) == std::vector<int64_t>{1, 4, 5, 7, 2, 0, 3, 6});
  CHECK(shuffled(1, 5, 5) == std::vector<int64_t>{0});
  CHECK(shuffled(0, 5, 5).empty());
}

TEST_CASE("every order of four is about equally frequent", "[train]") {
  std::map<std::vector<int64_t>, int> seen;
  for (uint64_t epoch = 0; epoch < 24000; ++epoch)
    ++seen[shuffled(4, 9, epoch)];
  REQUIRE(seen.size() == 24);
  // 1000 each, with a deviation of 31; five of them.
  for (const auto &[order, times] : seen)
    CHECK(std::abs(times - 1000) < 155);
}

TEST_CASE("an epoch sees each example once, but for those left out",
          "[train]") {
  Batches batches(14, 4, 3);
  CHECK(batches.stepsPerEpoch() == 3);
  CHECK(batches.leftOut() == 2);
  std::vector<int64_t> all;
  for (int64_t step = 3; step < 6; ++step)
    llvm::append_range(all, batches.at(step));
  std::vector<int64_t> order = shuffled(14, 3, 1);
  order.resize(12);
  CHECK(all == order);
  // Any step can be asked for at any time.
  CHECK(batches.at(0).vec() ==
        std::vector<int64_t>(llvm::ArrayRef(shuffled(14, 3, 0)).take_front(4)));
}

TEST_CASE("rows are copied whole", "[train]") {
  Tensor from = Tensor::of<int32_t>(DType::I32, {3, 2}, {1, 2, 3, 4, 5, 6});
  Tensor to = Tensor::zeros(DType::I32, {4, 2});
  gatherRows(from, {2, 0, 0, 1}, to);
  CHECK(llvm::ArrayRef(to.data<int32_t>(), 8).vec() ==
        std::vector<int32_t>{5, 6, 1, 2, 1, 2, 3, 4});
}

TEST_CASE("sums of gradients are a binary tree", "[train]") {
  // ((1 + e) + (e + e)) + e, e half of 1's last place and ties to even: 1 + e
  // is 1, e + e counts, and the last e is a tie that goes up. In a row it is 1.
  const float e = 0x1p-24f;
  TreeSum sum;
  for (float value : {1.0f, e, e, e, e})
    sum.add({Tensor::of<float>(DType::F32, {}, {value}),
             Tensor::of<double>(DType::F64, {2}, {value, 2.0})});
  std::vector<Tensor> sums = sum.take();
  REQUIRE(sums.size() == 2);
  CHECK(sums[0].data<float>()[0] == (1.0f + e) + (e + e) + e);
  CHECK(sums[0].data<float>()[0] == 1.0f + 4 * e);
  CHECK(sums[1].data<double>()[0] == 1 + 4.0 * e);
  CHECK(sums[1].data<double>()[1] == 10);
  // It begins anew, and one list is itself.
  sum.add({Tensor::of<float>(DType::F32, {}, {7})});
  CHECK(sum.take()[0].data<float>()[0] == 7);
}
