// Bundles that are wrong in one place, with status and text of the refusal.
#include "bundles.h"

#include <functional>

namespace {
struct Refusal {
  nacre_status status;
  std::string text;
};

Refusal refusal(const nacre_opencl_bundle &bundle) {
  nacre_opencl_model *model;
  nacre_error error = {};
  nacre_status status =
      nacre_opencl_load(testDevice(), &bundle, &model, &error);
  CHECK((model == nullptr) == (status != NACRE_OK));
  nacre_opencl_free(model);
  return {status, error.text};
}

void refused(const Bundle &b, nacre_status status, const std::string &text) {
  Embedded embedded(b);
  Refusal r = refusal(embedded.bundle);
  CHECK(r.status == status);
  CHECK(r.text == text);
}

using Edit = std::function<void(Json &)>;

void edited(Bundle b, nacre_status status, const std::string &text,
            const Edit &edit) {
  edit(b.manifest);
  refused(b, status, text);
}

void editedText(const std::string &text, nacre_status status,
                const std::string &message) {
  Bundle b = addBundle();
  Embedded embedded(text, b.kernels, "");
  Refusal r = refusal(embedded.bundle);
  CHECK(r.status == status);
  CHECK(r.text == message);
}

constexpr int64_t huge = INT64_MAX;
} // namespace

TEST_CASE("bad bundles: JSON") {
  std::string text = addBundle().text();
  editedText("", NACRE_E_FORMAT, "manifest.json: expected '{' at byte 0");
  editedText(text.substr(0, 1), NACRE_E_FORMAT,
             "manifest.json: expected a string at byte 1");
  editedText(text + "}", NACRE_E_FORMAT,
             "manifest.json: expected the end at byte " +
                 std::to_string(text.size()));
  editedText("[]", NACRE_E_FORMAT, "manifest.json: expected '{' at byte 0");
  editedText("{}", NACRE_E_FORMAT,
             "manifest.json: key 'nacre_bundle' is missing");
  editedText(R"({"nacre_bundle":1,"nacre_bundle":1})", NACRE_E_FORMAT,
             "manifest.json: key 'nacre_bundle' occurs twice");
  editedText(R"({"nacre_bundle":1.5})", NACRE_E_FORMAT,
             "manifest.json: expected ',' or '}' at byte 17");
  editedText(R"({"nacre_bundle":9223372036854775808})", NACRE_E_FORMAT,
             "manifest.json: a number does not fit in 63 bits at byte 34");
  editedText(R"({"x":)" + std::string(65, '['), NACRE_E_LIMIT,
             "manifest.json: nested deeper than 64 at byte 70");
  editedText(R"({"x":)" + std::string(1000000, '['), NACRE_E_LIMIT,
             "manifest.json: nested deeper than 64 at byte 70");
  editedText(R"({"x":)" + std::string(64, '['), NACRE_E_FORMAT,
             "manifest.json: expected a value at byte 69");
  editedText(R"({"x":[{"y":[-1.5e+3,null,true,"\u00e9",{}]}],"z":-})",
             NACRE_E_FORMAT, "manifest.json: expected a value at byte 50");
  editedText("{\"a\0\":1}", NACRE_E_FORMAT,
             "manifest.json: expected '\"' at byte 3");
  editedText(std::string("{\"a\0\":1}", 8), NACRE_E_FORMAT,
             "manifest.json: expected no control character at byte 3");
}

TEST_CASE("bad bundles: version, target, names") {
  Bundle b = addBundle();
  edited(b, NACRE_E_ABI,
         "manifest.json: version 2 of the format, this runtime reads 1",
         [](Json &m) {
           m = {{"nacre_bundle", 2}, {"target", "opencl"}, {"new", {1.5, "x"}}};
         });
  edited(b, NACRE_E_FORMAT,
         "manifest.json: made for target 'wgsl', not for 'opencl'",
         [](Json &m) { m["target"] = "wgsl"; });
  edited(b, NACRE_E_FORMAT, "manifest.json: key 'kernels' is missing",
         [](Json &m) { m.erase("kernels"); });
  edited(b, NACRE_E_FORMAT, "manifest.json: name 'a b' is no C identifier",
         [](Json &m) { m["name"] = "a b"; });
  edited(b, NACRE_E_FORMAT, "manifest.json: name '' is no C identifier",
         [](Json &m) { m["name"] = ""; });
  edited(b, NACRE_E_FORMAT, "manifest.json: input 'a' occurs twice",
         [](Json &m) { m["inputs"][1]["name"] = "a"; });
  edited(b, NACRE_E_FORMAT, "manifest.json: an input has no name",
         [](Json &m) { m["inputs"][1]["name"] = ""; });
  b.manifest["later"] = {{"unknown", {1, -2, 3.5}}}; // is stepped over
  Embedded embedded(b);
  CHECK(refusal(embedded.bundle).status == NACRE_OK);
}

