#include "runtime_catch.h"
#include "runtime_faults.h"
#include "runtime_files.h"

#include <nacre/runtime.h>
#include <vector>

namespace {
struct Parsed {
  explicit Parsed(const std::string &bytes) {
    status =
        nacre_onnx_tensor_parse(bytes.data(), bytes.size(), &array, &error);
  }
  ~Parsed() { nacre_array_free(&array); }
  template <typename T> std::vector<T> values() const {
    auto *data = static_cast<const T *>(array.data);
    return {data, data + array.elements};
  }
  nacre_array array = {};
  nacre_error error = {};
  nacre_status status;
};

std::string varint(uint64_t value) {
  std::string bytes;
  for (; value > 127; value >>= 7)
    bytes += static_cast<char>(value | 128);
  return bytes + static_cast<char>(value);
}
std::string number(unsigned field, uint64_t value) {
  return varint(field << 3) + varint(value);
}
std::string bytes(unsigned field, const std::string &content) {
  return varint(field << 3 | 2) + varint(content.size()) + content;
}
// dims one by one, then data_type.
std::string head(const std::vector<int64_t> &shape, uint64_t type) {
  std::string text;
  for (int64_t extent : shape)
    text += number(1, static_cast<uint64_t>(extent));
  return text + number(2, type);
}

void refused(const std::string &message, nacre_status status,
             const std::string &text) {
  Parsed p(message);
  CHECK(p.status == status);
  CHECK(p.error.text == text);
  CHECK(p.array.data == nullptr);
}
} // namespace

TEST_CASE("TensorProto: raw_data") {
  Parsed p(head({2, 1}, 1) + bytes(8, "a name") +
           bytes(9, bytesOf(1.5f) + bytesOf(-2.f)));
  REQUIRE(p.status == NACRE_OK);
  CHECK(p.array.dtype == std::string("f32"));
  CHECK(p.array.rank == 2);
  CHECK(p.array.shape[0] == 2);
  CHECK(p.values<float>() == std::vector<float>{1.5f, -2.f});

  Parsed truth(head({3}, 9) + bytes(9, std::string("\0\1\7", 3)));
  REQUIRE(truth.status == NACRE_OK);
  CHECK(truth.values<uint8_t>() == std::vector<uint8_t>{0, 1, 1});

  Parsed none(head({0}, 7) + bytes(9, ""));
  REQUIRE(none.status == NACRE_OK);
  CHECK(none.array.elements == 0);
  CHECK(Parsed(head({4, 0}, 7)).status == NACRE_OK);
}

TEST_CASE("TensorProto: typed fields, packed or not") {
  Parsed floats(head({3}, 1) + bytes(4, bytesOf(1.f) + bytesOf(2.f)) +
                std::string("\x25") + bytesOf(3.f));
  REQUIRE(floats.status == NACRE_OK);
  CHECK(floats.values<float>() == std::vector<float>{1, 2, 3});

  Parsed doubles(bytes(10, bytesOf(1e300)) + std::string("\x51") +
                 bytesOf(-2.5) + bytes(1, varint(2)) + number(2, 11));
  REQUIRE(doubles.status == NACRE_OK);
  CHECK(doubles.values<double>() == std::vector<double>{1e300, -2.5});

  Parsed ints(head({3}, 6) + bytes(5, varint(7) + varint(uint64_t(-3))) +
              number(5, 2147483647));
  REQUIRE(ints.status == NACRE_OK);
  CHECK(ints.values<int32_t>() == std::vector<int32_t>{7, -3, 2147483647});

  Parsed longs(head({2}, 7) + number(7, uint64_t(INT64_MIN)) + number(7, 5));
  REQUIRE(longs.status == NACRE_OK);
  CHECK(longs.values<int64_t>() == std::vector<int64_t>{INT64_MIN, 5});

  Parsed naturals(head({1}, 13) + bytes(11, varint(UINT64_MAX)));
  REQUIRE(naturals.status == NACRE_OK);
  CHECK(naturals.values<uint64_t>() == std::vector<uint64_t>{UINT64_MAX});

  Parsed words(head({2}, 12) + bytes(11, varint(4294967295u) + varint(1)));
  REQUIRE(words.status == NACRE_OK);
  CHECK(words.values<uint32_t>() == std::vector<uint32_t>{4294967295u, 1});

  Parsed scalar(head({}, 6) + number(5, 9));
  REQUIRE(scalar.status == NACRE_OK);
  CHECK(scalar.array.rank == 0);
  CHECK(scalar.values<int32_t>() == std::vector<int32_t>{9});
}

