#!/bin/bash
# object_properties.sh NACRE RUNTIME_INCLUDE
#
# What an object promises: no undefined symbols but the documented ones, nothing
# that can be written, no allocation during a run, the same bytes whenever and
# wherever it is compiled, and the same answer on other processors.
set -eu
[ $# = 2 ] || { echo "usage: $0 NACRE RUNTIME_INCLUDE" >&2; exit 2; }
nacre=$(readlink -f "$1")
include=$(readlink -f "$2")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/real_models.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
fail() {
  echo "FAIL $1"
  status=1
}

# memcpy and its kin, and the functions of libm that docs name.
allowed='memcpy|memmove|memset|fmod|fmodf|pow|powf|sin|sinf|cos|cosf|exp|log|tanh|erf'

# check NAME MODEL loose|strict [OPTION...]: strict allows no undefined symbol
# at all; the options are for the compiler.
check() {
  local name=$1 model=$2 rule=$3 dir=$work/$1
  shift 3
  mkdir -p "$dir/a" "$dir/b/deeper"
  "$nacre" compile "$model" --name net "$@" -o "$dir/a" >/dev/null 2>"$dir/log" || {
    cat "$dir/log"
    fail "$name: does not compile"
    return
  }
  # From another folder, through another path of the model, into another folder.
  cp "$model" "$dir/b/deeper/$(basename "$model")"
  for side in "$(dirname "$model")"/*.bin "$(dirname "$model")"/*.data; do
    [ ! -f "$side" ] || cp "$side" "$dir/b/deeper/"
  done
  (cd "$dir/b" && "$nacre" compile "deeper/$(basename "$model")" --name net "$@" -o . >/dev/null 2>&1)
  cmp "$dir/a/net.o" "$dir/b/net.o" || fail "$name: compiled twice, the objects differ"
  cmp "$dir/a/net.h" "$dir/b/net.h" || fail "$name: compiled twice, the headers differ"

  local undefined
  undefined=$(nm -u "$dir/a/net.o" | awk '{print $2}' | tr '\n' ' ')
  for symbol in $undefined; do
    if [ "$rule" = strict ] || ! [[ $symbol =~ ^($allowed)$ ]]; then
      fail "$name: undefined symbol $symbol"
    fi
  done
  # Writable sections that hold anything. .data.rel.ro is only relocated.
  local writable
  writable=$(readelf -SW "$dir/a/net.o" | sed 's/^ *\[ *[0-9]*\]//' |
    awk '$7 ~ /W/ && $1 !~ /^\.data\.rel\.ro/ && $5 !~ /^0+$/ {print $1}')
  [ -z "$writable" ] || fail "$name: writable sections: $writable"
  local data
  data=$(nm "$dir/a/net.o" | awk '$2 ~ /^[bBCgGsS]$/ {print $3}')
  [ -z "$data" ] || fail "$name: writable symbols: $data"

  if ! cc -O1 -I"$include" -DMODEL=net_model -o "$dir/probe" "$here/object_probe.c" "$dir/a/net.o" -lm; then
    fail "$name: does not link"
  elif ! "$dir/probe" >"$dir/native"; then
    head -n 2 "$dir/native"
    fail "$name: the run fails or allocates"
  fi
}

# cross NAME TRIPLE COMPILER EMULATOR: the digits network there and here.
cross() {
  local name=$1 triple=$2 compiler=$3 emulator=$4 dir=$work/$1
  if ! command -v "$compiler" >/dev/null || ! command -v "$emulator" >/dev/null; then
    echo "$name: no $compiler or $emulator, skipped"
    return
  fi
  mkdir -p "$dir"
  "$nacre" compile "$digits" --dim N=1 --name net --triple "$triple" ${5:+--cpu "$5"} -o "$dir" >/dev/null 2>"$dir/log" || {
    cat "$dir/log"
    fail "$name: does not compile"
    return
  }
  "$compiler" -static -O1 -DNO_HOOK -I"$include" -DMODEL=net_model -o "$dir/probe" "$here/object_probe.c" \
    "$dir/net.o" -lm 2>"$dir/log" || {
    head -n 5 "$dir/log"
    fail "$name: does not link"
    return
  }
  timeout 120 "$emulator" "$dir/probe" >"$dir/answer" || fail "$name: the run fails"
  python3 "$here/same_numbers.py" "$work/digits/native" "$dir/answer" || fail "$name: another answer"
  echo "$name: checked"
}

digits=$here/../../models/digits/digits.onnx
check digits "$digits" loose --dim N=1
check consumer "$here/consumer/net.onnx" loose
if [ -n "$real" ]; then
  for folder in "$real"/mlperf_tiny_*; do
    check "$(basename "$folder")" "$folder/model.onnx" strict
  done
fi
cross aarch64 aarch64-unknown-linux-gnu aarch64-linux-gnu-gcc qemu-aarch64
cross aarch64-a76 aarch64-unknown-linux-gnu aarch64-linux-gnu-gcc qemu-aarch64 cortex-a76
cross riscv64 riscv64-unknown-linux-gnu riscv64-linux-gnu-gcc qemu-riscv64
[ $status != 0 ] || echo "object_properties: ok"
exit $status
