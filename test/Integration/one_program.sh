#!/bin/sh
# one_program.sh NACRE RUNTIME_INCLUDE LIBRARY_FOLDER [OPENCL_LIBRARY]
#
# One C program, linked with the native object and with that of an OpenCL
# bundle, says the same to 1e-5, with weights inside and beside it, for one
# extent and for an open one. The object of the bundle needs one symbol of the
# runtime, and the program goes where it likes with no folder beside it.
# Without OpenCL's library in this build, or without a device, exit code 77.
set -eu
[ $# = 3 ] || [ $# = 4 ] || { echo "usage: $0 NACRE RUNTIME_INCLUDE LIBRARY_FOLDER [OPENCL_LIBRARY]" >&2; exit 2; }
nacre=$(readlink -f "$1") include=$(readlink -f "$2") libraries=$(readlink -f "$3") opencl=${4:--lOpenCL}
here=$(cd "$(dirname "$0")" && pwd)
digits=$here/../../models/digits
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/kernels" "$work/pocl"
export NACRE_CACHE_DIR="$work/kernels" POCL_CACHE_DIR="$work/pocl"
if [ ! -f "$libraries/libnacre_rt_opencl.a" ]; then
  echo "skipped: this build has no libnacre_rt_opencl.a"
  exit 77
fi
fail() {
  echo "FAIL $1"
  exit 1
}

# The ten scans, as rows of floats behind headers of 128 bytes or so.
for i in 0 1 2 3 4 5 6 7; do
  tail -c 256 "$digits/pictures/$i.npy" >>"$work/pictures"
done

# make NAME TARGET "CC OPTION..." NACRE OPTION...: the program $work/NAME/run
make() {
  name=$1 target=$2 flags=$3
  shift 3
  "$nacre" compile "$digits/digits.onnx" --target "$target" "$@" -o "$work/$name" >/dev/null 2>"$work/log" || {
    cat "$work/log"
    fail "$name: does not compile"
  }
  link="$libraries/libnacre_rt.a"
  [ "$target" = cpu ] || link="$libraries/libnacre_rt_opencl.a $link $opencl"
  # shellcheck disable=SC2086 # words
  "${CC:-cc}" -std=c11 -O1 -Wall -Wextra -Werror $flags -I"$work/$name" -I"$include" "$here/one_program.c" \
    "$work/$name/digits.o" $link -lpthread -o "$work/$name/run" || fail "$name: does not link"
}

# same NAME COUNT: the programs of both targets print the same.
same() {
  for target in cpu opencl; do
    "$work/$1-$target/run" "$2" "$work/$1-$target" <"$work/pictures" >"$work/$target.txt" ||
      fail "$1 on $target: exit code $?"
  done
  paste -d ' ' "$work/cpu.txt" "$work/opencl.txt" | awk -v what="$1, $2 pictures" -v count="$2" '
    { if (NF != 20) { print "FAIL " what ": " NF " numbers"; bad = 1; exit }
      for (i = 1; i <= 10; ++i) { d = $i - $(i + 10); if (d < 0) d = -d; if (d > worst) worst = d }
      best = 1; for (i = 2; i <= 10; ++i) if ($(i + 10) > $(best + 10)) best = i
      if (best != NR) { print "FAIL " what ": a " NR - 1 " is taken for a " best - 1; bad = 1 } }
    END { if (bad) exit 1
          if (NR != count || !(worst <= 1e-5)) { print "FAIL " what ": differ by " worst; exit 1 }
          printf "ok   %s: differ by %.1e\n", what, worst }'
}

for target in cpu opencl; do
  make embed-$target $target "" --dim N=1 --weights embed
  make file-$target $target -DSIDE_FILE --dim N=1 --weights file
  make open-$target $target -DOPEN --dim 'N<=8' --weights embed
  make open-file-$target $target "-DOPEN -DSIDE_FILE" --dim 'N<=8' --weights file
done
# Where there is no device, programs link all the same.
if ! "$nacre" run "$digits/digits.onnx" --dim N=1 --target opencl --input picture=random >/dev/null 2>"$work/log"; then
  grep -q 'no OpenCL' "$work/log" || { cat "$work/log"; fail "nacre run"; }
  echo "skipped: linked, not run: $(tail -n 1 "$work/log")"
  exit 77
fi
same embed 8
same file 8
for count in 1 3 8; do
  same open $count
  same open-file $count
done

# With the weights inside nothing is read from the bundle's folder.
cp "$work/embed-opencl/run" "$work/alone"
rm -r "$work/embed-opencl"
(cd / && "$work/alone" 1 <"$work/pictures" >"$work/alone.txt") || fail "the program alone: exit code $?"
[ "$(head -n 1 "$work/alone.txt" | wc -w)" = 10 ] || fail "the program alone: $(cat "$work/alone.txt")"
undefined=$(nm -u "$work/open-opencl/digits.o" | awk '{print $2}' | tr '\n' ' ')
[ "$undefined" = "nacre_opencl_run_embedded " ] || fail "undefined symbols: $undefined"
# Without a platform the status says so.
mkdir "$work/none"
status=0
OCL_ICD_VENDORS="$work/none" "$work/alone" 1 <"$work/pictures" >/dev/null 2>"$work/log" || status=$?
[ $status = 1 ] && grep -q '^digits_run: ' "$work/log" || fail "no platform: exit code $status, $(cat "$work/log")"
echo "ok   alone, and without a platform: $(cat "$work/log")"
