#include "bundles.h"

extern "C" {
#include "opencl/device.h"
#include "src/sha256.h"
}

#include <cstdio>
#include <cstring>
#include <sys/stat.h>

namespace {
std::string failure(const char *selector) {
  nacre_error error = {};
  nacre_opencl_device *device;
  nacre_status status = nacre_opencl_open(selector, &device, &error);
  if (!status) {
    nacre_opencl_close(device);
    return "opened";
  }
  CHECK(status == NACRE_E_DEVICE);
  CHECK(device == nullptr);
  return error.text;
}

// What this program says with --open in another environment.
std::string openIn(const std::string &environment) {
  std::string command = "env " + environment + " " NACRE_OPENCL_TESTS " --open";
  FILE *out = popen(command.c_str(), "r");
  REQUIRE(out);
  char text[2048] = "";
  size_t size = fread(text, 1, sizeof text - 1, out);
  text[size] = 0;
  pclose(out);
  return text;
}
} // namespace

TEST_CASE("a device is chosen by index or by a part of a name") {
  const nacre_opencl_info *info = nacre_opencl_describe(testDevice());
  std::string name = info->name, platform = info->platform;
  CHECK(failure("0:0") == "opened");
  CHECK(failure("") == "opened");
  CHECK(failure(name.c_str()) == "opened");
  std::string upper;
  for (char c : platform.substr(0, 8))
    upper += char(toupper(c));
  CHECK(failure(upper.c_str()) == "opened");
  for (const char *selector : {"no such thing", "7:7", "0:99", "0:", "0:0x",
                               "0:-1", "99999999999:0", "0: 0"}) {
    std::string text = failure(selector);
    INFO(text);
    CHECK(text.rfind("no OpenCL device is '" + std::string(selector) +
                         "'; there are 0:0 '",
                     0) == 0);
    CHECK(text.find("' of '") != std::string::npos);
  }
  Environment chosen("NACRE_OPENCL_DEVICE", "nonsense");
  CHECK(failure(nullptr).rfind("no OpenCL device is 'nonsense'", 0) == 0);
  CHECK(failure("0:0") == "opened");
  CHECK(nacre_opencl_open("0:0", nullptr, nullptr) == NACRE_E_ARG);
  nacre_opencl_close(nullptr);
  nacre_opencl_free(nullptr);
}

TEST_CASE("without a platform the message says what to install") {
  CHECK(openIn("OCL_ICD_VENDORS=/nonexistent/") ==
        "11 no OpenCL platform is installed; Debian's package pocl-opencl-icd "
        "brings one for the processor");
}

TEST_CASE("a device describes itself") {
  const nacre_opencl_info *info = nacre_opencl_describe(testDevice());
  CHECK(strlen(info->name) > 0);
  CHECK(strlen(info->platform_version) > 0);
  CHECK(strlen(info->driver_version) > 0);
  CHECK(info->global_bytes >= info->max_buffer_bytes);
  CHECK(info->max_buffer_bytes > 0);
  CHECK(info->local_bytes > 0);
  CHECK(info->max_group > 0);
  CHECK(info->compute_units > 0);
}

