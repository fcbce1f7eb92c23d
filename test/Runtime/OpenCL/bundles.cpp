#include "bundles.h"

extern "C" {
#include "src/sha256.h"
}

namespace {
Json tensor(const char *name, const char *dtype, std::vector<int64_t> shape,
            int64_t offset, int64_t bytes) {
  return {{"name", name},
          {"dtype", dtype},
          {"shape", shape},
          {"offset", offset},
          {"bytes", bytes}};
}

Json buffer(const char *space, int64_t offset, int64_t bytes, bool write) {
  return {
      {"space", space}, {"offset", offset}, {"bytes", bytes}, {"write", write}};
}

Json launch(const char *name, const char *entry, int64_t tasks,
            int64_t tasksPerGroup, int64_t local, Json buffers) {
  return {{"name", name},
          {"entry", entry},
          {"computes", "what the test says"},
          {"flops", tasks},
          {"bytes", 8 * tasks},
          {"tasks", tasks},
          {"task_dim", -1},
          {"tasks_per_group", tasksPerGroup},
          {"local", {local, 1, 1}},
          {"buffers", buffers},
          {"status", false},
          {"dims", Json::array()}};
}

Json manifest(const char *name, int64_t memory, int64_t weights) {
  return {{"nacre_bundle", 1},
          {"target", "opencl"},
          {"name", name},
          {"inputs", Json::array()},
          {"outputs", Json::array()},
          {"dims", Json::array()},
          {"memory_bytes", memory},
          {"weights_bytes", weights},
          {"limits",
           {{"storage_buffers", 3},
            {"binding_bytes", memory},
            {"workgroup_bytes", 0},
            {"invocations", 64},
            {"groups", 65535}}},
          {"kernels", Json::array()}};
}

const char *const parameters = R"(#define F(b, o) ((global float *)((b) + (o)))
)";
} // namespace

std::string sha256(const std::string &bytes) {
  nacre_sha256 hash;
  nacre_sha256_begin(&hash);
  nacre_sha256_add(&hash, bytes.data(), bytes.size());
  return nacre_sha256_end(&hash).text;
}

std::string safetensors(const std::string &image, const std::string &name) {
  std::string size = std::to_string(image.size());
  std::string header = "{\"" + name + R"(":{"dtype":"U8","shape":[)" + size +
                       R"(],"data_offsets":[0,)" + size + "]}}";
  header.resize((header.size() + 8 + 63) / 64 * 64 - 8, ' ');
  return bytesOf(uint64_t(header.size())) + header + image;
}

std::string Bundle::text() const {
  Json all = manifest;
  if (!all.contains("files")) {
    all["files"]["kernels"] = {{"name", "kernels.cl"},
                               {"bytes", kernels.size()},
                               {"sha256", sha256(kernels)}};
    if (!weights.empty()) {
      std::string file = safetensors(weights);
      all["files"]["weights"] = {{"name", "weights.safetensors"},
                                 {"bytes", file.size()},
                                 {"sha256", sha256(file)}};
    }
  }
  return all.dump(1);
}

void Bundle::writeTo(const Folder &folder) const {
  folder.write("manifest.json", text());
  folder.write("kernels.cl", kernels);
  if (!weights.empty())
    folder.write("weights.safetensors", safetensors(weights));
}

Bundle addBundle() {
  Bundle b;
  b.manifest = manifest("add", 768, 0);
  b.manifest["inputs"] = {tensor("a", "f32", {5}, 0, 20),
                          tensor("b", "f32", {5}, 256, 20)};
  b.manifest["outputs"] = {tensor("y", "f32", {5}, 512, 20)};
  b.manifest["kernels"] = {
      launch("sum", "add", 5, 4, 4,
             {buffer("memory", 0, 20, false), buffer("memory", 256, 20, false),
              buffer("memory", 512, 20, true)})};
  b.kernels = std::string(parameters) + R"(
kernel void add(global char *a, ulong ao, global char *b, ulong bo,
                global char *y, ulong yo) {
  size_t i = get_global_id(0);
  if (i < 5)
    F(y, yo)[i] = F(a, ao)[i] + F(b, bo)[i];
}
)";
  return b;
}

