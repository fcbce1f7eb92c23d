#!/bin/sh
# Runs the tests of the WebGPU runtime: run.sh [TEST.mjs...], all by default.
#
#   NACRE_NPM             folder with the npm packages (fetch_webgpu.sh)
#   NACRE_WEBGPU_BACKEND  as for node.mjs; when it is not set and Debian's
#                         chromium is here, its SwiftShader stands in for a GPU
# What is missing is skipped, and the reason is printed.
cd "$(dirname "$0")" || exit 1
command -v node > /dev/null || { echo "skipped: node is missing"; exit 77; }
swiftshader=/usr/lib/chromium
if [ -z "$NACRE_WEBGPU_BACKEND" ] && [ -f $swiftshader/vk_swiftshader_icd.json ]; then
  export NACRE_WEBGPU_BACKEND=vulkan
  export VK_ICD_FILENAMES=$swiftshader/vk_swiftshader_icd.json
  # For Vulkan's loader, which may not be installed otherwise.
  export LD_LIBRARY_PATH="$swiftshader${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
fi
[ $# -gt 0 ] || set -- *.test.mjs
exec node --test --test-reporter=spec "$@"
