#include "runtime_catch.h"
#include "runtime_faults.h"
#include "runtime_files.h"

#include <cstring>
#include <nacre/runtime.h>

namespace {
struct Parsed {
  explicit Parsed(const std::string &bytes) {
    status = nacre_npy_parse(bytes.data(), bytes.size(), &array, &error);
  }
  ~Parsed() { nacre_array_free(&array); }
  nacre_array array = {};
  nacre_error error = {};
  nacre_status status;
};

std::string header(const std::string &descr, const std::string &shape) {
  return "{'descr': '" + descr +
         "', 'fortran_order': False, 'shape': " + shape + ", }\n";
}

void refused(const std::string &bytes, nacre_status status,
             const std::string &text) {
  Parsed p(bytes);
  CHECK(p.status == status);
  CHECK(p.error.text == text);
  CHECK(p.array.data == nullptr);
}
} // namespace

TEST_CASE("npy: numbers come back") {
  Parsed p(npy(header("<f4", "(2, 3)"), bytesOf(1.f) + bytesOf(-2.f) +
                                            bytesOf(0.5f) + bytesOf(4.f) +
                                            bytesOf(5.f) + bytesOf(6.25f)));
  REQUIRE(p.status == NACRE_OK);
  CHECK(p.array.dtype == std::string("f32"));
  REQUIRE(p.array.rank == 2);
  CHECK(p.array.shape[0] == 2);
  CHECK(p.array.shape[1] == 3);
  CHECK(p.array.elements == 6);
  CHECK(p.array.bytes == 24);
  auto *values = static_cast<const float *>(p.array.data);
  CHECK(reinterpret_cast<uintptr_t>(values) % 64 == 0);
  CHECK(values[1] == -2.f);
  CHECK(values[5] == 6.25f);
}

TEST_CASE("npy: scalar, empty, bool, version 2, other spellings") {
  Parsed scalar(npy(header("<i8", "()"), bytesOf(int64_t(-7))));
  REQUIRE(scalar.status == NACRE_OK);
  CHECK(scalar.array.rank == 0);
  CHECK(*static_cast<int64_t *>(scalar.array.data) == -7);

  Parsed empty(npy(header("<f8", "(0, 5)"), ""));
  REQUIRE(empty.status == NACRE_OK);
  CHECK(empty.array.elements == 0);
  CHECK(empty.array.data != nullptr);

  Parsed truth(npy(header("|b1", "(3,)"), std::string("\0\1\x80", 3)));
  REQUIRE(truth.status == NACRE_OK);
  CHECK(std::memcmp(truth.array.data, "\0\1\1", 3) == 0);

  std::string text = "{\"shape\":(1,1,),\"descr\":\">u1\","
                     "\"fortran_order\":False}";
  Parsed second(std::string("\x93NUMPY\2\0", 8) +
                bytesOf(uint32_t(text.size())) + text + "\x2a");
  REQUIRE(second.status == NACRE_OK);
  CHECK(second.array.dtype == std::string("u8"));
  CHECK(second.array.rank == 2);
  CHECK(*static_cast<uint8_t *>(second.array.data) == 42);

  Parsed brain(npy(header("<V2", "(1,)"), "ab"));
  REQUIRE(brain.status == NACRE_OK);
  CHECK(brain.array.dtype == std::string("bf16"));
}

