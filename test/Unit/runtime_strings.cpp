// Strings and their codes, and files of them.
#include "runtime_catch.h"
#include "runtime_faults.h"
#include "runtime_files.h"

#include <cstring>
#include <nacre/runtime.h>
#include <vector>

namespace {
struct Table {
  explicit Table(std::vector<const char *> texts) {
    status = nacre_strings_create(texts.data(), int64_t(texts.size()), &strings,
                                  &error);
  }
  ~Table() { nacre_strings_destroy(strings); }
  int32_t code(const std::string &text) {
    int32_t code = -1;
    CHECK(nacre_strings_code(strings, text.data(), text.size(), &code,
                             &error) == NACRE_OK);
    return code;
  }
  std::string text(int32_t code) {
    size_t length = 0;
    const char *text = nacre_strings_text(strings, code, &length);
    return text ? std::string(text, length) : "none";
  }
  nacre_strings *strings = nullptr;
  nacre_error error = {};
  nacre_status status;
};

std::string header(const std::string &descr, const std::string &shape) {
  return "{'descr': '" + descr +
         "', 'fortran_order': False, 'shape': " + shape + ", }\n";
}

std::string wide(const std::u32string &text) {
  return std::string(reinterpret_cast<const char *>(text.data()),
                     4 * text.size());
}

struct Read {
  Read(Table &table, const std::string &path, bool npy = true) {
    status = npy ? nacre_npy_read_strings(path.c_str(), table.strings, &array,
                                          &error)
                 : nacre_onnx_tensor_read_strings(path.c_str(), table.strings,
                                                  &array, &error);
  }
  ~Read() { nacre_array_free(&array); }
  std::vector<int32_t> codes() const {
    auto *data = static_cast<const int32_t *>(array.data);
    return {data, data + array.elements};
  }
  nacre_array array = {};
  nacre_error error = {};
  nacre_status status;
};
} // namespace

TEST_CASE("strings: a table begins with its texts and gives new codes") {
  Table table({"b", "", "a"});
  REQUIRE(table.status == NACRE_OK);
  CHECK(table.code("a") == 2);
  CHECK(table.code("") == 1);
  CHECK(table.code("c") == 3);
  CHECK(table.code("c") == 3);
  CHECK(table.code(std::string("c\0d", 3)) == 4);
  CHECK(table.text(4) == std::string("c\0d", 3));
  CHECK(table.text(5) == "none");
  CHECK(table.text(-1) == "none");
  for (int i = 0; i < 10000; ++i)
    REQUIRE(table.code("text " + std::to_string(i)) == 5 + i);
  CHECK(table.code("text 77") == 82);
  CHECK(table.text(82) == "text 77");
  CHECK(nacre_strings_count(table.strings) == 10005);
}

TEST_CASE("strings: a text that is there twice is refused") {
  Table table({"a", "b", "a"});
  CHECK(table.status == NACRE_E_ABI);
  CHECK(table.error.text == std::string("string 2 is there twice"));
  CHECK(table.strings == nullptr);
}

TEST_CASE("strings: .npy of Unicode and of bytes, and written again") {
  Folder folder;
  Table table({"rot"});
  Read u(table, folder.write("u.npy",
                             npy(header("<U3", "(2, 2)"),
                                 wide(U"rot") + wide({U'g', 0, 0}) +
                                     wide(U"日本é") + wide({0x1f600, 0, 0}))));
  REQUIRE(u.status == NACRE_OK);
  CHECK(u.array.dtype == std::string("string"));
  CHECK(u.codes() == std::vector<int32_t>{0, 1, 2, 3});
  CHECK(table.text(2) == "日本é");
  CHECK(table.text(3) == "\xf0\x9f\x98\x80");
  Read s(table, folder.write("s.npy", npy(header("|S3", "(2,)"),
                                          std::string("g\0\0rot", 6))));
  REQUIRE(s.status == NACRE_OK);
  CHECK(s.codes() == std::vector<int32_t>{1, 0});

  nacre_error error;
  REQUIRE(nacre_npy_write_strings(folder.file("w.npy").c_str(), &u.array,
                                  table.strings, &error) == NACRE_OK);
  Table fresh({});
  Read again(fresh, folder.file("w.npy"));
  REQUIRE(again.status == NACRE_OK);
  CHECK(again.array.rank == 2);
  for (int i = 0; i < 4; ++i)
    CHECK(fresh.text(again.codes()[i]) == table.text(u.codes()[i]));

  static_cast<int32_t *>(u.array.data)[3] = 99;
  CHECK(nacre_npy_write_strings(folder.file("w.npy").c_str(), &u.array,
                                table.strings, &error) == NACRE_E_INDEX);
  CHECK(error.text == std::string("element 3 is the string 99, which is none"));
  static_cast<int32_t *>(u.array.data)[3] = table.code("\xff");
  CHECK(nacre_npy_write_strings(folder.file("w.npy").c_str(), &u.array,
                                table.strings, &error) == NACRE_E_FORMAT);
  CHECK(error.text == std::string("element 3 is not UTF-8"));
}

TEST_CASE("strings: wrong .npy files") {
  Folder folder;
  Table table({});
  auto refused = [&](const std::string &bytes, nacre_status status,
                     const std::string &text) {
    Read read(table, folder.write("x.npy", bytes));
    CHECK(read.status == status);
    CHECK(std::string(read.error.text).find(text) != std::string::npos);
    CHECK(read.array.data == nullptr);
  };
  refused(npy(header("<f4", "(1,)"), bytesOf(1.f)), NACRE_E_DTYPE,
          "holds f32, not strings");
  refused(npy(header("<U2", "(2,)"), wide(U"abc")), NACRE_E_FORMAT,
          "data has 12 bytes, shape [2] of 2 characters needs another number");
  refused(npy(header("<U99999999999999", "(4611686018427387904,)"), ""),
          NACRE_E_DTYPE, "not supported");
  refused(npy(header("<U999999999", "(1152921504606846976,)"), ""),
          NACRE_E_FORMAT, "needs another number");
  refused(npy(header("<U1", "(1,)"), bytesOf(uint32_t(0xd800))), NACRE_E_FORMAT,
          "element 0 has no Unicode text");
  refused(npy(header("<U1", "(1,)"), bytesOf(uint32_t(0x110000))),
          NACRE_E_FORMAT, "element 0 has no Unicode text");
}

TEST_CASE("strings: ONNX tensors") {
  Folder folder;
  Table table({"b"});
  auto text = [](const std::string &value) {
    return "\x32" + std::string(1, char(value.size())) + value;
  };
  std::string two = std::string("\x08\x02\x10\x08", 4);
  Read read(table, folder.write("x.pb", two + text("ab") + text("b")), false);
  REQUIRE(read.status == NACRE_OK);
  CHECK(read.codes() == std::vector<int32_t>{1, 0});
  CHECK(table.text(1) == "ab");
  Read few(table, folder.write("few.pb", two + text("ab")), false);
  CHECK(few.status == NACRE_E_FORMAT);
  CHECK(few.error.text ==
        folder.file("few.pb") + ": there are 1 values, shape [2] needs 2");
  Read other(table,
             folder.write("other.pb", std::string("\x08\x02\x10\x06\x2a\x02"
                                                  "\x01\x02",
                                                  8)),
             false);
  CHECK(other.status == NACRE_E_DTYPE);
  CHECK(other.error.text ==
        folder.file("other.pb") + ": data_type 6 is not that of strings");
}
