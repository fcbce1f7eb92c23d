// The weight store and its file format, hostile files included.

#include "InterpretText.h"
#include "nacre/Lazy/WeightStore.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include <catch2/catch.hpp>
#include <fstream>
#include <unistd.h>

using namespace nacre;
using nacre::test::show;
using nacre::test::tensor;

namespace {
/// A folder of this test's own, removed at its end.
struct Folder {
  llvm::SmallString<128> path;
  Folder() {
    REQUIRE_FALSE(llvm::sys::fs::createUniqueDirectory("nacre-weights", path));
  }
  ~Folder() { llvm::sys::fs::remove_directories(path); }
  std::string file(const char *name) const { return (path + "/" + name).str(); }
  /// The entries of the folder.
  int count() const {
    int n = 0;
    std::error_code code;
    for (llvm::sys::fs::directory_iterator it(path, code), end; it != end;
         it.increment(code))
      ++n;
    return n;
  }
};
} // namespace

TEST_CASE("names are made unique in order") {
  WeightStore store;
  CHECK(store.add("w", tensor("f32", "1")) == "w");
  CHECK(store.add("w", tensor("f32", "2")) == "w.1");
  CHECK(store.add("w.1", tensor("f32", "3")) == "w.1.1");
  CHECK(store.add("w", tensor("f32", "4")) == "w.2");
  CHECK(store.add("", tensor("f32", "5")) == "");
  CHECK(store.add("__metadata__", tensor("f32", "6")) == "__metadata__.1");
  CHECK(store.indexOf("w.1.1") == 2);
  CHECK(store.indexOf("absent") == -1);
  CHECK(show(*store.find("w.2")) == "4");
  CHECK(store.find("absent") == nullptr);
  CHECK(store.entries().size() == 6);
}

TEST_CASE("a store survives its file, in order, in every dtype") {
  Folder folder;
  WeightStore store, loaded;
  for (const char *t :
       {"i1",     "i8",         "ui8",     "i16", "ui16",     "i32",
        "ui32",   "i64",        "ui64",    "f16", "bf16",     "f32",
        "f64",    "i4",         "ui4",     "ui2", "f8E4M3FN", "f8E4M3FNUZ",
        "f8E5M2", "f8E5M2FNUZ", "f4E2M1FN"})
    store.add(t, tensor("3x" + std::string(t), "1 0 1"));
  store.add("scale", tensor("3xf8E8M0FNU", "0.5 nan 4"));
  store.add("i2", tensor("3xi2", "1 -2 -1"));
  store.add("scalar", tensor("f32", "-2.5"));
  store.add("empty", tensor("2x0xf64", ""));
  store.add("name \"with\" \xc3\xa9 \n", tensor("1xi8", "7"));
  std::string error, path = folder.file("w.safetensors");
  REQUIRE(mlir::succeeded(store.save(path, error)));
  CHECK(folder.count() == 1);
  REQUIRE(mlir::succeeded(loaded.load(path, error)));
  REQUIRE(loaded.entries().size() == store.entries().size());
  for (size_t i = 0; i < store.entries().size(); ++i) {
    auto &[name, expected] = store.entries()[i];
    INFO(name);
    CHECK(loaded.entries()[i].first == name);
    const Tensor &got = loaded.entries()[i].second;
    CHECK(got.dtype == expected.dtype);
    CHECK(got.shape == expected.shape);
    CHECK(show(got) == show(expected));
    CHECK(reinterpret_cast<uintptr_t>(got.bytes) % dtypeBytes(got.dtype) == 0);
  }
  // Written again it is the same file, also over the one it is mapped from.
  auto before = llvm::MemoryBuffer::getFile(path);
  REQUIRE(mlir::succeeded(loaded.save(path, error)));
  auto after = llvm::MemoryBuffer::getFile(path);
  CHECK((*before)->getBuffer() == (*after)->getBuffer());
}

TEST_CASE("an empty store has a file") {
  Folder folder;
  std::string error, path = folder.file("empty.safetensors");
  REQUIRE(mlir::succeeded(WeightStore().save(path, error)));
  WeightStore loaded;
  CHECK(mlir::succeeded(loaded.load(path, error)));
  CHECK(loaded.entries().empty());
}

TEST_CASE("saving that fails says why and leaves nothing behind") {
  Folder folder;
  WeightStore store;
  std::string error;
  CHECK(mlir::failed(store.save(folder.file("no/such/folder"), error)));
  CHECK(error == folder.file("no/such/folder") +
                     ": cannot write: No such file or directory");
  llvm::sys::fs::create_directory(folder.file("taken"));
  CHECK(mlir::failed(store.save(folder.file("taken"), error)));
  CHECK(folder.count() == 1);
  store.add("\xff", tensor("f32", "1"));
  CHECK(mlir::failed(store.save(folder.file("x"), error)));
  CHECK(error ==
        folder.file("x") + ": the name of weight 0 is not valid UTF-8");
}

/// Loads a file of `header` (its length put before it) and `data`; the error
/// without the path, or "loaded".
static std::string loadFile(const std::string &bytes) {
  Folder folder;
  std::string path = folder.file("f"), error;
  std::ofstream(path, std::ios::binary) << bytes;
  WeightStore store;
  store.add("old", tensor("f32", "1"));
  if (mlir::succeeded(store.load(path, error))) {
    CHECK(store.find("old") == nullptr);
    return "loaded";
  }
  CHECK(store.find("old") != nullptr); // a failed load changes nothing
  REQUIRE(error.substr(0, path.size() + 2) == path + ": ");
  return error.substr(path.size() + 2);
}
static std::string lengthOf(uint64_t length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i)
    bytes += static_cast<char>(length >> (8 * i));
  return bytes;
}
static std::string load(const std::string &header,
                        const std::string &data = "") {
  return loadFile(lengthOf(header.size()) + header + data);
}