TEST_CASE("npy: hostile files are refused with a reason") {
  refused("", NACRE_E_FORMAT, "not a .npy file");
  refused("PK\3\4 zip archives too", NACRE_E_FORMAT, "not a .npy file");
  refused(std::string("\x93NUMPY\3\0\0\0\0\0", 12), NACRE_E_FORMAT,
          "version 3.0 is not supported, only 1.0 and 2.0");
  refused(std::string("\x93NUMPY\1\1\0\0", 10), NACRE_E_FORMAT,
          "version 1.1 is not supported, only 1.0 and 2.0");
  refused(std::string("\x93NUMPY\2\0\0\0", 10), NACRE_E_FORMAT,
          "truncated at byte 10");
  refused(std::string("\x93NUMPY\1\0\x76\0{", 11), NACRE_E_FORMAT,
          "truncated: header of 118 bytes, 1 are left");
  refused(std::string("\x93NUMPY\2\0\xff\xff\xff\xff{}", 14), NACRE_E_FORMAT,
          "truncated: header of 4294967295 bytes, 2 are left");
  refused(std::string("\x93NUMPY\2\0\1\0\1\0", 12) + std::string(65537, ' '),
          NACRE_E_LIMIT, "header has 65537 bytes, at most 65536");
  refused(npy("", ""), NACRE_E_FORMAT, "header: expected '{' at byte 0");
  refused(npy("{'descr'", ""), NACRE_E_FORMAT,
          "header: expected ':' at byte 8");
  refused(npy("{'descr': 5}", ""), NACRE_E_FORMAT,
          "header: expected a string at byte 10");
  refused(npy("{'descr", ""), NACRE_E_FORMAT,
          "header: expected a plain string at byte 1");
  refused(npy("{'de\\'scr': 1}", ""), NACRE_E_FORMAT,
          "header: expected a plain string at byte 1");
  refused(npy("{'evil': 5}", ""), NACRE_E_FORMAT,
          "header: key 'evil' is unknown or occurs twice");
  refused(npy("{'descr': '<f4', 'descr': '<f8'}", ""), NACRE_E_FORMAT,
          "header: key 'descr' is unknown or occurs twice");
  refused(npy("{'descr': '<f4'}", ""), NACRE_E_FORMAT,
          "header: descr, fortran_order or shape is missing");
  refused(npy("{'descr': '<f4' 'shape'}", ""), NACRE_E_FORMAT,
          "header: expected ',' or '}' at byte 16");
  refused(npy(header("<f4", "()") + "x", ""), NACRE_E_FORMAT,
          "header: expected the end at byte 56");
  refused(npy("{'fortran_order': None}", ""), NACRE_E_FORMAT,
          "header: expected True or False at byte 18");
  refused(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }", ""),
          NACRE_E_FORMAT,
          "Fortran order is not supported, save a C-ordered copy "
          "(numpy.ascontiguousarray)");
  refused(npy(header(">f4", "(2,)"), "12345678"), NACRE_E_DTYPE,
          "element type '>f4' is big-endian, only little-endian is read");
  refused(npy(header("<c8", "(1,)"), "12345678"), NACRE_E_DTYPE,
          "element type '<c8' is not supported");
  refused(npy(header("|O", "(1,)"), "12345678"), NACRE_E_DTYPE,
          "element type '|O' is not supported");
  refused(npy(header("=f4", "(1,)"), "1234"), NACRE_E_DTYPE,
          "element type '=f4' is not supported");
  refused(npy(header("<f4", "(3)"), ""), NACRE_E_FORMAT,
          "header: expected ',' at byte 52");
  refused(npy(header("<f4", "(3, 4"), ""), NACRE_E_FORMAT,
          "header: expected an extent at byte 57");
  refused(npy(header("<f4", "(3, 4 5)"), ""), NACRE_E_FORMAT,
          "header: expected ',' or ')' at byte 56");
  refused(npy(header("<f4", "[3]"), ""), NACRE_E_FORMAT,
          "header: expected '(' at byte 50");
  refused(npy(header("<f4", "(-1,)"), ""), NACRE_E_FORMAT,
          "header: expected an extent at byte 51");
  refused(npy(header("<f4", "(9223372036854775808,)"), ""), NACRE_E_SHAPE,
          "header: an extent does not fit in 63 bits");
  refused(npy(header("<f4", "(99999999999999999999,)"), ""), NACRE_E_SHAPE,
          "header: an extent does not fit in 63 bits");
  refused(npy(header("<f4", "(4294967296, 4294967296)"), ""), NACRE_E_SHAPE,
          "shape has too many elements");
  refused(npy(header("<f4", "(1099511627776,)"), ""), NACRE_E_FORMAT,
          "data has 0 bytes, shape [1099511627776] f32 needs 4398046511104");
  refused(npy(header("<f4", "(2,)"), "1234567"), NACRE_E_FORMAT,
          "data has 7 bytes, shape [2] f32 needs 8");
  refused(npy(header("<f4", "(2,)"), "123456789"), NACRE_E_FORMAT,
          "data has 9 bytes, shape [2] f32 needs 8");
  std::string ones = "(";
  for (int i = 0; i < 65; ++i)
    ones += "1,";
  refused(npy(header("<f4", ones + ")"), "1234"), NACRE_E_LIMIT,
          "rank is more than 64");
}