TEST_CASE("bad bundles: tensors") {
  Bundle b = addBundle(), s = symbolicBundle();
  edited(b, NACRE_E_FORMAT, "manifest.json: inputs[1]: key 'offset' is missing",
         [](Json &m) { m["inputs"][1].erase("offset"); });
  edited(b, NACRE_E_DTYPE,
         "manifest.json: output 'y': unknown element type 'f8'",
         [](Json &m) { m["outputs"][0]["dtype"] = "f8"; });
  edited(b, NACRE_E_FORMAT,
         "manifest.json: output 'y': 20 bytes at 768 are outside the 768 of "
         "memory",
         [](Json &m) { m["outputs"][0]["offset"] = 768; });
  edited(b, NACRE_E_FORMAT,
         "manifest.json: output 'y': 20 bytes at 9223372036854775552 are "
         "outside the 768 of memory",
         [](Json &m) { m["outputs"][0]["offset"] = huge - 255; });
  edited(b, NACRE_E_FORMAT,
         "manifest.json: output 'y': offset 4 is no multiple of 256",
         [](Json &m) { m["outputs"][0]["offset"] = 4; });
  edited(b, NACRE_E_FORMAT,
         "manifest.json: output 'y': has 24 bytes, its shape needs 20",
         [](Json &m) { m["outputs"][0]["bytes"] = 24; });
  edited(b, NACRE_E_SHAPE,
         "manifest.json: output 'y': dimension 0 is negative: -5",
         [](Json &m) { m["outputs"][0]["shape"] = {-5}; });
  edited(b, NACRE_E_SHAPE,
         "manifest.json: output 'y': shape has too many elements",
         [](Json &m) { m["outputs"][0]["shape"] = {huge, huge}; });
  edited(b, NACRE_E_LIMIT,
         "manifest.json: output 'y': rank 65 is not in 0 to 64",
         [](Json &m) { m["outputs"][0]["shape"] = std::vector<int>(65, 1); });
  edited(s, NACRE_E_FORMAT,
         "manifest.json: input 'x': 'dims' and 'shape' differ in length",
         [](Json &m) { m["inputs"][0]["dims"] = {0}; });
  edited(s, NACRE_E_FORMAT,
         "manifest.json: input 'x': axis 1: there is no dim 1",
         [](Json &m) { m["inputs"][0]["dims"][1] = 1; });
  edited(s, NACRE_E_FORMAT,
         "manifest.json: input 'x': axis 1: there is no dim -2",
         [](Json &m) { m["inputs"][0]["dims"][1] = -2; });
  edited(s, NACRE_E_FORMAT,
         "manifest.json: input 'x': axis 1: extent 3, the bound of dim 'N' is "
         "8",
         [](Json &m) { m["inputs"][0]["dims"][1] = 0; });
  edited(s, NACRE_E_LIMIT,
         "manifest.json: dim 'N': bound 2147483648 is more than 2147483647",
         [](Json &m) { m["dims"][0]["bound"] = int64_t(1) << 31; });
  edited(s, NACRE_E_FORMAT, "manifest.json: dim 'N' occurs twice",
         [](Json &m) { m["dims"].push_back(m["dims"][0]); });
  edited(s, NACRE_E_FORMAT, "manifest.json: dim 0 has no name",
         [](Json &m) { m["dims"][0]["name"] = ""; });
  edited(s, NACRE_E_LIMIT, "manifest.json: 257 symbolic dims, at most 256",
         [](Json &m) {
           for (int i = 0; i < 256; ++i)
             m["dims"].push_back({{"name", std::to_string(i)}, {"bound", 1}});
         });
}

