# environment.sh - to be sourced: what the tests of WebGPU run with.
#
#   NACRE_NPM             folder with the npm packages (fetch_webgpu.sh); default
#                         NACRE_BUILD_NPM, which ctest sets, or build/npm
#   NACRE_WEBGPU_BACKEND  as for node.mjs; when it is not set and Debian's
#                         chromium is here, its SwiftShader stands in for a GPU
command -v node > /dev/null || { echo "skipped: node is missing"; exit 77; }
export NACRE_NPM="${NACRE_NPM:-${NACRE_BUILD_NPM:-$root/build/npm}}"
swiftshader=/usr/lib/chromium
if [ -z "${NACRE_WEBGPU_BACKEND:-}" ] && [ -f $swiftshader/vk_swiftshader_icd.json ]; then
  export NACRE_WEBGPU_BACKEND=vulkan
  export VK_ICD_FILENAMES=$swiftshader/vk_swiftshader_icd.json
  # For Vulkan's loader, which may not be installed otherwise.
  export LD_LIBRARY_PATH="$swiftshader${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
fi
# Without it some drivers of Vulkan grumble on stderr.
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-${TMPDIR:-/tmp}}"
