#!/bin/sh
# on_devices.sh COMMAND...: runs it where it finds the devices of this machine,
# with caches of its own. What is missing is the command's to say.
root=$(cd "$(dirname "$0")/../.." && pwd)
command -v node >/dev/null && . "$root/test/Runtime/WebGpu/environment.sh"
[ -n "${NACRE_WEBGPU_MODULE:-}" ] || export NACRE_WEBGPU_MODULE="${NACRE_NPM:-}/node_modules/webgpu"
cache=$(mktemp -d)
trap 'rm -rf "$cache"' EXIT
export POCL_CACHE_DIR="$cache/pocl" NACRE_CACHE_DIR=
mkdir "$cache/pocl"
"$@"