TEST_CASE("bad bundles: kernels") {
  Bundle b = addBundle(), c = chainBundle(), s = symbolicBundle();
  auto kernel = [](Json &m) -> Json & { return m["kernels"][0]; };
  const std::string at = "manifest.json: kernel 0 'sum': ";
  auto wrong = [&](nacre_status status, const std::string &why,
                   const Edit &edit) {
    edited(b, status, at + why, [&](Json &m) { edit(kernel(m)); });
  };
  edited(b, NACRE_E_FORMAT,
         "manifest.json: kernels[0].buffers[2]: key 'space' is neither "
         "'memory' nor 'weights'",
         [](Json &m) { m["kernels"][0]["buffers"][2]["space"] = "status"; });
  edited(b, NACRE_E_FORMAT,
         "manifest.json: kernels[0].buffers[2]: key 'write' is missing",
         [](Json &m) { m["kernels"][0]["buffers"][2].erase("write"); });
  edited(b, NACRE_E_FORMAT,
         "manifest.json: kernels[0]: key 'local' has not three extents",
         [](Json &m) { m["kernels"][0]["local"] = {4, 1}; });
  wrong(NACRE_E_FORMAT,
        "buffer 2: 20 bytes at 749 are outside the 768 of memory",
        [](Json &k) { k["buffers"][2]["offset"] = 749; });
  wrong(NACRE_E_FORMAT,
        "buffer 2: 9223372036854775807 bytes at 512 are outside the 768 of "
        "memory",
        [](Json &k) { k["buffers"][2]["bytes"] = huge; });
  wrong(NACRE_E_FORMAT,
        "buffer 2: 20 bytes at 9223372036854775807 are outside the 768 of "
        "memory",
        [](Json &k) { k["buffers"][2]["offset"] = huge; });
  wrong(NACRE_E_FORMAT, "buffer 0: the model has no weights",
        [](Json &k) { k["buffers"][0]["space"] = "weights"; });
  wrong(NACRE_E_FORMAT, "buffer 2 writes to weights",
        [](Json &k) { k["buffers"][2]["space"] = "weights"; });
  wrong(NACRE_E_FORMAT, "local [0, 1, 1] is no size of a group",
        [](Json &k) { k["local"][0] = 0; });
  wrong(NACRE_E_FORMAT, "local [4, -1, 1] is no size of a group",
        [](Json &k) { k["local"][1] = -1; });
  wrong(NACRE_E_FORMAT,
        "local [9223372036854775807, 2, 1] is no size of a group",
        [](Json &k) { k["local"] = {huge, 2, 1}; });
  wrong(NACRE_E_FORMAT, "tasks_per_group is 0",
        [](Json &k) { k["tasks_per_group"] = 0; });
  wrong(NACRE_E_FORMAT, "task_dim: there is no dim 0",
        [](Json &k) { k["task_dim"] = 0; });
  wrong(NACRE_E_FORMAT, "task_dim: there is no dim -2",
        [](Json &k) { k["task_dim"] = -2; });
  wrong(NACRE_E_FORMAT, "dims: there is no dim 0",
        [](Json &k) { k["dims"] = {0}; });
  wrong(NACRE_E_LIMIT, "9223372036854775807 tasks are too many",
        [](Json &k) { k["tasks"] = huge; });
  wrong(NACRE_E_FORMAT, "entry 'a;b' is no name of a function",
        [](Json &k) { k["entry"] = "a;b"; });
  edited(s, NACRE_E_LIMIT,
         "manifest.json: kernel 0 'increment': 9223372036854775807 tasks are "
         "too many",
         [](Json &m) { m["kernels"][0]["tasks"] = huge; });
  edited(b, NACRE_E_FORMAT,
         "manifest.json: expected a natural number at byte 924",
         [](Json &m) { m["kernels"][0]["tasks"] = -5; });
  edited(b, NACRE_E_FORMAT, "manifest.json: expected '[' at byte 11",
         [](Json &m) { m["dims"] = Json::object(); });
  edited(c, NACRE_E_FORMAT,
         "manifest.json: kernel 2 'bias': buffer 1: 17 bytes at 256 are "
         "outside the 272 of weights",
         [](Json &m) { m["kernels"][2]["buffers"][1]["bytes"] = 17; });
}