TEST_CASE("npy: every truncation is refused, no changed byte crashes") {
  std::string whole = npy(header("<f4", "(2, 1)"), "12345678");
  REQUIRE(Parsed(whole).status == NACRE_OK);
  for (size_t size = 0; size < whole.size(); ++size)
    REQUIRE(Parsed(whole.substr(0, size)).status != NACRE_OK);
  for (size_t at = 0; at < whole.size(); ++at)
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = whole;
      changed[at] = static_cast<char>(byte);
      Parsed p(changed);
      if (p.status == NACRE_OK)
        REQUIRE(p.array.bytes <= 8);
    }
}

TEST_CASE("npy: what is written reads back, for every element type") {
  Folder folder;
  for (const char *dtype : {"f32", "f64", "f16", "bf16", "i8", "u8", "i16",
                            "u16", "i32", "u32", "i64", "u64", "bool"}) {
    uint8_t data[48];
    for (int i = 0; i < 48; ++i)
      data[i] = dtype == std::string("bool") ? i % 2 : static_cast<uint8_t>(i);
    nacre_array array = {};
    array.dtype = dtype;
    array.rank = 2;
    array.shape[0] = 3;
    array.shape[1] = 2;
    array.data = data;
    std::string path = folder.file("x.npy");
    nacre_error error;
    REQUIRE(nacre_npy_write(path.c_str(), &array, &error) == NACRE_OK);
    nacre_array back;
    REQUIRE(nacre_npy_read(path.c_str(), &back, &error) == NACRE_OK);
    CHECK(back.dtype == std::string(dtype));
    CHECK(back.rank == 2);
    CHECK(back.elements == 6);
    CHECK(std::memcmp(back.data, data, back.bytes) == 0);
    nacre_array_free(&back);
    CHECK(back.data == nullptr);
  }
  CHECK(folder.count() == 1);
}

TEST_CASE("npy: types without a name are bytes") {
  for (const char *descr : {"<V1", "|V1", "<f1"}) {
    Parsed p(npy(header(descr, "(2,)"), "\x0f\x01"));
    REQUIRE(p.status == NACRE_OK);
    CHECK(p.array.dtype == std::string("u8"));
    CHECK(static_cast<uint8_t *>(p.array.data)[0] == 0x0f);
  }
  refused(npy(header("<V4", "(1,)"), "1234"), NACRE_E_DTYPE,
          "element type '<V4' is not supported");
  Folder folder;
  for (const char *dtype : {"i4", "u4", "i2", "u2", "f8e4m3fn", "f8e4m3fnuz",
                            "f8e5m2", "f8e5m2fnuz", "f8e8m0", "f4e2m1"}) {
    uint8_t data[] = {1, 2, 3};
    nacre_array array = {};
    array.dtype = dtype;
    array.rank = 1;
    array.shape[0] = 3;
    array.data = data;
    std::string path = folder.file("x.npy");
    nacre_error error;
    REQUIRE(nacre_npy_write(path.c_str(), &array, &error) == NACRE_OK);
    std::string whole = folder.read("x.npy");
    CHECK(whole.find("'descr': '<V1'") != std::string::npos);
    CHECK(whole.substr(whole.size() - 3) == "\1\2\3");
  }
}

TEST_CASE("npy: the header is the one NumPy writes") {
  Folder folder;
  nacre_array array = {};
  float data[] = {1, 2, 3};
  array.dtype = "f32";
  array.rank = 1;
  array.shape[0] = 3;
  array.data = data;
  REQUIRE(nacre_npy_write(folder.file("x.npy").c_str(), &array, nullptr) == 0);
  std::string text =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }";
  CHECK(folder.read("x.npy") ==
        std::string("\x93NUMPY\1\0\x76\0", 10) + text +
            std::string(128 - 10 - text.size() - 1, ' ') + "\n" + bytesOf(1.f) +
            bytesOf(2.f) + bytesOf(3.f));
}

TEST_CASE("npy: the longest shape fits the header") {
  Folder folder;
  nacre_array array = {};
  uint8_t nothing;
  array.dtype = "u8";
  array.rank = 64;
  for (int64_t &extent : array.shape)
    extent = 1;
  array.shape[0] = 1000000000000000000;
  array.shape[1] = 0;
  array.data = &nothing;
  nacre_error error;
  REQUIRE(nacre_npy_write(folder.file("x.npy").c_str(), &array, &error) == 0);
  nacre_array back;
  REQUIRE(nacre_npy_read(folder.file("x.npy").c_str(), &back, &error) == 0);
  CHECK(back.shape[0] == 1000000000000000000);
  nacre_array_free(&back);
  array.rank = 65;
  CHECK(nacre_npy_write(folder.file("x.npy").c_str(), &array, &error) ==
        NACRE_E_LIMIT);
}

