// Logs that are gone on with, and curves.

#include "Train/Curve.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>

using namespace nacre::driver;

namespace {
struct TemporaryFile {
  llvm::SmallString<64> path;
  explicit TemporaryFile(const char *extension) {
    REQUIRE(!llvm::sys::fs::createTemporaryFile("nacre", extension, path));
  }
  ~TemporaryFile() { llvm::sys::fs::remove(path); }
  std::string text() const {
    return (*llvm::MemoryBuffer::getFile(path))->getBuffer().str();
  }
};
} // namespace

static const Record records[] = {
    {1, 1, false, {{"loss", 0.5}, {"gradient_norm", 1e-9}}},
    {1, 1, true, {{"loss", 0.1}}},
    {2, 2, false, {{"loss", NAN}, {"gradient_norm", 3}}}};

static void writeAll(llvm::StringRef path) {
  std::vector<Record> history;
  auto log = LogFile::open(path, -1, history);
  REQUIRE(bool(log));
  for (const Record &record : records)
    REQUIRE(!(*log)->add(record));
}

TEST_CASE("a log is a table", "[train]") {
  TemporaryFile file("csv");
  writeAll(file.path);
  CHECK(file.text() == "step,epoch,set,loss,gradient_norm\n"
                       "1,1,train,0.5,1e-09\n"
                       "1,1,valid,0.1,\n"
                       "2,2,train,nan,3\n");
}

TEST_CASE("a log is lines of JSON", "[train]") {
  TemporaryFile file("jsonl");
  writeAll(file.path);
  CHECK(file.text() ==
        R"({"step":1,"epoch":1,"set":"train","loss":0.5,"gradient_norm":1e-09})"
        "\n"
        R"({"step":1,"epoch":1,"set":"valid","loss":0.1})"
        "\n"
        R"({"step":2,"epoch":2,"set":"train","loss":null,"gradient_norm":3.0})"
        "\n");
}

TEST_CASE("going on cuts a log off after the checkpoint", "[train]") {
  for (const char *extension : {"csv", "jsonl"}) {
    TemporaryFile file(extension);
    writeAll(file.path);
    std::string whole = file.text();
    // What a killed process may leave of a line.
    std::ofstream(file.path.c_str(), std::ios::app) << "3,2,tr";
    std::vector<Record> history;
    {
      auto log = LogFile::open(file.path, 1, history);
      REQUIRE(bool(log));
      REQUIRE(history.size() == 2);
      CHECK(history[0].step == 1);
      CHECK_FALSE(history[0].valid);
      CHECK(history[0].values == records[0].values);
      CHECK(history[1].valid);
      CHECK(history[1].values == records[1].values);
      REQUIRE(!(*log)->add(records[2]));
    }
    CHECK(file.text() == whole);
  }
}

TEST_CASE("numbers are as short as gives them back", "[train]") {
  CHECK(numberText(0.1) == "0.1");
  CHECK(numberText(1.0 / 3) == "0.3333333333333333");
  CHECK(numberText(1.0 / 3, 4) == "0.3333");
  CHECK(numberText(-INFINITY) == "-inf");
}

TEST_CASE("ticks are round numbers around the values", "[train]") {
  CHECK(axisTicks(0, 100, 7) == std::vector<double>{0, 20, 40, 60, 80, 100});
  CHECK(axisTicks(0.3, 0.9, 5) ==
        std::vector<double>{0.2, 0.4, 0.6000000000000001, 0.8, 1});
  CHECK(axisTicks(2, 2, 5) == std::vector<double>{1, 2, 3});
}

static std::vector<Record> falling() {
  std::vector<Record> history;
  for (int64_t step = 1; step <= 12; ++step)
    history.push_back({step, 1, false, {{"loss", double(12 - step)}}});
  history.push_back({12, 1, true, {{"loss", 5}}});
  return history;
}

TEST_CASE("a curve of characters", "[train]") {
  CHECK(textCurve(falling(), 80, false) == "      11 |#\n"
                                           "         |###\n"
                                           "         |####\n"
                                           "         |#####\n"
                                           "         |#######\n"
                                           "         |########\n"
                                           "         |##########\n"
                                           "       0 |############\n"
                                           "    step  1         12\n");
  CHECK(textCurve({}, 80, true).empty());
  CHECK(textCurve(falling(), 10, true).empty());
}

TEST_CASE("a curve of SVG", "[train]") {
  std::string svg = svgCurve(falling(), "a < b");
  CHECK(llvm::StringRef(svg).contains("<title>a &lt; b</title>"));
  CHECK(llvm::StringRef(svg).contains("prefers-color-scheme: dark"));
  // Ticks: 0, 2, .. 12 and 0, 5, 10, 15; the drawing is 640 by 312 at (64, 40).
  CHECK(llvm::StringRef(svg).contains(
      "<polyline class=\"train\" points=\"117.3,123.2 170.7,144.0 "));
  CHECK(llvm::StringRef(svg).contains(
      "<circle class=\"valid\" r=\"2.5\" cx=\"704.0\" cy=\"248.0\"/>"));
  // Nothing to draw is a picture too.
  CHECK(llvm::StringRef(svgCurve({}, "empty")).ends_with("</svg>\n"));
}