TEST_CASE("bad bundles: kernels that do not fit their text") {
  Bundle b = addBundle(), s = symbolicBundle();
  const std::string at = "model 'add', kernel 0 'sum': ";
  auto wrong = [&](nacre_status status, const std::string &why,
                   const Edit &edit) {
    edited(b, status, at + why, [&](Json &m) { edit(m["kernels"][0]); });
  };
  wrong(NACRE_E_FORMAT, "the kernels have no function 'gone'",
        [](Json &k) { k["entry"] = "gone"; });
  wrong(NACRE_E_FORMAT, "passes 4 arguments, function 'add' takes 6",
        [](Json &k) { k["buffers"].erase(2); });
  wrong(NACRE_E_FORMAT, "passes 7 arguments, function 'add' takes 6",
        [](Json &k) { k["status"] = true; });
  edited(s, NACRE_E_FORMAT,
         "model 'symbolic', kernel 0 'increment': argument 4 of function "
         "'increment' is not a buffer",
         [](Json &m) {
           m["kernels"][0]["status"] = true;
           m["kernels"][0]["dims"] = Json::array();
         });
  edited(s, NACRE_E_FORMAT,
         "model 'symbolic', kernel 0 'increment': local is [6, 1, 1], function "
         "'increment' requires [8, 1, 1]",
         [](Json &m) { m["kernels"][0]["local"][0] = 6; });
  Bundle swapped = s;
  swapped.kernels = "kernel void increment(global char *x, ulong xo,"
                    " global char *y, ulong yo, float n) {}";
  refused(swapped, NACRE_E_FORMAT,
          "model 'symbolic', kernel 0 'increment': argument 4 of function "
          "'increment' is not int");
  Bundle nothing = b;
  nothing.kernels.clear();
  refused(nothing, NACRE_E_FORMAT, "model 'add': kernels are empty");
  Bundle zero = b;
  zero.kernels += '\0';
  refused(zero, NACRE_E_FORMAT,
          "model 'add': kernels have a zero byte at " +
              std::to_string(b.kernels.size()));
}

TEST_CASE("bad bundles: what the device cannot do") {
  Bundle b = addBundle();
  const nacre_opencl_info *info = nacre_opencl_describe(testDevice());
  auto number = [](uint64_t n) { return std::to_string(n); };
  std::string device = "device '" + std::string(info->name).substr(0, 64) + "'";
  edited(b, NACRE_E_LIMIT,
         "model 'add': memory of 9223372036854775807 bytes is one buffer, " +
             device + " allows " + number(info->max_buffer_bytes),
         [](Json &m) { m["memory_bytes"] = huge; });
  edited(b, NACRE_E_LIMIT,
         "model 'add': needs 9223372036854775807 bytes of a group's memory, " +
             device + " has " + number(info->local_bytes),
         [](Json &m) { m["limits"]["workgroup_bytes"] = huge; });
  edited(b, NACRE_E_LIMIT,
         "model 'add', kernel 0 'sum': " + number(info->max_group + 1) +
             " work-items in a group, " + device + " allows " +
             number(info->max_group),
         [&](Json &m) { m["kernels"][0]["local"][0] = info->max_group + 1; });
}

TEST_CASE("bad bundles: files in memory") {
  Bundle b = chainBundle();
  Embedded embedded(b);
  nacre_opencl_bundle bundle = embedded.bundle;
  auto fails = [&](nacre_status status, const std::string &text) {
    Refusal r = refusal(bundle);
    CHECK(r.status == status);
    CHECK(r.text == text);
    bundle = embedded.bundle;
  };
  std::string size = std::to_string(b.kernels.size());
  --bundle.kernels_bytes;
  fails(NACRE_E_FORMAT, "kernels: has " + std::to_string(b.kernels.size() - 1) +
                            " bytes, the manifest says " + size);
  --bundle.weights_bytes;
  fails(NACRE_E_FORMAT, "weights: has 271 bytes, the manifest says 272");
  bundle.weights = nullptr;
  fails(NACRE_E_ARG, "model 'chain' needs the weights of its side file");
  bundle.kernels = nullptr;
  fails(NACRE_E_ARG, "no device, or no bundle");
  bundle.manifest = nullptr;
  fails(NACRE_E_ARG, "no device, or no bundle");
  CHECK(nacre_opencl_load(testDevice(), &bundle, nullptr, nullptr) ==
        NACRE_E_ARG);
}

namespace {
// A folder with the chain, spoilt by `spoil`; "FOLDER" in the text is its path.
void folderRefused(nacre_status status, std::string text,
                   const std::function<void(const Folder &, Bundle &)> &spoil) {
  Folder folder;
  Bundle b = chainBundle();
  b.writeTo(folder);
  spoil(folder, b);
  nacre_opencl_model *model;
  nacre_error error = {};
  CHECK(nacre_opencl_load_folder(testDevice(), folder.path.c_str(), &model,
                                 &error) == status);
  CHECK(model == nullptr);
  for (size_t at; (at = text.find("FOLDER")) != std::string::npos;)
    text.replace(at, 6, folder.path);
  CHECK(error.text == text);
}

void editFile(const Folder &folder, const char *file, const char *key,
              const Json &value) {
  Json m = Json::parse(folder.read("manifest.json"));
  m["files"][file][key] = value;
  folder.write("manifest.json", m.dump());
}
} // namespace

