#!/bin/sh
# consumer_test.sh BUILD [GENERATOR]
#
# Installs the built tree BUILD into a fresh prefix, builds the project in
# consumer/ against it, outside this tree, and runs it. Then edits the model and
# then a file of weights beside it, and checks that the next build compiles the
# model anew and the answer changes. Then the same project for the other targets,
# as far as this build has them; without an OpenCL device it is built, not run.
set -eu

if [ $# -lt 1 ]; then
  echo "usage: $0 BUILD [GENERATOR]" >&2
  exit 2
fi
build=$1
generator=${2:-Unix Makefiles}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "consumer_test: $1" >&2
  exit 1
}

echo "== install"
cmake --install "$build" --prefix "$work/prefix" >"$work/log" 2>&1 ||
  { cat "$work/log"; fail "install failed"; }
for file in bin/nacre lib/libnacre_rt.a lib/libnacre_rt_main.a \
  include/nacre/model.h include/nacre/runtime.h \
  share/nacre/webgpu/nacre.mjs share/nacre/webgpu/nacre.d.mts \
  share/nacre/webgpu/node.mjs lib/cmake/Nacre/NacreConfig.cmake; do
  [ -f "$work/prefix/$file" ] || fail "$file is not installed"
done
opencl=
if [ -f "$build/lib/libnacre_rt_opencl.a" ]; then
  opencl=opencl
  for file in lib/libnacre_rt_opencl.a include/nacre/opencl.h; do
    [ -f "$work/prefix/$file" ] || fail "$file is not installed"
  done
fi
# The package must not remember where it was installed first.
mv "$work/prefix" "$work/moved"

echo "== configure and build"
mkdir "$work/source"
cp "$here"/consumer/CMakeLists.txt "$here"/consumer/main.c \
  "$here"/consumer/net.onnx "$work/source"
cmake -S "$work/source" -B "$work/build" -G "$generator" \
  -DCMAKE_PREFIX_PATH="$work/moved" -DCMAKE_C_FLAGS="-Wall -Wextra -Werror" \
  >"$work/log" 2>&1 || { cat "$work/log"; fail "configure failed"; }
cmake --build "$work/build" >"$work/log" 2>&1 ||
  { cat "$work/log"; fail "build failed"; }
"$work/build/consumer" 2 1 || fail "wrong answer"

object=$work/build/net.nacre/net.o
echo "== build again: nothing to do"
before=$(stat -c %y "$object")
cmake --build "$work/build" >"$work/log" 2>&1 || fail "second build failed"
[ "$(stat -c %y "$object")" = "$before" ] ||
  fail "the model was compiled again without a reason"

echo "== edit the model"
cp "$here/consumer/net_edited.onnx" "$work/source/net.onnx"
touch "$work/source/net.onnx"
cmake --build "$work/build" >"$work/log" 2>&1 ||
  { cat "$work/log"; fail "build after the edit failed"; }
[ "$(stat -c %y "$object")" != "$before" ] ||
  fail "the edited model was not compiled"
"$work/build/consumer" 3 -1 || fail "wrong answer after the edit"
! "$work/build/consumer" 2 1 >/dev/null 2>&1 ||
  fail "the program does not notice a wrong answer"

echo "== edit the external weights only"
cp "$here/consumer/net_external.onnx" "$work/source/net.onnx"
cp "$here/consumer/net_weights.bin" "$work/source"
touch "$work/source/net.onnx"
cmake --build "$work/build" >"$work/log" 2>&1 ||
  { cat "$work/log"; fail "build with external weights failed"; }
"$work/build/consumer" 2 1 || fail "wrong answer with external weights"
# Eight times 5 as a float.
for i in 1 2 3 4 5 6 7 8; do
  printf '\000\000\240\100'
done >"$work/source/net_weights.bin"
cmake --build "$work/build" >"$work/log" 2>&1 ||
  { cat "$work/log"; fail "build after the edit of the weights failed"; }
"$work/build/consumer" 5 1 || fail "the edited weights were not compiled"

mkdir "$work/cache"
export NACRE_CACHE_DIR="$work/cache" POCL_CACHE_DIR="$work/cache"
for target in $opencl wgsl; do
  echo "== the same project for $target"
  cp "$here/consumer/net.onnx" "$work/source/net.onnx"
  cmake -S "$work/source" -B "$work/$target" -G "$generator" \
    -DCMAKE_PREFIX_PATH="$work/moved" -DCMAKE_C_FLAGS="-Wall -Wextra -Werror" \
    -DCONSUMER_TARGET=$target >"$work/log" 2>&1 ||
    { cat "$work/log"; fail "$target: configure failed"; }
  for round in first second; do
    cmake --build "$work/$target" >"$work/log" 2>&1 ||
      { cat "$work/log"; fail "$target: $round build failed"; }
    manifest=$work/$target/net.nacre/manifest.json
    [ -f "$manifest" ] || fail "$target: no manifest.json"
    [ $round = first ] || [ "$(stat -c %y "$manifest")" = "$before" ] ||
      fail "$target: the model was compiled again without a reason"
    before=$(stat -c %y "$manifest")
  done
  answer=
  if [ $target = opencl ]; then
    # A device is missing when nacre says so; the program has the status only.
    "$work/moved/bin/nacre" run "$work/source/net.onnx" --target opencl \
      --input x=random >"$work/log" 2>&1 || answer=none
    [ "$answer" != none ] || grep -q 'no OpenCL' "$work/log" ||
      { cat "$work/log"; fail "opencl: nacre run failed"; }
    if [ "$answer" = none ]; then
      echo "opencl: not run: $(tail -n 1 "$work/log")"
    else
      "$work/opencl/consumer" 2 1 || fail "opencl: wrong answer"
    fi
  fi
  cp "$here/consumer/net_edited.onnx" "$work/source/net.onnx"
  touch "$work/source/net.onnx"
  cmake --build "$work/$target" >"$work/log" 2>&1 ||
    { cat "$work/log"; fail "$target: build after the edit failed"; }
  [ "$(stat -c %y "$manifest")" != "$before" ] ||
    fail "$target: the edited model was not compiled"
  if [ $target = opencl ] && [ "$answer" != none ]; then
    "$work/opencl/consumer" 3 -1 || fail "opencl: wrong answer after the edit"
  fi
done
echo "== a broken model stops the build"
printf 'not a model' >"$work/source/net.onnx"
if cmake --build "$work/build" >"$work/log" 2>&1; then
  fail "a broken model was built"
fi
echo "== wrong arguments are refused"
mkdir "$work/wrong"
for wrong in "TARGET opencl CPU host" "TARGET gpu" "TARGET wgsl WEIGHTS file"; do
  printf 'cmake_minimum_required(VERSION 3.20)\nproject(wrong LANGUAGES C)\nfind_package(Nacre REQUIRED)\nnacre_add_model(net MODEL net.onnx %s)\n' \
    "$wrong" >"$work/wrong/CMakeLists.txt"
  if cmake -S "$work/wrong" -B "$work/wrong/build" -G "$generator" \
    -DCMAKE_PREFIX_PATH="$work/moved" >"$work/log" 2>&1; then
    fail "'$wrong' is accepted"
  fi
  grep -q 'nacre_add_model(net): TARGET' "$work/log" || { cat "$work/log"; fail "'$wrong': no reason"; }
done

echo "consumer_test: ok"
