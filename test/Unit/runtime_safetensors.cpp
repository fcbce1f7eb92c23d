#include "runtime_catch.h"
#include "runtime_faults.h"
#include "runtime_files.h"

#include <cstring>
#include <nacre/runtime.h>

namespace {
std::string safetensors(const std::string &header, const std::string &data) {
  return bytesOf(uint64_t(header.size())) + header + data;
}

struct Opened {
  Opened(const Folder &folder, const std::string &bytes)
      : path(folder.write("w.safetensors", bytes)) {
    status = nacre_safetensors_open(path.c_str(), &file, &error);
  }
  ~Opened() { nacre_safetensors_close(file); }
  std::string path;
  nacre_safetensors *file = nullptr;
  nacre_error error = {};
  nacre_status status;
};

void refused(const std::string &bytes, nacre_status status,
             const std::string &text) {
  Folder folder;
  Opened o(folder, bytes);
  CHECK(o.status == status);
  CHECK(o.error.text == o.path + ": " + text);
  CHECK(o.file == nullptr);
}

std::string one(const std::string &dtype, const std::string &shape,
                const std::string &offsets) {
  return "{\"w\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}}";
}
} // namespace

TEST_CASE("safetensors: tensors are found by name and in order") {
  Folder folder;
  Opened o(folder,
           safetensors(" {\"__metadata__\": {\"format\": \"pt\"},\n"
                       "\"b\": {\"dtype\": \"F32\", \"shape\": [1, 2], "
                       "\"data_offsets\": [0, 8]},\r\n\t"
                       "\"a\": {\"data_offsets\": [8, 16], \"shape\": [], "
                       "\"dtype\": \"I64\"},"
                       "\"e\": {\"dtype\":\"F8_E4M3\",\"shape\":[3,0],"
                       "\"data_offsets\":[8,8]}}   ",
                       bytesOf(1.5f) + bytesOf(2.5f) + bytesOf(int64_t(-9))));
  REQUIRE(o.status == NACRE_OK);
  CHECK(nacre_safetensors_count(o.file) == 3);
  nacre_view view;
  REQUIRE(nacre_safetensors_find(o.file, "b", &view));
  CHECK(view.dtype == std::string("f32"));
  CHECK(view.rank == 2);
  CHECK(view.shape[1] == 2);
  CHECK(view.bytes == 8);
  float second;
  std::memcpy(&second, static_cast<const char *>(view.data) + 4, 4);
  CHECK(second == 2.5f);
  REQUIRE(nacre_safetensors_at(o.file, 0, &view));
  CHECK(view.name == std::string("a"));
  CHECK(view.rank == 0);
  REQUIRE(nacre_safetensors_at(o.file, 2, &view));
  CHECK(view.dtype == std::string("f8e4m3fn"));
  CHECK(view.bytes == 0);
  CHECK_FALSE(nacre_safetensors_at(o.file, 3, &view));
  CHECK_FALSE(nacre_safetensors_at(o.file, -1, &view));
  CHECK_FALSE(nacre_safetensors_find(o.file, "c", &view));
  CHECK_FALSE(nacre_safetensors_find(o.file, "__metadata__", &view));
}

TEST_CASE("safetensors: empty file, escapes in names, many tensors") {
  Folder folder;
  nacre_view view;
  Opened empty(folder, safetensors("{}", ""));
  REQUIRE(empty.status == NACRE_OK);
  CHECK(nacre_safetensors_count(empty.file) == 0);
  CHECK_FALSE(nacre_safetensors_find(empty.file, "w", &view));
  CHECK(Opened(folder, safetensors("{\"__metadata__\":{}}", "")).status == 0);

  Opened escaped(
      folder,
      safetensors("{\"\\\"\\\\\\/\\n\\u0041\\u00e9\\u20ac\\ud83d\\ude00\":"
                  "{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
                  "x"));
  REQUIRE(escaped.status == NACRE_OK);
  CHECK(nacre_safetensors_find(
      escaped.file, "\"\\/\nA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", &view));

  std::string header = "{";
  for (int i = 0; i < 1000; ++i)
    header += (i ? ",\"t" : "\"t") + std::to_string(i) +
              "\":{\"dtype\":\"U8\",\"shape\":[1,1],\"data_offsets\":[" +
              std::to_string(i) + "," + std::to_string(i + 1) + "]}";
  std::string data(1000, ' ');
  data[777] = '!';
  Opened many(folder, safetensors(header + "}", data));
  REQUIRE(many.status == NACRE_OK);
  REQUIRE(nacre_safetensors_find(many.file, "t777", &view));
  CHECK(*static_cast<const char *>(view.data) == '!');
  CHECK(view.shape[1] == 1);
}