TEST_CASE("bad bundles: folders") {
  using F = const Folder &;
  using B = Bundle &;
  const std::string none = ": No such file or directory";
  folderRefused(
      NACRE_E_IO, "cannot open 'FOLDER/manifest.json'" + none,
      [](F f, B) { std::filesystem::remove(f.file("manifest.json")); });
  folderRefused(NACRE_E_IO, "cannot open 'FOLDER/kernels.cl'" + none,
                [](F f, B) { std::filesystem::remove(f.file("kernels.cl")); });
  folderRefused(
      NACRE_E_IO, "cannot open 'FOLDER/weights.safetensors'" + none,
      [](F f, B) { std::filesystem::remove(f.file("weights.safetensors")); });
  folderRefused(NACRE_E_FORMAT,
                "FOLDER/manifest.json: expected a string at byte 1",
                [](F f, B) { f.write("manifest.json", "{"); });
  std::string text = chainBundle().kernels, other = text;
  other.back() = ' ';
  std::string file = safetensors(chainBundle().weights), image = file;
  image.back() ^= 1;
  std::string size = std::to_string(text.size());
  folderRefused(NACRE_E_FORMAT,
                "FOLDER/kernels.cl: has 100 bytes, the manifest says " + size,
                [&](F f, B) { f.write("kernels.cl", text.substr(0, 100)); });
  folderRefused(NACRE_E_FORMAT,
                "FOLDER/kernels.cl: SHA-256 is " + sha256(other) +
                    ", the manifest says " + sha256(text),
                [&](F f, B) { f.write("kernels.cl", other); });
  folderRefused(
      NACRE_E_FORMAT,
      "FOLDER/weights.safetensors: has " + std::to_string(file.size() - 1) +
          " bytes, the manifest says " + std::to_string(file.size()),
      [&](F f, B) {
        f.write("weights.safetensors", file.substr(0, file.size() - 1));
      });
  folderRefused(NACRE_E_FORMAT,
                "FOLDER/weights.safetensors: SHA-256 is " + sha256(image) +
                    ", the manifest says " + sha256(file),
                [&](F f, B) { f.write("weights.safetensors", image); });
  auto withWeights = [](F f, const std::string &bytes) {
    f.write("weights.safetensors", bytes);
    editFile(f, "weights", "bytes", bytes.size());
    editFile(f, "weights", "sha256", sha256(bytes));
  };
  folderRefused(
      NACRE_E_FORMAT,
      "FOLDER/weights.safetensors: weights have 271 bytes, model "
      "'chain' needs 272",
      [&](F f, B b) { withWeights(f, safetensors(b.weights.substr(1))); });
  folderRefused(NACRE_E_FORMAT,
                "FOLDER/weights.safetensors: truncated at byte 3",
                [&](F f, B) { withWeights(f, "abc"); });
  for (const char *name : {"../kernels.cl", "/etc/passwd", "", ".", ".."})
    folderRefused(NACRE_E_FORMAT,
                  "FOLDER/manifest.json: file '" + std::string(name) +
                      "' is no name of a file",
                  [&](F f, B) { editFile(f, "kernels", "name", name); });
  for (const char *hash : {"", "12", "Z"})
    folderRefused(NACRE_E_FORMAT,
                  "FOLDER/manifest.json: file 'weights.safetensors' has no "
                  "SHA-256 of 64 lower-case hexadecimal digits",
                  [&](F f, B) { editFile(f, "weights", "sha256", hash); });
  folderRefused(NACRE_E_FORMAT,
                "FOLDER/manifest.json: 272 bytes of weights without a file",
                [](F f, B) {
                  Json m = Json::parse(f.read("manifest.json"));
                  m["files"].erase("weights");
                  f.write("manifest.json", m.dump());
                });
  folderRefused(NACRE_E_IO, "'FOLDER/kernels.cl' is not a regular file",
                [](F f, B) {
                  std::filesystem::remove(f.file("kernels.cl"));
                  std::filesystem::create_directory(f.file("kernels.cl"));
                });
  nacre_opencl_model *model;
  CHECK(nacre_opencl_load_folder(testDevice(), nullptr, &model, nullptr) ==
        NACRE_E_ARG);
  CHECK(nacre_opencl_load_folder(testDevice(), "/nonexistent", nullptr,
                                 nullptr) == NACRE_E_ARG);
}
