// Literal numbers for lazy.contract: matmul and convolution in all their forms.

#include "InterpretText.h"
#include <catch2/catch.hpp>

using namespace nacre;
using namespace nacre::test;

static const std::string matmul =
    "[affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, "
    "affine_map<(m, n, k) -> (m, n)>]";

TEST_CASE("matmul of every element type") {
  for (const char *t : {"f16", "bf16", "f32", "f64", "i8", "ui8", "i16", "ui16",
                        "i32", "ui32", "i64", "ui64"}) {
    INFO(t);
    std::string a = "2x3x" + std::string(t), b = "3x2x" + std::string(t);
    CHECK(apply("lazy.contract %a, %b, " + matmul + " : tensor<" + a +
                    ">, tensor<" + b + "> -> tensor<2x2x" + t + ">",
                {tensor(a, "1 2 3 4 5 6"), tensor(b, "1 2 3 4 5 6")}) ==
          "22 28 49 64");
  }
  CHECK(apply("lazy.contract %a, %b, " + matmul +
                  " : tensor<1x2xi1>, tensor<2x3xi1> -> tensor<1x3xi1>",
              {tensor("1x2xi1", "1 1"), tensor("2x3xi1", "1 1 0 1 0 0")}) ==
        "0 1 0");
}

TEST_CASE("integer contractions wrap") {
  CHECK(apply("lazy.contract %a, %b, " + matmul +
                  " : tensor<1x2xi8>, tensor<2x2xi8> -> tensor<1x2xi8>",
              {tensor("1x2xi8", "127 -128"),
               tensor("2x2xi8", "2 127 1 127")}) == "126 -127");
  CHECK(apply("lazy.contract %a, %b, " + matmul +
                  " : tensor<1x1xui16>, tensor<1x1xui16> -> tensor<1x1xui16>",
              {tensor("1x1xui16", "65535"), tensor("1x1xui16", "65535")}) ==
        "1");
  CHECK(apply("lazy.contract %a, %b, " + matmul +
                  " : tensor<1x1xi64>, tensor<1x1xi64> -> tensor<1x1xi64>",
              {tensor("1x1xi64", "-9223372036854775808"),
               tensor("1x1xi64", "-1")}) == "-9223372036854775808");
}

TEST_CASE("float contractions accumulate wide and round once") {
  CHECK(apply("lazy.contract %a, %b, " + matmul +
                  " : tensor<1x3xf16>, tensor<3x1xf16> -> tensor<1x1xf16>",
              {tensor("1x3xf16", "2048 1 1"), tensor("3x1xf16", "1 1 1")}) ==
        "2050");
  CHECK(apply("lazy.contract %a, %b, " + matmul +
                  " : tensor<1x3xf32>, tensor<3x1xf32> -> tensor<1x1xf32>",
              {tensor("1x3xf32", "16777216 1 1"),
               tensor("3x1xf32", "1 1 1")}) == "16777218");
  CHECK(apply("lazy.contract %a, %b, " + matmul +
                  " : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>",
              {tensor("1x2xf32", "inf 1"), tensor("2x2xf32", "0 1 1 nan")}) ==
        "nan nan");
}

TEST_CASE("transposed operands and results, batches, outer product, dot") {
  CHECK(apply("lazy.contract %a, %b, [affine_map<(m, n, k) -> (k, m)>, "
              "affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (n, "
              "m)>] : tensor<2x2xf32>, tensor<3x2xf32> -> tensor<3x2xf32>",
              {tensor("2x2xf32", "1 2 3 4"),
               tensor("3x2xf32", "1 0 0 1 1 1")}) == "1 2 3 4 4 6");
  CHECK(apply("lazy.contract %a, %b, [affine_map<(b, m, n, k) -> (b, m, k)>, "
              "affine_map<(b, m, n, k) -> (b, k, n)>, affine_map<(b, m, n, k) "
              "-> (b, m, n)>] : tensor<2x1x2xf32>, tensor<2x2x1xf32> -> "
              "tensor<2x1x1xf32>",
              {tensor("2x1x2xf32", "1 2 3 4"),
               tensor("2x2x1xf32", "5 6 7 8")}) == "17 53");
  CHECK(apply("lazy.contract %a, %b, [affine_map<(i, j) -> (i)>, "
              "affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>] : "
              "tensor<2xi32>, tensor<3xi32> -> tensor<2x3xi32>",
              {tensor("2xi32", "1 2"), tensor("3xi32", "3 4 5")}) ==
        "3 4 5 6 8 10");
  CHECK(apply("lazy.contract %a, %b, [affine_map<(k) -> (k)>, affine_map<(k) "
              "-> (k)>, affine_map<(k) -> ()>] : tensor<3xf32>, tensor<3xf32> "
              "-> tensor<f32>",
              {tensor("3xf32", "1 2 3"), tensor("3xf32", "4 5 6")}) == "32");
  CHECK(apply("lazy.contract %a, %b, [affine_map<() -> ()>, affine_map<() -> "
              "()>, affine_map<() -> ()>] : tensor<f32>, tensor<f32> -> "
              "tensor<f32>",
              {tensor("f32", "3"), tensor("f32", "4")}) == "12");
}