TEST_CASE("safetensors: hostile files are refused with a reason") {
  refused("1234567", NACRE_E_FORMAT, "truncated at byte 7");
  refused("", NACRE_E_FORMAT, "truncated at byte 0");
  refused(bytesOf(UINT64_MAX) + "{}", NACRE_E_FORMAT,
          "truncated: header of 18446744073709551615 bytes, 2 are left");
  refused(bytesOf(uint64_t(3)) + "{}", NACRE_E_FORMAT,
          "truncated: header of 3 bytes, 2 are left");
  refused(safetensors("", ""), NACRE_E_FORMAT,
          "header: expected '{' at byte 0");
  refused(safetensors("[]", ""), NACRE_E_FORMAT,
          "header: expected '{' at byte 0");
  refused(safetensors("{", ""), NACRE_E_FORMAT,
          "header: expected a string at byte 1");
  refused(safetensors("{\"a", ""), NACRE_E_FORMAT,
          "header: expected '\"' at byte 3");
  refused(safetensors("{\"a\n\"", ""), NACRE_E_FORMAT,
          "header: expected no control character at byte 3");
  refused(safetensors("{\"a\\x\"", ""), NACRE_E_FORMAT,
          "header: expected an escape at byte 4");
  refused(safetensors("{\"a\\", ""), NACRE_E_FORMAT,
          "header: expected an escape at byte 4");
  refused(safetensors("{\"a\\u12", ""), NACRE_E_FORMAT,
          "header: expected four hexadecimal digits at byte 7");
  refused(safetensors("{\"a\\u0000\"", ""), NACRE_E_FORMAT,
          "header: expected a character other than zero at byte 9");
  refused(safetensors("{\"a\\ud800\"", ""), NACRE_E_FORMAT,
          "header: expected a low surrogate at byte 9");
  refused(safetensors("{\"a\\ud800\\u0041\"", ""), NACRE_E_FORMAT,
          "header: expected a low surrogate at byte 15");
  refused(safetensors("{\"a\" 1}", ""), NACRE_E_FORMAT,
          "header: expected ':' at byte 5");
  refused(safetensors("{\"a\":[]}", ""), NACRE_E_FORMAT,
          "header: expected '{' at byte 5");
  refused(safetensors("{}x", ""), NACRE_E_FORMAT,
          "header: expected the end at byte 2");
  refused(safetensors("{\"__metadata__\":{\"a\":5}}", ""), NACRE_E_FORMAT,
          "header: expected a string at byte 21");
  refused(safetensors("{\"w\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", ""),
          NACRE_E_FORMAT, "tensor 'w': key 'dtype' is unknown or occurs twice");
  refused(safetensors("{\"w\":{\"extra\":\"F32\"}}", ""), NACRE_E_FORMAT,
          "tensor 'w': key 'extra' is unknown or occurs twice");
  refused(safetensors("{\"w\":{\"dtype\":\"F32\"}}", ""), NACRE_E_FORMAT,
          "tensor 'w': dtype, shape or data_offsets is missing");
  refused(safetensors(one("Q4", "[1]", "[0,4]"), "1234"), NACRE_E_DTYPE,
          "tensor 'w': element type 'Q4' is not supported");
  refused(safetensors(one("F32", "[-1]", "[0,4]"), "1234"), NACRE_E_FORMAT,
          "header: expected a natural number at byte 29");
  refused(safetensors(one("F32", "[1.5]", "[0,4]"), "1234"), NACRE_E_FORMAT,
          "header: expected ',' or ']' at byte 30");
  refused(safetensors(one("F32", "[99999999999999999999]", "[0,4]"), "1234"),
          NACRE_E_FORMAT,
          "header: a number does not fit in 63 bits at byte 47");
  refused(safetensors(one("F32", "[4294967296,4294967296]", "[0,4]"), "1234"),
          NACRE_E_SHAPE, "tensor 'w': shape has too many elements");
  refused(safetensors(one("F32", "[2]", "[0,4]"), "1234"), NACRE_E_FORMAT,
          "tensor 'w': has 4 bytes, its shape needs 8");
  refused(safetensors(one("F32", "[2]", "[0,8]"), "1234"), NACRE_E_FORMAT,
          "tensor 'w': bytes 0 to 8 are outside the 4 bytes of data");
  refused(safetensors(one("F32", "[1]", "[4,0]"), "1234"), NACRE_E_FORMAT,
          "tensor 'w': bytes 4 to 0 are outside the 4 bytes of data");
  refused(safetensors(one("F32", "[1]", "[0]"), "1234"), NACRE_E_FORMAT,
          "header: expected ',' at byte 49");
  refused(safetensors(one("F32", "[1]", "[0,4,5]"), "1234"), NACRE_E_FORMAT,
          "header: expected ']' at byte 51");
  refused(safetensors(one("U8", "[1]", "[1,2]"), "12"), NACRE_E_FORMAT,
          "tensor 'w': begins at byte 1 of the data, the tensors before it "
          "end at 0");
  refused(safetensors(one("U8", "[1]", "[0,1]"), "12"), NACRE_E_FORMAT,
          "data has 2 bytes, the tensors 1");
  std::string w = "\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":";
  refused(safetensors("{" + w + "[0,1]}," + w + "[1,2]}}", "12"),
          NACRE_E_FORMAT, "tensor 'w' occurs twice");
  refused(safetensors("{" + w + "[0,1]}," + w + "[0,1]}}", "1"), NACRE_E_FORMAT,
          "tensor 'w': begins at byte 0 of the data, the tensors before it "
          "end at 1");
  std::string ones = "[1";
  for (int i = 0; i < 64; ++i)
    ones += ",1";
  refused(safetensors(one("U8", ones + "]", "[0,1]"), "1"), NACRE_E_LIMIT,
          "tensor 'w': rank is more than 64");
}

