// The main of these tests: caches go to a folder of their own, and without an
// OpenCL platform the tests are skipped (exit code 77).
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_session.hpp>
#else
#define CATCH_CONFIG_RUNNER
#endif
#include "bundles.h"

#include <cstdio>
#include <cstring>

// PoCL and its LLVM keep memory to the end; LeakSanitizer asks this function.
extern "C" const char *__lsan_default_suppressions() {
  return "leak:libpocl\nleak:libLLVM\n";
}

static nacre_opencl_device *device;

nacre_opencl_device *testDevice() { return device; }

int main(int argc, char **argv) {
  nacre_error error;
  nacre_opencl_device *opened = nullptr;
  // What nacre_opencl_open(NULL) says here; for tests with another environment.
  if (argc == 2 && !strcmp(argv[1], "--open")) {
    nacre_status status = nacre_opencl_open(nullptr, &opened, &error);
    printf("%d %s", status,
           status ? error.text : nacre_opencl_describe(opened)->name);
    nacre_opencl_close(opened);
    return 0;
  }
  Folder caches;
  setenv("POCL_CACHE_DIR", caches.file("pocl").c_str(), 1);
  setenv("NACRE_CACHE_DIR", "", 1);
  unsetenv("NACRE_OPENCL_DEVICE");
  if (nacre_opencl_open(nullptr, &device, &error)) {
    printf("skipped: %s\n", error.text);
    return 77;
  }
  int result = Catch::Session().run(argc, argv);
  nacre_opencl_close(device);
  return result;
}