TEST_CASE("SHA-256") {
  CHECK(sha256("") ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(sha256(std::string(1000000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  // More bits than 32 count.
  CHECK(sha256(std::string(size_t(513) << 20, '\0')) ==
        "a3e2acbb469e4e59dde406f912e754c933c1ac0fb0092a3634d61d5073309c0c");
  // In pieces of any size it is the same.
  for (size_t piece : {1, 3, 63, 64, 65}) {
    std::string text(300, 'x');
    nacre_sha256 hash;
    nacre_sha256_begin(&hash);
    for (size_t at = 0; at < text.size(); at += piece)
      nacre_sha256_add(&hash, text.data() + at,
                       std::min(piece, text.size() - at));
    CHECK(nacre_sha256_end(&hash).text == sha256(text));
  }
}

namespace {
// Loads and runs the sum on a device opened in this environment.
void useOnce() {
  nacre_opencl_device *device;
  nacre_error error = {};
  REQUIRE(nacre_opencl_open(nullptr, &device, &error) == NACRE_OK);
  {
    Model model(addBundle(), device);
    float a[5] = {1, 2, 3, 4, 5}, y[5] = {};
    const void *inputs[] = {a, a};
    void *outputs[] = {y};
    CHECK(nacre_opencl_run(model, inputs, outputs, nullptr, &error) ==
          NACRE_OK);
    CHECK(y[4] == 10);
  }
  nacre_opencl_close(device);
}

std::string onlyFile(const std::string &folder) {
  auto it = std::filesystem::directory_iterator(folder);
  std::string name = it->path().filename();
  CHECK(++it == std::filesystem::directory_iterator());
  return name;
}

ino_t inodeOf(const std::string &path) {
  struct stat info = {};
  CHECK(stat(path.c_str(), &info) == 0);
  return info.st_ino;
}
} // namespace

TEST_CASE("built programs are cached, and a damaged cache is replaced") {
  Folder folder;
  std::string cache = folder.file("a/b");
  Environment to("NACRE_CACHE_DIR", cache.c_str());
  useOnce();
  std::string name = onlyFile(cache);
  CHECK(name.size() == 64 + 6);
  std::string file = cache + "/" + name;
  ino_t before = inodeOf(file);
  std::string good = folder.read("a/b/" + name);
  useOnce();
  CHECK(inodeOf(file) == before); // a hit writes nothing

  std::string flipped = good;
  flipped[good.size() / 2] ^= 1;
  std::string rubbish = "not a program of this device";
  std::string unfit = "nacre opencl program 1\n" + sha256(rubbish) + rubbish;
  for (const std::string &bad :
       {std::string(), std::string("x"), good.substr(0, 87),
        good.substr(0, good.size() - 1), flipped, unfit}) {
    folder.write("a/b/" + name, bad);
    useOnce();
    CHECK(folder.read("a/b/" + name) != bad);
    CHECK(onlyFile(cache) == name);
    before = inodeOf(file);
    useOnce();
    CHECK(inodeOf(file) == before);
  }
}

TEST_CASE("where the cache is") {
  auto place = [](bool byDefault) -> std::string {
    char *folder = nacre_cache_folder(byDefault);
    std::string result = folder ? folder : "none";
    free(folder);
    return result;
  };
  Environment own("NACRE_CACHE_DIR", "/own"), xdg("XDG_CACHE_HOME", "/xdg"),
      home("HOME", "/home/me");
  CHECK(place(true) == "/own");
  CHECK(place(false) == "/own");
  {
    Environment off("NACRE_CACHE_DIR", "");
    CHECK(place(true) == "none");
  }
  Environment notOwn("NACRE_CACHE_DIR", nullptr);
  CHECK(place(true) == "/xdg/nacre");
  CHECK(place(false) == "none");
  {
    Environment relative("XDG_CACHE_HOME", "relative");
    CHECK(place(true) == "/home/me/.cache/nacre");
  }
  Environment notXdg("XDG_CACHE_HOME", nullptr);
  CHECK(place(true) == "/home/me/.cache/nacre");
  Environment homeless("HOME", nullptr);
  CHECK(place(true) == "none");
}

TEST_CASE("a cache that cannot be written is none") {
  Folder folder;
  folder.write("file", "");
  Environment bad("NACRE_CACHE_DIR", folder.file("file/below").c_str());
  useOnce();
  CHECK(folder.count() == 1);
}

TEST_CASE("kernels that do not compile leave their log") {
  Bundle b = addBundle();
  b.kernels += "kernel void broken(global float *y) { y[0] = undeclared; }\n";
  Embedded embedded(b);
  nacre_opencl_model *model;
  nacre_error error = {};
  CHECK(nacre_opencl_load(testDevice(), &embedded.bundle, &model, &error) ==
        NACRE_E_FORMAT);
  CHECK(model == nullptr);
  std::string text = error.text;
  INFO(text);
  CHECK(text.rfind("model 'add': kernels do not compile: CL_", 0) == 0);
  CHECK(text.find('\n') == std::string::npos);
  CHECK(std::string(nacre_opencl_build_log(testDevice())).find("undeclared") !=
        std::string::npos);
}