TEST_CASE("TensorProto: small types live in int32_data") {
  Parsed half(head({1}, 10) + number(5, 0x3c00));
  REQUIRE(half.status == NACRE_OK);
  CHECK(half.array.dtype == std::string("f16"));
  CHECK(half.values<uint16_t>() == std::vector<uint16_t>{0x3c00});
  Parsed brain(head({1}, 16) + number(5, 0x3f80));
  CHECK(brain.array.dtype == std::string("bf16"));
  CHECK(brain.values<uint16_t>() == std::vector<uint16_t>{0x3f80});
  Parsed small(head({2}, 3) + number(5, uint64_t(-128)) + number(5, 127));
  CHECK(small.values<int8_t>() == std::vector<int8_t>{-128, 127});
  Parsed byte(head({1}, 2) + number(5, 255));
  CHECK(byte.values<uint8_t>() == std::vector<uint8_t>{255});
  Parsed shorter(head({1}, 5) + number(5, uint64_t(-32768)));
  CHECK(shorter.values<int16_t>() == std::vector<int16_t>{-32768});
  Parsed word(head({1}, 4) + number(5, 65535));
  CHECK(word.values<uint16_t>() == std::vector<uint16_t>{65535});
  Parsed truth(head({2}, 9) + number(5, 1) + number(5, 0));
  CHECK(truth.values<uint8_t>() == std::vector<uint8_t>{1, 0});
}

TEST_CASE("TensorProto: elements of 4 and 2 bits share bytes in the file") {
  Parsed four(head({3}, 22) + bytes(9, "\xa1\x0f"));
  REQUIRE(four.status == NACRE_OK);
  CHECK(four.array.dtype == std::string("i4"));
  CHECK(four.array.bytes == 3);
  CHECK(four.values<uint8_t>() == std::vector<uint8_t>{1, 10, 15});
  Parsed typed(head({2, 2}, 23) + number(5, 0xa1) + number(5, 0x0f));
  REQUIRE(typed.status == NACRE_OK);
  CHECK(typed.array.dtype == std::string("f4e2m1"));
  CHECK(typed.values<uint8_t>() == std::vector<uint8_t>{1, 10, 15, 0});
  Parsed two(head({5}, 25) + bytes(9, "\xe4\x02"));
  REQUIRE(two.status == NACRE_OK);
  CHECK(two.array.dtype == std::string("u2"));
  CHECK(two.values<uint8_t>() == std::vector<uint8_t>{0, 1, 2, 3, 2});
  Parsed eight(head({2}, 17) + bytes(5, varint(0x7e) + varint(0xff)));
  REQUIRE(eight.status == NACRE_OK);
  CHECK(eight.array.dtype == std::string("f8e4m3fn"));
  CHECK(eight.values<uint8_t>() == std::vector<uint8_t>{0x7e, 0xff});
  Parsed none(head({0}, 26) + bytes(9, ""));
  REQUIRE(none.status == NACRE_OK);
  CHECK(none.array.dtype == std::string("i2"));
  const char *names[] = {"f8e4m3fn", "f8e4m3fnuz", "f8e5m2", "f8e5m2fnuz",
                         "u4",       "i4",         "f4e2m1", "f8e8m0",
                         "u2",       "i2"};
  for (int i = 0; i < 10; ++i)
    CHECK(Parsed(head({1}, 17 + i) + bytes(9, "\1")).array.dtype ==
          std::string(names[i]));
  refused(head({3}, 21) + bytes(9, "1"), NACRE_E_FORMAT,
          "raw_data has 1 bytes, shape [3] u4 needs 2");
  refused(head({5}, 26) + number(5, 1), NACRE_E_FORMAT,
          "there are 1 values, shape [5] needs 2");
  refused(head({1}, 19) + number(5, 256), NACRE_E_FORMAT,
          "element 0 is 256, out of range for f8e5m2");
}

