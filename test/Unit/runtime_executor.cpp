#include "runtime_catch.h"
#include "runtime_faults.h"

#include <atomic>
#include <chrono>
#include <nacre/runtime.h>
#include <string>
#include <thread>
#include <vector>

namespace {
struct Pool {
  explicit Pool(int64_t threads) {
    REQUIRE(nacre_pool_create(threads, &pool, nullptr) == NACRE_OK);
    executor = nacre_pool_executor(pool);
  }
  ~Pool() { nacre_pool_destroy(pool); }
  void parallel(nacre_task task, void *arg, int64_t count) const {
    executor->parallel(executor->ctx, task, arg, count);
  }
  nacre_pool *pool = nullptr;
  const nacre_executor *executor = nullptr;
};

// Adds one to each element of its range, without atomics: an overlap or a
// missing barrier shows as a wrong number (and as a race under a sanitizer).
void increment(void *arg, int64_t begin, int64_t end) {
  auto *values = static_cast<int *>(arg);
  for (int64_t i = begin; i < end; ++i)
    ++values[i];
}

struct Nested {
  const Pool *pool;
  std::atomic<int64_t> sum{0};
};
void addRange(void *arg, int64_t begin, int64_t end) {
  static_cast<Nested *>(arg)->sum += end - begin;
}
void nest(void *arg, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i)
    static_cast<Nested *>(arg)->pool->parallel(addRange, arg, 10);
}

struct Ranges {
  std::atomic<int64_t> count{0};
  int64_t begin[8], end[8];
};
void record(void *arg, int64_t begin, int64_t end) {
  auto *ranges = static_cast<Ranges *>(arg);
  int64_t i = ranges->count++;
  ranges->begin[i] = begin;
  ranges->end[i] = end;
}
} // namespace

TEST_CASE("every iteration is done once, 10,000 runs at 1 to 4 threads") {
  for (int64_t threads : {1, 2, 3, 4}) {
    Pool pool(threads);
    CHECK(pool.executor->threads == threads);
    std::vector<int> values(103);
    for (int64_t run = 0; run < 10000; ++run)
      pool.parallel(increment, values.data(), run % 104);
    for (int i = 0; i < 103; ++i) {
      // Runs whose count is above i.
      int expected = 0;
      for (int run = 0; run < 10000; ++run)
        expected += run % 104 > i;
      REQUIRE(values[i] == expected);
    }
  }
}

TEST_CASE("a range is cut into contiguous pieces, one per thread") {
  Pool pool(4);
  Ranges ranges;
  pool.parallel(record, &ranges, 10);
  REQUIRE(ranges.count == 4);
  int64_t covered[10] = {};
  for (int i = 0; i < 4; ++i) {
    int64_t size = ranges.end[i] - ranges.begin[i];
    CHECK((size == 3 || size == 2));
    for (int64_t j = ranges.begin[i]; j < ranges.end[i]; ++j)
      ++covered[j];
  }
  for (int64_t times : covered)
    CHECK(times == 1);
}

TEST_CASE("one iteration, or one thread, runs at once on the caller") {
  Ranges ranges;
  Pool four(4), one(1);
  four.parallel(record, &ranges, 1);
  one.parallel(record, &ranges, 1000);
  four.parallel(record, &ranges, 0);
  four.parallel(record, &ranges, -5);
  REQUIRE(ranges.count == 2);
  CHECK(ranges.end[0] == 1);
  CHECK(ranges.begin[1] == 0);
  CHECK(ranges.end[1] == 1000);
}

TEST_CASE("the largest count is split without overflow") {
  Pool pool(3);
  Ranges ranges;
  pool.parallel(record, &ranges, INT64_MAX);
  REQUIRE(ranges.count == 3);
  int64_t sum = 0;
  for (int i = 0; i < 3; ++i)
    sum += ranges.end[i] - ranges.begin[i];
  CHECK(sum == INT64_MAX);
}

TEST_CASE("a task may call parallel, and so may several threads") {
  Pool pool(3);
  Nested nested{&pool};
  pool.parallel(nest, &nested, 100);
  CHECK(nested.sum == 1000);

  std::vector<std::thread> callers;
  std::vector<std::vector<int>> values(4, std::vector<int>(50));
  for (auto &mine : values)
    callers.emplace_back([&pool, &mine] {
      for (int run = 0; run < 2000; ++run)
        pool.parallel(increment, mine.data(), 50);
    });
  for (auto &caller : callers)
    caller.join();
  for (auto &mine : values)
    CHECK(mine == std::vector<int>(50, 2000));
}

// A worker that comes late must touch nothing of the job that follows.
TEST_CASE("jobs of other tasks, data and counts follow each other") {
  Pool pool(3);
  for (int run = 0; run < 3000; ++run) {
    std::vector<int> values(2 + run % 7);
    pool.parallel(increment, values.data(), values.size());
    REQUIRE(values == std::vector<int>(values.size(), 1));
    Ranges ranges;
    pool.parallel(record, &ranges, 3 + run % 2);
    REQUIRE(ranges.count == 3);
    Nested sum{&pool};
    pool.parallel(addRange, &sum, 2); // one range is empty
    REQUIRE(sum.sum == 2);
  }
}

TEST_CASE("workers that fell asleep wake up") {
  Pool pool(2);
  std::vector<int> values(10);
  for (int run = 0; run < 20; ++run) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    pool.parallel(increment, values.data(), 10);
  }
  CHECK(values == std::vector<int>(10, 20));
}

TEST_CASE("parallel allocates nothing") {
  Pool pool(2);
  std::vector<int> values(10);
  long before = faults::allocations;
  for (int run = 0; run < 1000; ++run)
    pool.parallel(increment, values.data(), 10);
  CHECK(faults::allocations == before);
}

TEST_CASE("a pool is refused with a reason") {
  nacre_pool *pool = nullptr;
  nacre_error error;
  CHECK(nacre_pool_create(-1, &pool, &error) == NACRE_E_ARG);
  CHECK(error.text == std::string("-1 threads"));
  CHECK(nacre_pool_create(1025, &pool, &error) == NACRE_E_LIMIT);
  CHECK(error.text == std::string("1025 threads, at most 1024"));
  CHECK(pool == nullptr);
  nacre_pool_destroy(nullptr);

  long blocks = faults::blocks;
  faults::failAllocation = 0;
  CHECK(nacre_pool_create(2, &pool, &error) == NACRE_E_NOMEM);
  faults::none();
  for (long thread : {0, 1, 2}) {
    faults::failCall = thread;
    CHECK(nacre_pool_create(4, &pool, &error) == NACRE_E_NOMEM);
    CHECK(error.text ==
          "cannot start thread " + std::to_string(thread + 2) + " of 4");
    CHECK(pool == nullptr);
    faults::none();
  }
  CHECK(faults::blocks == blocks);
}

TEST_CASE("0 threads means one per processor") {
  Pool pool(0);
  CHECK(pool.executor->threads >= 1);
}

TEST_CASE("pools come and go") {
  for (int i = 0; i < 200; ++i)
    Pool pool(3);
}