TEST_CASE("npy: what is not a file is refused") {
  Folder folder;
  nacre_array array;
  nacre_error error;
  std::string path = folder.file("none.npy");
  CHECK(nacre_npy_read(path.c_str(), &array, &error) == NACRE_E_IO);
  CHECK(error.text == "cannot open '" + path + "': No such file or directory");
  CHECK(nacre_npy_read(folder.path.c_str(), &array, &error) == NACRE_E_IO);
  CHECK(error.text == "'" + folder.path + "' is not a regular file");
  CHECK(nacre_npy_read("/dev/zero", &array, nullptr) == NACRE_E_IO);
  path = folder.write("bad.npy", "nonsense");
  CHECK(nacre_npy_read(path.c_str(), &array, &error) == NACRE_E_FORMAT);
  CHECK(error.text == path + ": not a .npy file");
}

TEST_CASE("npy: each failing call of libc is reported, nothing leaks") {
  Folder folder;
  std::string path = folder.write("x.npy", npy(header("<f4", "(1,)"), "1234"));
  nacre_array array;
  nacre_error error;
  long blocks = faults::blocks, descriptors = faults::descriptors;
  auto read = [&] { return nacre_npy_read(path.c_str(), &array, &error); };

  for (long n = 0;; ++n) {
    faults::failAllocation = n;
    nacre_status status = read();
    bool reached = faults::failAllocation < 0;
    faults::none();
    if (status == NACRE_OK) {
      CHECK_FALSE(reached);
      CHECK(n == 2); // the file's bytes, the array
      break;
    }
    CHECK(status == NACRE_E_NOMEM);
    CHECK(faults::blocks == blocks);
    CHECK(faults::descriptors == descriptors);
  }
  nacre_array_free(&array);
  for (long n = 0; n < 3; ++n) { // open, fstat, read
    faults::failCall = n;
    CHECK(read() == NACRE_E_IO);
    faults::none();
    CHECK(faults::blocks == blocks);
    CHECK(faults::descriptors == descriptors);
  }
  faults::trickle = true;
  CHECK(read() == NACRE_OK);
  faults::none();
  nacre_array_free(&array);
  CHECK(faults::blocks == blocks);
}

TEST_CASE("npy: a failed write leaves the old file and no other") {
  Folder folder;
  std::string path = folder.write("x.npy", "old");
  nacre_array array = {};
  float data[] = {1, 2, 3};
  array.dtype = "f32";
  array.rank = 1;
  array.shape[0] = 3;
  array.data = data;
  nacre_error error;
  long blocks = faults::blocks, descriptors = faults::descriptors;
  auto write = [&] { return nacre_npy_write(path.c_str(), &array, &error); };

  faults::failAllocation = 0;
  CHECK(write() == NACRE_E_NOMEM);
  faults::none();
  // open, write, write, fsync, close, rename
  for (long n = 0; n < 6; ++n) {
    faults::error = ENOSPC;
    faults::failCall = n;
    CHECK(write() == NACRE_E_IO);
    faults::none();
    CHECK(std::string(error.text).find("No space left on device") !=
          std::string::npos);
    CHECK(folder.read("x.npy") == "old");
    CHECK(folder.count() == 1);
    CHECK(faults::blocks == blocks);
    CHECK(faults::descriptors == descriptors);
  }
  // After the rename the new file is there; that it may not last is reported.
  faults::failCall = 6;
  CHECK(write() == NACRE_E_IO);
  faults::none();
  CHECK(error.text ==
        "cannot sync the folder of '" + path + "': Input/output error");
  faults::trickle = true;
  CHECK(write() == NACRE_OK);
  faults::none();
  nacre_array back;
  REQUIRE(nacre_npy_read(path.c_str(), &back, &error) == NACRE_OK);
  CHECK(static_cast<float *>(back.data)[2] == 3.f);
  nacre_array_free(&back);
  CHECK(faults::descriptors == descriptors);
  CHECK(nacre_npy_write(folder.file("no/x.npy").c_str(), &array, &error) ==
        NACRE_E_IO);
}