TEST_CASE("TensorProto: hostile messages are refused with a reason") {
  refused("", NACRE_E_DTYPE, "data_type 0 is not supported");
  refused(number(2, 8), NACRE_E_DTYPE, "data_type 8 is not supported");
  refused(number(2, 9999), NACRE_E_DTYPE, "data_type 9999 is not supported");
  refused("\x08", NACRE_E_FORMAT, "truncated at byte 1");
  refused("\x80", NACRE_E_FORMAT, "truncated at byte 1");
  refused("\x25\1\2\3", NACRE_E_FORMAT, "truncated at byte 4");
  refused("\x51\1\2\3", NACRE_E_FORMAT, "truncated at byte 4");
  refused("\x4a\x0aone", NACRE_E_FORMAT, "field 9 has 10 bytes, 3 are left");
  refused("\x4a\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", NACRE_E_FORMAT,
          "field 9 has 18446744073709551615 bytes, 0 are left");
  refused("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\2", NACRE_E_FORMAT,
          "varint over 64 bits at byte 11");
  refused("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", NACRE_E_FORMAT,
          "varint over 64 bits at byte 11");
  refused(std::string(1, '\0'), NACRE_E_FORMAT,
          "field number out of range at byte 1");
  refused("\x80\x80\x80\x80\x80\1", NACRE_E_FORMAT,
          "field number out of range at byte 6");
  refused("\x0b", NACRE_E_FORMAT, "unknown wire type at byte 1");
  refused("\x0e", NACRE_E_FORMAT, "unknown wire type at byte 1");
  refused("\x0d" + bytesOf(1.f), NACRE_E_FORMAT, "wrong wire type at byte 5");
  refused(bytes(2, "x"), NACRE_E_FORMAT, "wrong wire type at byte 3");
  refused(number(9, 1), NACRE_E_FORMAT, "wrong wire type at byte 2");
  refused(bytes(4, "12345"), NACRE_E_FORMAT, "truncated at byte 7");
  refused(bytes(3, ""), NACRE_E_FORMAT, "segmented tensors are not supported");
  refused(bytes(13, ""), NACRE_E_FORMAT,
          "external data is not supported in a tensor file");
  refused(number(14, 1), NACRE_E_FORMAT,
          "external data is not supported in a tensor file");
  refused(bytes(14, ""), NACRE_E_FORMAT, "wrong wire type at byte 2");
  refused(head({-4}, 1), NACRE_E_SHAPE, "dimension 0 is negative: -4");
  refused(head({int64_t(1) << 32, int64_t(1) << 32}, 1), NACRE_E_SHAPE,
          "shape has too many elements");
  refused(head({int64_t(1) << 40}, 1), NACRE_E_FORMAT,
          "there are 0 values, shape [1099511627776] needs 1099511627776");
  refused(head({4}, 1) + bytes(9, "123456789012"), NACRE_E_FORMAT,
          "raw_data has 12 bytes, shape [4] f32 needs 16");
  refused(head({4}, 1) + bytes(9, "12345678901234567890"), NACRE_E_FORMAT,
          "raw_data has 20 bytes, shape [4] f32 needs 16");
  refused(head({1}, 6) + number(5, 1) + number(5, 2), NACRE_E_FORMAT,
          "there are 2 values, shape [1] needs 1");
  refused(head({1}, 6) + number(5, 1) + bytes(9, "1234"), NACRE_E_FORMAT,
          "both raw_data and a typed field hold values");
  refused(head({1}, 6) + number(7, 1), NACRE_E_FORMAT,
          "the values are in a field of another type than data_type 6");
  refused(head({1}, 3) + number(5, 128), NACRE_E_FORMAT,
          "element 0 is 128, out of range for i8");
  refused(head({1}, 2) + bytes(5, varint(uint64_t(-1))), NACRE_E_FORMAT,
          "element 0 is -1, out of range for u8");
  refused(head({2}, 9) + number(5, 1) + number(5, 2), NACRE_E_FORMAT,
          "element 1 is 2, out of range for bool");
  refused(head({1}, 6) + number(5, 2147483648u), NACRE_E_FORMAT,
          "element 0 is 2147483648, out of range for i32");
  refused(head({1}, 12) + number(11, 4294967296u), NACRE_E_FORMAT,
          "element 0 is 4294967296, out of range for u32");
  refused(bytes(1, std::string(200000, '\1')), NACRE_E_LIMIT,
          "rank is more than 64");
}

TEST_CASE("TensorProto: a long shape is cut in the message") {
  std::vector<int64_t> shape(64, 1);
  shape[0] = 1000000;
  std::string text = Parsed(head(shape, 1)).error.text;
  CHECK(text.substr(0, 40) == "there are 0 values, shape [1000000, 1, 1");
  CHECK(text.find("...] needs 1000000") != std::string::npos);
}

TEST_CASE("TensorProto: no truncation and no changed byte crashes") {
  std::string whole = head({2}, 6) + bytes(8, "n") + bytes(5, varint(300)) +
                      number(5, uint64_t(-5));
  REQUIRE(Parsed(whole).status == NACRE_OK);
  for (size_t size = 0; size < whole.size(); ++size)
    REQUIRE(Parsed(whole.substr(0, size)).status != NACRE_OK);
  for (size_t at = 0; at < whole.size(); ++at)
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = whole;
      changed[at] = static_cast<char>(byte);
      Parsed p(changed);
      if (p.status == NACRE_OK)
        REQUIRE(p.array.bytes <= 16);
    }
}

TEST_CASE("TensorProto: files, and each failing call of libc") {
  Folder folder;
  std::string path =
      folder.write("x.pb", head({1}, 1) + bytes(9, bytesOf(8.f)));
  nacre_array array;
  nacre_error error;
  REQUIRE(nacre_onnx_tensor_read(path.c_str(), &array, &error) == NACRE_OK);
  CHECK(*static_cast<float *>(array.data) == 8.f);
  nacre_array_free(&array);
  long blocks = faults::blocks, descriptors = faults::descriptors;
  for (long n = 0; n < 2; ++n) {
    faults::failAllocation = n;
    CHECK(nacre_onnx_tensor_read(path.c_str(), &array, &error) ==
          NACRE_E_NOMEM);
    faults::none();
  }
  for (long n = 0; n < 3; ++n) {
    faults::failCall = n;
    CHECK(nacre_onnx_tensor_read(path.c_str(), &array, &error) == NACRE_E_IO);
    faults::none();
  }
  CHECK(faults::blocks == blocks);
  CHECK(faults::descriptors == descriptors);
}
