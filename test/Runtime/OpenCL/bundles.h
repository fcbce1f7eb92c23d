// Small bundles written by hand, in memory and as folders.
#ifndef NACRE_TEST_RUNTIME_OPENCL_BUNDLES_H
#define NACRE_TEST_RUNTIME_OPENCL_BUNDLES_H

#include "../../Unit/runtime_catch.h"
#include "../../Unit/runtime_files.h"

#include <cstdint>
#include <nacre/opencl.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

using Json = nlohmann::json;

struct Bundle {
  Json manifest;
  std::string kernels;
  std::string weights; // the image

  // The manifest with what it says of the files.
  std::string text() const;
  void writeTo(const Folder &folder) const;
};

// y = a + b, five f32.
Bundle addBundle();
// t = 2 x in the arena, y = t + w; four f32, w = 10 20 30 40.
Bundle chainBundle();
// y = x + 1 of x[N, 3], N up to 8; two rows a group.
Bundle symbolicBundle();
// y = x[i] of x[4] f32, i[2] i64; reports a wrong index.
Bundle gatherBundle();
// Every second kernel of the text is the model's, and no input or output has
// elements.
Bundle emptyBundle();

// A safetensors file with one tensor of u8.
std::string safetensors(const std::string &image,
                        const std::string &name = "weights");
std::string sha256(const std::string &bytes);

// A bundle as the compiler embeds it; points into strings it owns.
class Embedded {
public:
  explicit Embedded(const Bundle &b)
      : Embedded(b.text(), b.kernels, b.weights) {}
  Embedded(std::string manifestText, std::string kernelText, std::string image)
      : manifest(std::move(manifestText)), kernels(std::move(kernelText)),
        weights(std::move(image)) {
    // At exactly its size: one byte too far is seen by AddressSanitizer.
    exact.assign(manifest.begin(), manifest.end());
    exact.shrink_to_fit();
    bundle = {exact.empty() ? "" : exact.data(),
              exact.size(),
              kernels.data(),
              kernels.size(),
              weights.empty() ? nullptr : weights.data(),
              weights.size()};
  }
  Embedded(const Embedded &) = delete;
  Embedded &operator=(const Embedded &) = delete;
  nacre_opencl_bundle bundle;

private:
  std::string manifest, kernels, weights;
  std::vector<char> exact;
};

// The device that all tests share.
nacre_opencl_device *testDevice();

// A model that is freed.
class Model {
public:
  explicit Model(const Bundle &b, nacre_opencl_device *device = testDevice()) {
    Embedded embedded(b);
    error.text[0] = 0;
    status = nacre_opencl_load(device, &embedded.bundle, &model, &error);
    INFO(error.text);
    REQUIRE(status == NACRE_OK);
  }
  ~Model() { nacre_opencl_free(model); }
  Model(const Model &) = delete;
  Model &operator=(const Model &) = delete;
  operator nacre_opencl_model *() const { return model; }
  nacre_status status;
  nacre_error error;

private:
  nacre_opencl_model *model = nullptr;
};

// An environment variable for as long as this lives; null unsets it.
class Environment {
public:
  Environment(const char *variable, const char *value) : name(variable) {
    const char *was = getenv(variable);
    had = was != nullptr;
    before = was ? was : "";
    set(value);
  }
  ~Environment() { set(had ? before.c_str() : nullptr); }
  Environment(const Environment &) = delete;
  Environment &operator=(const Environment &) = delete;

private:
  void set(const char *value) {
    if (value)
      setenv(name.c_str(), value, 1);
    else
      unsetenv(name.c_str());
  }
  std::string name, before;
  bool had;
};

#endif
