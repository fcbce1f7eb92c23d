#!/usr/bin/env bash
# test.sh - everything that can be tested, from a fresh Debian 12.
#
#   tools/test.sh [--full]
#
# Installs the packages that are missing (as root, or with sudo), makes the
# Python environment of the outside oracles, builds into build/ and runs every
# test; --full adds the long campaigns. The last line is
#   N passed, N failed
# and the exit code is 0 only when none failed. Reads nothing from stdin.
set -euo pipefail
exec </dev/null
export CI=true

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
case ${1:-} in
'') full=OFF ;;
--full) full=ON ;;
*)
  echo "usage: tools/test.sh [--full]" >&2
  exit 2
  ;;
esac
SECONDS=0
step() { printf '== %s (%d s)\n' "$1" "$SECONDS"; }

# What the build needs is listed once, in CMakeLists.txt.
needed=$(sed -n '/^set(NACRE_PACKAGES/,/)/p' CMakeLists.txt | sed 's/^set(NACRE_PACKAGES//' | tr -d '")\\')
# shellcheck disable=SC2206 # one word a package
packages=($needed llvm-22-tools cmake ninja-build ccache git python3 python3-venv make binutils
  gcc libc6-dev)
# Cross-compiled objects run under an emulator, OpenCL on the processor (PoCL) and
# on a simulator, WebGPU on chromium's SwiftShader; without these, those tests
# say so.
wanted=(qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-riscv64-linux-gnu
  libc6-dev-riscv64-cross libpng-dev pocl-opencl-icd oclgrind chromium
  libopenmpi-dev openmpi-bin)
# A node from elsewhere stays: Debian's npm would not go with it.
command -v node >/dev/null || wanted+=(nodejs)
command -v npm >/dev/null || wanted+=(npm)

missing_of() {
  local package
  for package; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null |
      grep -q 'install ok installed' || echo "$package"
  done
}
sudo=()
[ "$(id -u)" = 0 ] || sudo=(sudo -n)
install() {
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
    --no-install-recommends install "$@"
}
mapfile -t missing < <(missing_of "${packages[@]}")
mapfile -t extra < <(missing_of "${wanted[@]}")
if [ $((${#missing[@]} + ${#extra[@]})) -gt 0 ]; then
  step "installing ${missing[*]} ${extra[*]}"
  "${sudo[@]}" apt-get -qq update || echo "test.sh: apt-get update failed, going on" >&2
  if [ ${#missing[@]} -gt 0 ]; then
    install "${missing[@]}" || {
      echo "test.sh: cannot install ${missing[*]}" >&2
      exit 1
    }
  fi
  for package in "${extra[@]}"; do
    install "$package" || echo "test.sh: no $package; tests that need it are skipped" >&2
  done
fi

step "outside oracles"
# Without a network the tests that need them say so.
test/Integration/fetch_oracles.sh >/dev/null ||
  echo "test.sh: no oracles; tests that need them are skipped" >&2

step "npm packages"
# For WebGPU in node; without a network the tests that need them say so.
export NACRE_NPM=$root/build/npm
if test/Runtime/WebGpu/fetch_webgpu.sh; then
  # lit's tests of WGSL want the folder too.
  export NACRE_WEBGPU_MODULE=$NACRE_NPM/node_modules/webgpu
else
  echo "test.sh: no npm packages; tests that need them are skipped" >&2
fi

step "build"
export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
CC=clang-22 CXX=clang++-22 cmake -G Ninja -S . -B build \
  -DCMAKE_BUILD_TYPE=Release -DNACRE_TESTS=ON -DNACRE_FULL_TESTS=$full \
  -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache >build-configure.log 2>&1 || {
  cat build-configure.log
  exit 1
}
mv build-configure.log build/configure.log
cmake --build build

step "tests"
report=build/tests.xml
rm -f "$report"
# One at a time: the tests use both processors themselves, and some measure.
(cd build && ctest --output-on-failure --output-junit tests.xml) || true
step "done"
python3 - "$report" <<'PYTHON'
import sys
import xml.etree.ElementTree as tree

try:
    suite = tree.parse(sys.argv[1]).getroot()
except (OSError, tree.ParseError) as error:
    sys.exit(f"test.sh: ctest left no report: {error}\n0 passed, 1 failed")
cases = list(suite.iter("testcase"))
failed = [c.get("name") for c in cases if c.get("status") == "fail"]
skipped = [c.get("name") for c in cases if c.get("status") not in ("run", "fail")]
total = len(cases) - len(skipped)
for name in skipped:
    print(f"SKIPPED {name}")
for name in failed:
    print(f"FAILED {name}")
# A run of nothing is no success.
failures = len(failed) if total else 1
print(f"{total - len(failed)} passed, {failures} failed")
sys.exit(1 if failures else 0)
PYTHON