TEST_CASE("a diagonal and a constant index") {
  CHECK(apply("lazy.contract %a, %b, [affine_map<(i) -> (i, i)>, "
              "affine_map<(i) -> (i)>, affine_map<(i) -> (i)>] : "
              "tensor<2x2xi32>, tensor<2xi32> -> tensor<2xi32>",
              {tensor("2x2xi32", "1 2 3 4"), tensor("2xi32", "10 100")}) ==
        "10 400");
  CHECK(apply("lazy.contract %a, %b, [affine_map<(i) -> (1, i)>, "
              "affine_map<(i) -> (-i + 1)>, affine_map<(i) -> (i)>] : "
              "tensor<2x2xi32>, tensor<2xi32> -> tensor<2xi32>",
              {tensor("2x2xi32", "1 2 3 4"), tensor("2xi32", "10 100")}) ==
        "300 40");
}

TEST_CASE("convolution with stride and dilation") {
  // y[p] = sum_k x[2 p + 3 k] w[k]
  CHECK(apply("lazy.contract %a, %b, [affine_map<(p, k) -> (p * 2 + k * 3)>, "
              "affine_map<(p, k) -> (k)>, affine_map<(p, k) -> (p)>] : "
              "tensor<8xf32>, tensor<2xf32> -> tensor<3xf32>",
              {tensor("8xf32", "0 1 2 3 4 5 6 7"), tensor("2xf32", "1 10")}) ==
        "30 52 74");
}

TEST_CASE("grouped convolution over channels") {
  // Two groups of one channel each; filters of length 2.
  CHECK(apply("lazy.contract %a, %b, [affine_map<(g, p, k) -> (g, p + k)>, "
              "affine_map<(g, p, k) -> (g, k)>, affine_map<(g, p, k) -> (g, "
              "p)>] : tensor<2x3xf32>, tensor<2x2xf32> -> tensor<2x2xf32>",
              {tensor("2x3xf32", "1 2 3 4 5 6"),
               tensor("2x2xf32", "1 1 1 -1")}) == "3 5 -1 -1");
}

TEST_CASE("an empty sum is 0 and an empty result is empty") {
  CHECK(apply("lazy.contract %a, %b, " + matmul +
                  " : tensor<2x0xf32>, tensor<0x2xf32> -> tensor<2x2xf32>",
              {tensor("2x0xf32", ""), tensor("0x2xf32", "")}) == "0 0 0 0");
  CHECK(apply("lazy.contract %a, %b, " + matmul +
                  " : tensor<0x2xi8>, tensor<2x2xi8> -> tensor<0x2xi8>",
              {tensor("0x2xi8", ""), tensor("2x2xi8", "1 2 3 4")}) == "");
}

/// The product of large matrices of small integers against the same sums
/// written out: covers the loop order the sizes choose, and both threads.
static void checkLarge(int64_t m, int64_t n, int64_t k, bool transposed) {
  Tensor a = Tensor::zeros(DType::F32, {m, k});
  Tensor b = transposed ? Tensor::zeros(DType::F32, {n, k})
                        : Tensor::zeros(DType::F32, {k, n});
  for (int64_t i = 0; i < a.count(); ++i)
    a.data<float>()[i] = static_cast<float>(i * 7 % 13 - 6);
  for (int64_t i = 0; i < b.count(); ++i)
    b.data<float>()[i] = static_cast<float>(i * 5 % 11 - 5);
  auto shape = [](int64_t r, int64_t c) {
    return "tensor<" + std::to_string(r) + "x" + std::to_string(c) + "xf32>";
  };
  std::string right = transposed ? "(n, k)" : "(k, n)";
  std::string shown =
      apply("lazy.contract %a, %b, [affine_map<(m, n, k) -> (m, k)>, "
            "affine_map<(m, n, k) -> " +
                right + ">, affine_map<(m, n, k) -> (m, n)>] : " + shape(m, k) +
                ", " + (transposed ? shape(n, k) : shape(k, n)) + " -> " +
                shape(m, n),
            {a, b});
  Tensor expected = Tensor::zeros(DType::F32, {m, n});
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      int64_t sum = 0;
      for (int64_t l = 0; l < k; ++l)
        sum += ((i * k + l) * 7 % 13 - 6) *
               ((transposed ? j * k + l : l * n + j) * 5 % 11 - 5);
      expected.data<float>()[i * n + j] = static_cast<float>(sum);
    }
  CHECK(shown == show(expected));
}

TEST_CASE("large contractions sum every term") {
  checkLarge(200, 210, 220, false);
  checkLarge(200, 210, 220, true);
  checkLarge(1, 33, 5000, true);
  checkLarge(33, 1, 5000, false);
}
