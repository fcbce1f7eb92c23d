#!/bin/bash
# oclgrind_test.sh NACRE RUNTIME_INCLUDE LIBRARY_FOLDER [OPENCL_LIBRARY]
#
# Bundles on Oclgrind, a simulator that watches every access: not one report of
# a data race, of memory that is read before it is written, of an access out of
# bounds, or of a wrong call of the API. Nothing is suppressed; what Oclgrind
# does not know of defined memory, oclgrind/run.c tells it.
#
# Undefined values are looked for in kernels that the simulator's compiler has
# not optimised: Oclgrind 21.10 stops at LLVM's `freeze` when it tracks them.
# Without Oclgrind, or OpenCL in this build, exit code 77.
set -u
[ $# = 3 ] || [ $# = 4 ] || { echo "usage: $0 NACRE RUNTIME_INCLUDE LIBRARY_FOLDER [OPENCL_LIBRARY]" >&2; exit 2; }
nacre=$(readlink -f "$1") include=$(readlink -f "$2") libraries=$(readlink -f "$3") opencl=${4:--lOpenCL}
here=$(cd "$(dirname "$0")" && pwd)
command -v oclgrind >/dev/null || { echo "skipped: oclgrind is missing"; exit 77; }
[ -f "$libraries/libnacre_rt_opencl.a" ] || { echo "skipped: this build has no libnacre_rt_opencl.a"; exit 77; }
. "$here/real_models.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Oclgrind keeps no kernels.
export NACRE_CACHE_DIR=
# It is the only platform there; a choice of the user is for others.
unset NACRE_OPENCL_DEVICE
status=0
fail() {
  echo "FAIL $1"
  status=1
}

"${CC:-cc}" -std=c11 -O1 -Wall -Wextra -Werror -I"$include" "$here/oclgrind/run.c" \
  "$libraries/libnacre_rt_opencl.a" "$libraries/libnacre_rt.a" \
  -Wl,--wrap=clEnqueueWriteBuffer,--wrap=clEnqueueFillBuffer "$opencl" -lpthread -o "$work/run" || {
  echo "FAIL the runner does not build"
  exit 1
}

races="--data-races --check-api"
undefined="--uninitialized --check-api --build-options -cl-opt-disable"

# compile NAME MODEL [OPTION...]: the bundle $work/NAME
compile() {
  local name=$1 model=$2
  shift 2
  "$nacre" compile "$model" --target opencl "$@" -o "$work/$name" >/dev/null 2>"$work/log" || {
    cat "$work/log"
    fail "$name does not compile"
    return 1
  }
}

# watch NAME WHAT OPTION...: runs the bundle; the log is empty if all is well.
watch() {
  local name=$1 what=$2 start=$SECONDS code=0
  shift 2
  timeout 300 oclgrind --log "$work/log" "$@" "$work/run" "$work/$name" >"$work/out" 2>&1 || code=$?
  if [ $code != 0 ] || ! grep -q '^ran on Oclgrind' "$work/out"; then
    fail "$name, $what: exit code $code"
    tail -n 3 "$work/out"
  elif [ -s "$work/log" ] && grep -q '[^[:space:]]' "$work/log"; then
    fail "$name, $what:"
    head -n 20 "$work/log"
  else
    echo "ok   $name, $what ($((SECONDS - start)) s)"
  fi
}

# What each is for stands in its file; here is that it does it.
declare -A has=([staged]='__local .*barrier' [split]='__local .*barrier' [softmax]='__local .*barrier'
  [layernorm]='__local .*barrier' [gather]='status' [scatter]='status')
# shellcheck disable=SC2086 # words
for name in staged split softmax layernorm gather scatter; do
  compile $name "$here/oclgrind/$name.mlir" || continue
  tr '\n' ' ' <"$work/$name/kernels.cl" | grep -q "${has[$name]}" ||
    fail "$name: no kernel has ${has[$name]}; the test has lost its point"
  watch $name "races" $races
  watch $name "undefined values" $undefined
done
# shellcheck disable=SC2086
compile digits "$here/../../models/digits/digits.onnx" --dim 'N<=4' && {
  watch digits "races" $races
  watch digits "undefined values" $undefined
}
if [ -n "$real" ]; then
  # shellcheck disable=SC2086
  for network in ad_ae_f32 ad_ae_int8 kws_dscnn_f32 ic_resnet8_f32; do
    model=$real/mlperf_tiny_$network/model.onnx
    [ -f "$model" ] && compile $network "$model" || continue
    watch $network "races" $races
    # The simulator takes a minute and more for these.
    [ $network = ic_resnet8_f32 ] || [ $network = kws_dscnn_f32 ] || watch $network "undefined values" $undefined
  done
fi

# That faults are seen: the same bundles with their kernels broken.
# broken NAME NEW 's/OLD/NEW/': a copy whose hashes fit.
broken() {
  cp -r "$work/$1" "$work/$2"
  sed -E "$3" "$work/$1/kernels.cl" >"$work/$2/kernels.cl"
  ! cmp -s "$work/$1/kernels.cl" "$work/$2/kernels.cl" || fail "$2: nothing was changed"
  python3 - "$work/$2" <<'PYTHON'
import hashlib, json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
text = (folder / "kernels.cl").read_bytes()
manifest = json.loads((folder / "manifest.json").read_text())
manifest["files"]["kernels"].update(bytes=len(text), sha256=hashlib.sha256(text).hexdigest())
(folder / "manifest.json").write_text(json.dumps(manifest))
PYTHON
}
# seen NAME TEXT OPTION...: the log of a broken bundle has the text.
seen() {
  local name=$1 text=$2
  shift 2
  timeout 300 oclgrind --log "$work/log" "$@" "$work/run" "$work/$name" >"$work/out" 2>&1
  if grep -q "$text" "$work/log" "$work/out" 2>/dev/null; then
    echo "ok   $name is seen"
  else
    fail "$name is not seen"
    head -n 5 "$work/log" "$work/out"
  fi
}
broken staged no_barrier 's/^ *barrier\(.*\);//'
broken staged out_of_bounds 's/(\(__global float \*\)\(y[0-9]*_base \+ y[0-9]*_at)\)/\1 + 100000000)/'
broken staged undefined 's/^( *)(sum0 = )/\1float nothing; \2nothing + /'
# shellcheck disable=SC2086
seen no_barrier 'data race' $races
# shellcheck disable=SC2086
seen out_of_bounds 'Invalid write' $races
# shellcheck disable=SC2086
seen undefined 'ninitialized value' $undefined
[ $status != 0 ] || echo "oclgrind_test: ok"
exit $status
