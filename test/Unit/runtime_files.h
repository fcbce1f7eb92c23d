// A folder for the files of one test, and files as strings.
#ifndef NACRE_TEST_UNIT_RUNTIME_FILES_H
#define NACRE_TEST_UNIT_RUNTIME_FILES_H

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

class Folder {
public:
  Folder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "nacre_XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder &) = delete;
  Folder &operator=(const Folder &) = delete;

  std::string file(const std::string &name) const { return path + "/" + name; }
  std::string write(const std::string &name, const std::string &bytes) const {
    std::ofstream(file(name), std::ios::binary) << bytes;
    return file(name);
  }
  std::string read(const std::string &name) const {
    std::ifstream in(file(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  long count() const {
    return std::distance(std::filesystem::directory_iterator(path), {});
  }
  std::string path;
};

// The bytes of a value, as they lie in memory.
template <typename T> std::string bytesOf(T value) {
  return std::string(reinterpret_cast<const char *>(&value), sizeof value);
}

// A .npy file of version 1.0 with this header text and data.
inline std::string npy(const std::string &header, const std::string &data) {
  auto size = static_cast<unsigned short>(header.size());
  return std::string("\x93NUMPY\1\0", 8) + bytesOf(size) + header + data;
}

#endif
