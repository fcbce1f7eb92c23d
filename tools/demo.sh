#!/usr/bin/env bash
# demo.sh - from a fresh Debian 12 to networks that run.
#
#   tools/demo.sh
#
# Installs the packages that are missing (as root, or with sudo), builds the
# compiler into build/, compiles the digits network to an executable and shows
# it ten pictures. Then, with network access, fetches a public face detector,
# compiles it to an object, links a C program with it and marks the face on a
# photograph: out/faces.png. Results go to out/. May be run again at any time
# and from any folder.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
log=out/demo.log
mkdir -p out
: >"$log"
SECONDS=0

step() { printf '\n== %s\n' "$1"; }
say() { printf '   %s\n' "$1"; }
fail() {
  printf 'demo.sh: %s\n' "$1" >&2
  exit 1
}
# Runs a command with its output in the log; shows the log's end if it fails.
quietly() {
  "$@" >>"$log" 2>&1 || {
    tail -n 25 "$log" >&2
    fail "'$*' failed, the whole log is $log"
  }
}

#--- Packages -----------------------------------------------------------------

# apt-get install of what is missing among "$@"; false if that fails.
updated=no
install_missing() {
  local missing=() package sudo=()
  for package; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null |
      grep -q 'install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]}"
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
      say "needs root: apt-get install ${missing[*]}"
      return 1
    }
    sudo=(sudo)
  fi
  if [ $updated = no ]; then
    "${sudo[@]}" apt-get -qq update >>"$log" 2>&1 || return 1
    updated=yes
  fi
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
    --no-install-recommends install "${missing[@]}" >>"$log" 2>&1
}

step "packages"
command -v apt-get >/dev/null || fail "this script knows Debian's apt-get only"
# The list that CMakeLists.txt names when LLVM is missing.
listed=$(sed -n '/^set(NACRE_PACKAGES/,/)$/p' CMakeLists.txt |
  sed 's/^set(NACRE_PACKAGES//' | tr -d '"\\)')
# shellcheck disable=SC2086
install_missing $listed cmake ninja-build ccache gcc libc6-dev libpng-dev \
  ca-certificates || {
  tail -n 5 "$log" >&2
  fail "the packages could not be installed, the whole log is $log"
}
say "all there"

#--- Build --------------------------------------------------------------------

step "build (some minutes the first time)"
start=$SECONDS
quietly cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_C_COMPILER=clang-22 -DCMAKE_CXX_COMPILER=clang++-22 \
  -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache
if [ -t 1 ]; then
  NINJA_STATUS='   [%f/%t] ' ninja -C build --quiet nacre nacre_rt nacre_rt_main ||
    fail "the build failed"
else
  quietly ninja -C build nacre nacre_rt nacre_rt_main
fi
nacre=build/bin/nacre
say "$nacre, $($nacre --version), $((SECONDS - start)) s"

#--- Digits -------------------------------------------------------------------

step "compile models/digits/digits.onnx to an executable"
say "nacre build models/digits/digits.onnx --dim N=1 -o out/digits"
quietly $nacre build models/digits/digits.onnx --dim N=1 -o out/digits
say "out/digits: $(stat -c %s out/digits) bytes, the weights inside"

step "classify ten scans that the network was not trained on"
pictures=models/digits/pictures
# A plain PGM of 17 grey levels, two characters a pixel.
awk 'NR > 3 { printf "      "
              for (i = 1; i <= NF; ++i) {
                c = substr(" .:-=+*#%@", 1 + int($i * 9 / 16), 1)
                printf "%s%s", c, c }
              print "" }' $pictures/7.pgm
say "above: pictures/7.pgm"
right=0
for digit in 0 1 2 3 4 5 6 7 8 9; do
  answer=$(out/digits --threads 1 --top 1 --input "picture=$pictures/$digit.npy")
  read -r label probability <<<"$answer"
  verdict=wrong
  if [ "$label" = "$digit" ]; then
    verdict=right
    right=$((right + 1))
  fi
  printf '   picture of a %s: predicted %s (%.3f) %s\n' \
    "$digit" "$label" "$probability" "$verdict"
done
say "$right of 10 right"
[ $right = 10 ] || fail "the network should recognise all ten"

#--- Faces --------------------------------------------------------------------

finish() {
  printf '\n== done in %d s\n' $SECONDS
  exit 0
}
skip() {
  say "skipped: $1"
  finish
}

step "find a face on a photograph"
rm -f out/faces.png # of an earlier run
tools=()
command -v npm >/dev/null || tools+=(npm)
command -v unzip >/dev/null || tools+=(unzip)
python3 -m pip --version >/dev/null 2>&1 || tools+=(python3-pip)
if [ ${#tools[@]} -gt 0 ]; then
  install_missing "${tools[@]}" ||
    skip "${tools[*]} could not be installed (no network access?), see $log"
fi
demo=models/face_demo
status=0
$demo/fetch.sh out/face >>"$log" 2>&1 || status=$?
[ $status != 20 ] || fail "$(tail -n 1 "$log")"
[ $status = 0 ] || skip "model and photograph could not be fetched (no network access?), see $log"
say "nacre compile out/face/blazeface.onnx -o out/face/blazeface.o"
quietly $nacre compile out/face/blazeface.onnx -o out/face/blazeface.o
say "cc face_demo.c blazeface.o -lpng -lm"
quietly cc -std=c11 -O2 -Iout/face -Iruntime/include $demo/face_demo.c \
  out/face/blazeface.o -lpng -lm -o out/face/face_demo
out/face/face_demo out/face/astronaut.png out/faces.png | sed 's/^/   /'
say "marked in out/faces.png"
finish
