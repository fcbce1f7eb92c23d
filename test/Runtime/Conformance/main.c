/* nacre_conformance RUNTIME FOLDER: 0 if every rule holds, 77 if the runtime
 * has no device here. */
#include "conformance.h"

#include <stdio.h>
#include <string.h>

#ifdef NACRE_WITH_OPENCL
#include <nacre/opencl.h>

static int has_device(void) {
  nacre_opencl_device *device;
  nacre_error error;
  if (nacre_opencl_open(NULL, &device, &error)) {
    printf("skipped: %s\n", error.text);
    return 0;
  }
  nacre_opencl_close(device);
  return 1;
}
#endif

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: nacre_conformance RUNTIME FOLDER\n");
    return 2;
  }
  if (!strcmp(argv[1], "native"))
    return conformance(&native_adapter, argv[2]) != 0;
#ifdef NACRE_WITH_OPENCL
  if (!strcmp(argv[1], "opencl")) {
    if (!has_device())
      return 77;
    int failed = conformance(&opencl_adapter, argv[2]);
    failed += conformance(&opencl_embedded_adapter, argv[2]);
    return failed != 0;
  }
#endif
  printf("skipped: no runtime '%s' was built\n", argv[1]);
  return 77;
}