TEST_CASE("safetensors: no truncation and no changed byte crashes") {
  Folder folder;
  std::string whole =
      safetensors("{\"__metadata__\":{\"a\":\"\\u0041\"},\"w\":{\"dtype\":"
                  "\"F16\",\"shape\":[2,1],\"data_offsets\":[0,4]}}",
                  "1234");
  REQUIRE(Opened(folder, whole).status == NACRE_OK);
  for (size_t size = 0; size < whole.size(); ++size)
    REQUIRE(Opened(folder, whole.substr(0, size)).status != NACRE_OK);
  for (size_t at = 0; at < whole.size(); ++at)
    for (int byte : {0, 1, 9, 32, 34, 44, 48, 49, 57, 58, 91, 92, 93, 123, 125,
                     127, 128, 255}) {
      std::string changed = whole;
      changed[at] = static_cast<char>(byte);
      Opened o(folder, changed);
      nacre_view view;
      if (o.status == NACRE_OK && nacre_safetensors_at(o.file, 0, &view))
        REQUIRE(view.bytes <= 4);
    }
}

TEST_CASE("safetensors: the weights of a model") {
  Folder folder;
  nacre_model model = {};
  model.name = "m";
  model.weights_bytes = 64;
  const void *weights = nullptr;
  nacre_error error;
  auto padded = [](std::string header) {
    return header + std::string((120 - header.size() % 64) % 64, ' ');
  };
  std::string data(64, 'w');

  Opened whole(folder, safetensors(padded(one("U8", "[64]", "[0,64]")), data));
  REQUIRE(whole.status == NACRE_OK);
  CHECK(nacre_safetensors_weights(whole.file, &model, &weights, &error) == 0);
  CHECK(*static_cast<const char *>(weights) == 'w');

  std::string header =
      "{\"a\":{\"dtype\":\"U8\",\"shape\":[64],\"data_offsets\":[0,64]},"
      "\"weights\":{\"dtype\":\"F32\",\"shape\":[16],"
      "\"data_offsets\":[64,128]}}";
  Opened named(folder,
               safetensors(padded(header), std::string(64, 'a') + data));
  REQUIRE(named.status == NACRE_OK);
  CHECK(nacre_safetensors_weights(named.file, &model, &weights, &error) == 0);
  CHECK(*static_cast<const char *>(weights) == 'w');

  Opened crooked(folder,
                 safetensors(padded(one("U8", "[64]", "[0,64]")) + " ", data));
  REQUIRE(crooked.status == NACRE_OK);
  CHECK(nacre_safetensors_weights(crooked.file, &model, &weights, &error) ==
        NACRE_E_FORMAT);
  CHECK(error.text ==
        std::string("weights do not begin at a multiple of 64 in the file"));
  model.weights_bytes = 65;
  CHECK(nacre_safetensors_weights(whole.file, &model, &weights, &error) ==
        NACRE_E_FORMAT);
  CHECK(error.text == std::string("weights have 64 bytes, model 'm' needs 65"));
}

TEST_CASE("safetensors: each failing call of libc is reported") {
  Folder folder;
  std::string path =
      folder.write("w", safetensors(one("U8", "[1,1,1]", "[0,1]"), "1"));
  nacre_safetensors *file;
  nacre_error error;
  long blocks = faults::blocks, descriptors = faults::descriptors;
  for (long n = 0;; ++n) {
    faults::failAllocation = n;
    nacre_status status = nacre_safetensors_open(path.c_str(), &file, &error);
    faults::none();
    if (status == NACRE_OK) {
      CHECK(n >= 5); // handle, names, shapes, more shapes, entries
      break;
    }
    CHECK(status == NACRE_E_NOMEM);
    CHECK(file == nullptr);
    CHECK(faults::blocks == blocks);
    CHECK(faults::descriptors == descriptors);
  }
  nacre_safetensors_close(file);
  for (long n = 0; n < 3; ++n) { // open, fstat, mmap
    faults::failCall = n;
    CHECK(nacre_safetensors_open(path.c_str(), &file, &error) == NACRE_E_IO);
    faults::none();
    CHECK(faults::blocks == blocks);
    CHECK(faults::descriptors == descriptors);
  }
  CHECK(nacre_safetensors_open(folder.path.c_str(), &file, &error) ==
        NACRE_E_IO);
  nacre_safetensors_close(nullptr);
}