Bundle chainBundle() {
  Bundle b;
  float w[] = {10, 20, 30, 40};
  b.weights.assign(256, '\0');
  b.weights += std::string(reinterpret_cast<const char *>(w), sizeof w);
  b.manifest = manifest("chain", 768, 272);
  b.manifest["inputs"] = {tensor("x", "f32", {2, 2}, 256, 16)};
  b.manifest["outputs"] = {tensor("y", "f32", {4}, 512, 16)};
  b.manifest["kernels"] = {
      launch("double", "twice", 4, 4, 4,
             {buffer("memory", 256, 16, false), buffer("memory", 0, 16, true)}),
      launch("nothing", "absent", 0, 4, 4, Json::array()),
      launch("bias", "plus", 4, 1, 1,
             {buffer("memory", 0, 16, false), buffer("weights", 256, 16, false),
              buffer("memory", 512, 16, true)})};
  b.manifest["kernels"][1]["entry"] = "idle";
  b.kernels = std::string(parameters) + R"(
kernel void twice(global char *x, ulong xo, global char *y, ulong yo) {
  size_t i = get_global_id(0);
  F(y, yo)[i] = 2 * F(x, xo)[i];
}
kernel void idle(void) {}
kernel void plus(global char *x, ulong xo, global const char *w, ulong wo,
                 global char *y, ulong yo) {
  size_t i = get_global_id(0);
  F(y, yo)[i] = F(x, xo)[i] + ((global const float *)(w + wo))[i];
}
)";
  return b;
}

Bundle symbolicBundle() {
  Bundle b;
  b.manifest = manifest("symbolic", 512, 0);
  Json x = tensor("x", "f32", {8, 3}, 0, 96),
       y = tensor("y", "f32", {8, 3}, 256, 96);
  x["dims"] = y["dims"] = {0, -1};
  b.manifest["inputs"] = {x};
  b.manifest["outputs"] = {y};
  b.manifest["dims"] = {{{"name", "N"}, {"bound", 8}}};
  Json k =
      launch("increment", "increment", 3, 6, 8,
             {buffer("memory", 0, 96, false), buffer("memory", 256, 96, true)});
  k["task_dim"] = 0;
  k["dims"] = {0};
  b.manifest["kernels"] = {k};
  b.kernels = std::string(parameters) + R"(
kernel __attribute__((reqd_work_group_size(8, 1, 1)))
void increment(global char *x, ulong xo, global char *y, ulong yo, int n) {
  size_t i = get_group_id(0) * 6 + get_local_id(0);
  if (get_local_id(0) < 6 && i < 3 * (size_t)n)
    F(y, yo)[i] = F(x, xo)[i] + 1;
}
)";
  return b;
}

Bundle gatherBundle() {
  Bundle b;
  b.manifest = manifest("gather", 768, 0);
  b.manifest["inputs"] = {tensor("x", "f32", {4}, 0, 16),
                          tensor("i", "i64", {2}, 256, 16)};
  b.manifest["outputs"] = {tensor("y", "f32", {2}, 512, 8)};
  Json k =
      launch("look up", "gather", 2, 2, 2,
             {buffer("memory", 0, 16, false), buffer("memory", 256, 16, false),
              buffer("memory", 512, 8, true)});
  k["status"] = true;
  b.manifest["kernels"] = {k};
  b.kernels = std::string(parameters) + R"(
kernel void gather(global char *x, ulong xo, global char *i, ulong io,
                   global char *y, ulong yo, global int *status) {
  size_t t = get_global_id(0);
  long at = ((global long *)(i + io))[t];
  if (at < 0 || at >= 4)
    *status = 2;
  else
    F(y, yo)[t] = F(x, xo)[at];
}
)";
  return b;
}

Bundle emptyBundle() {
  Bundle b;
  b.manifest = manifest("empty", 0, 0);
  b.manifest["inputs"] = {tensor("x", "f32", {0, 3}, 0, 0)};
  b.manifest["outputs"] = {tensor("y", "f32", {3, 0}, 0, 0)};
  b.kernels = "";
  return b;
}
