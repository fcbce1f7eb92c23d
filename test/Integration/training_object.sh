#!/bin/sh
# training_object.sh NACRE RUNTIME_INCLUDE LIBRARY_FOLDER [OPENCL_LIBRARY]
#
# One C program trains LeNet with the native training object and with that of
# OpenCL bundles; the losses differ by at most 1e-4 of themselves. A bad label
# leaves the states as they are, and a checkpoint brings them back. The header
# is C and C++ without warnings. Without an OpenCL device that half is left out,
# and the test says so.
set -eu
[ $# = 3 ] || [ $# = 4 ] || { echo "usage: $0 NACRE RUNTIME_INCLUDE LIBRARY_FOLDER [OPENCL_LIBRARY]" >&2; exit 2; }
nacre=$(readlink -f "$1") include=$(readlink -f "$2") libraries=$(readlink -f "$3") opencl=${4:--lOpenCL}
here=$(cd "$(dirname "$0")" && pwd)
model=$here/../../models/lenet.ngl
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/kernels" "$work/pocl"
export NACRE_CACHE_DIR="$work/kernels" POCL_CACHE_DIR="$work/pocl"
fail() {
  echo "FAIL $1"
  exit 1
}

# make TARGET: the program $work/TARGET/run
make() {
  "$nacre" compile "$model" --train --batch 16 --optimizer "adamw(lr = 1e-3)" --target "$1" -o "$work/$1" >"$work/out" 2>"$work/log" || {
    cat "$work/log"
    fail "$1: does not compile"
  }
  link="$libraries/libnacre_rt.a"
  [ "$1" = cpu ] || link="$libraries/libnacre_rt_opencl.a $link $opencl"
  # shellcheck disable=SC2086 # words
  "${CC:-cc}" -std=c11 -O1 -Wall -Wextra -Wpedantic -Werror -I"$work/$1" -I"$include" \
    "$here/training_object.c" "$work/$1/lenet.o" $link -lm -lpthread -o "$work/$1/run" ||
    fail "$1: does not link"
}

make cpu
grep -q '^.*lenet.o: states [0-9]* bytes, init [0-9]* kernels and arena [0-9]* bytes, step ' "$work/out" ||
  fail "report: $(cat "$work/out")"
[ "$(ls -A "$work/cpu")" = "lenet.h
lenet.o
run" ] || fail "files: $(ls -A "$work/cpu")"
# The states in the header are what the report and a checkpoint say.
stated=$(sed -n 's/.*states \([0-9]*\) bytes.*/\1/p' "$work/out")
grep -q "states   32, $stated bytes" "$work/cpu/lenet.h" || fail "the header does not say $stated bytes"
echo '#include "lenet.h"' >"$work/check.cpp"
"${CXX:-c++}" -std=c++17 -fsyntax-only -Wall -Wextra -Werror -I"$work/cpu" -I"$include" "$work/check.cpp" ||
  fail "the header is no C++"
"$work/cpu/run" "$work/cpu.safetensors" >"$work/cpu.txt" || fail "cpu: exit code $?"
tail -n +7 "$work/cpu.txt" >"$work/said"
cat >"$work/expected" <<'TEXT'
status 2, states kept
checkpoint same, next loss same
eval ok
TEXT
cmp "$work/said" "$work/expected" || { cat "$work/said"; fail "cpu"; }
# It learns: the squares are easy.
awk 'NR == 1 { first = $1 } NR == 6 { if (!($1 < first)) exit 1 }' "$work/cpu.txt" || fail "the loss does not fall"
echo "ok   cpu: $(sed -n '1p;6p' "$work/cpu.txt" | paste -sd' ')"

if [ ! -f "$libraries/libnacre_rt_opencl.a" ]; then
  echo "left out: this build has no libnacre_rt_opencl.a"
  exit 0
fi
make opencl
[ "$(ls -A "$work/opencl")" = "eval
init
lenet.h
lenet.o
run
step
training.json" ] || fail "files: $(ls -A "$work/opencl")"
"$work/opencl/run" "$work/opencl.safetensors" >"$work/opencl.txt" 2>"$work/log" || {
  grep -q 'no OpenCL' "$work/log" || { cat "$work/log"; fail "opencl"; }
  echo "left out: linked, not run: $(tail -n 1 "$work/log")"
  exit 0
}
tail -n +7 "$work/opencl.txt" | cmp - "$work/expected" || { cat "$work/opencl.txt"; fail "opencl"; }
paste -d ' ' "$work/cpu.txt" "$work/opencl.txt" | awk '
  NR <= 6 { d = ($1 - $2) / $1; if (d < 0) d = -d; if (d > worst) worst = d }
  END { if (!(worst <= 1e-4)) { print "FAIL losses differ by " worst; exit 1 }
        printf "ok   opencl: losses differ by %.1e of themselves\n", worst }'