TEST_CASE("files of other writers load") {
  CHECK(load("{}") == "loaded");
  CHECK(load(R"({"__metadata__":{"format":"pt"},)"
             R"("a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}  )",
             "xy") == "loaded");
  CHECK(load(R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},)"
             R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
             "xy") == "loaded");
}

TEST_CASE("a tensor at an odd byte is read aligned") {
  Folder folder;
  std::string header =
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
      R"("b":{"dtype":"I32","shape":[2],"data_offsets":[1,9]}})";
  std::string path = folder.file("odd"), error;
  std::ofstream(path, std::ios::binary)
      << lengthOf(header.size()) << header
      << std::string("\x05\x01\x00\x00\x00\xff\xff\xff\xff", 9);
  WeightStore store;
  REQUIRE(mlir::succeeded(store.load(path, error)));
  CHECK(show(*store.find("b")) == "1 -1");
  CHECK(reinterpret_cast<uintptr_t>(store.find("b")->bytes) % 4 == 0);
}

TEST_CASE("hostile lengths are refused") {
  CHECK(loadFile("") == "not a safetensors file: shorter than 8 bytes");
  CHECK(loadFile("1234567") == "not a safetensors file: shorter than 8 bytes");
  CHECK(loadFile(lengthOf(3) + "{}") ==
        "truncated: the header needs 3 bytes but the file holds 2");
  CHECK(loadFile(lengthOf(~uint64_t(0)) + "{}") ==
        "not a safetensors file: a header of 18446744073709551615 bytes "
        "exceeds the limit of 100000000");
  std::string error;
  CHECK(mlir::failed(WeightStore().load("/no/such/file", error)));
  CHECK(error == "/no/such/file: cannot read: No such file or directory");
  CHECK(mlir::failed(WeightStore().load("/", error)));
}

TEST_CASE("hostile headers are refused") {
  const std::string notJson =
      "not a safetensors file: the header is not the expected JSON object";
  CHECK(load("") == notJson);
  CHECK(load("{") == notJson);
  CHECK(load("[]") == notJson);
  CHECK(load("1") == notJson);
  CHECK(load("{} {}") == notJson);
  CHECK(load("{\"\xff\":{}}") == notJson);
  CHECK(load(std::string(1'000'000, '[')) == notJson);
  CHECK(load("{\"a\":" + std::string(100'000, '[') + std::string(100'000, ']') +
             "}") == notJson);
  CHECK(load(R"({"a":1})") ==
        "tensor 'a': expected an object with dtype, shape and data_offsets");
  CHECK(load(R"({"a":{"dtype":"F32","shape":[]}})") ==
        "tensor 'a': expected an object with dtype, shape and data_offsets");
  CHECK(load(R"({"a":{"dtype":1,"shape":[],"data_offsets":[0,4]}})") ==
        "tensor 'a': dtype is not a string");
  CHECK(load(R"({"a":{"dtype":"F6_E2M3","shape":[],"data_offsets":[0,1]}})",
             "x") == "tensor 'a': unsupported dtype 'F6_E2M3'");
  CHECK(load(R"({"a":{"dtype":"U8","shape":4,"data_offsets":[0,4]}})") ==
        "tensor 'a': shape is not an array");
  const std::string duplicate =
      R"("a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  CHECK(load("{" + duplicate + "," + duplicate + "}") ==
        "tensor 'a' is listed twice");
}

TEST_CASE("hostile shapes and offsets are refused") {
  auto entry = [](std::string shape, std::string offsets,
                  std::string data = "") {
    return load(R"({"a":{"dtype":"F32","shape":)" + shape +
                    R"(,"data_offsets":)" + offsets + "}}",
                data);
  };
  for (const char *shape : {"[-1]", "[1.5]", "[1e3]", "[\"1\"]", "[null]",
                            "[18446744073709551615]"})
    CHECK(entry(shape, "[0,4]", "wxyz") ==
          "tensor 'a': shape holds something that is not a size");
  CHECK(entry("[4294967296,4294967296,4]", "[0,0]") ==
        "tensor 'a': the shape is too large");
  CHECK(entry("[4611686018427387904]", "[0,0]") ==
        "tensor 'a': the shape is too large");
  CHECK(entry("[2]", "[0,4]", "wxyz") ==
        "tensor 'a': the shape needs 8 bytes but data_offsets span 4");
  for (const char *offsets :
       {"0", "[0]", "[0,4,4]", "[-4,0]", "[\"0\",4]", "[0,4.0]"})
    CHECK(entry("[1]", offsets, "wxyz") ==
          "tensor 'a': data_offsets is not a pair of offsets");
  CHECK(entry("[1]", "[0,4]") ==
        "tensor 'a': data_offsets lie outside the file");
  CHECK(entry("[1]", "[4,0]", "wxyz") ==
        "tensor 'a': data_offsets lie outside the file");
  CHECK(entry("[1]", "[4611686018427387900,4611686018427387904]", "wxyz") ==
        "tensor 'a': data_offsets lie outside the file");
  CHECK(entry("[1]", "[4,8]", "abcdwxyz") ==
        "tensor 'a': 4 bytes before it belong to no tensor");
  CHECK(entry("[1]", "[0,4]", "wxyz!") ==
        "1 bytes at the end belong to no tensor");
}

TEST_CASE("overlapping tensors and false bools are refused") {
  CHECK(load(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
             R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
             "xyz") == "tensor 'b': its bytes overlap another's");
  CHECK(load(R"({"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}})",
             std::string("\x01\x02", 2)) ==
        "tensor 'a': a byte of a bool is neither 0 nor 1");
}
