#!/bin/bash
# real_networks.sh NACRE
#
# Every real network there is: against its reference outputs, and compiled code
# against the interpreter, with one thread and two; the small ones at every
# optimisation level. And the nine light networks of the onnx package, as they
# are and with random weights.
set -u
[ $# = 1 ] || { echo "usage: $0 NACRE" >&2; exit 2; }
nacre=$(readlink -f "$1")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/real_models.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
log=$work/log

# verify WHAT ARGUMENT...: one line, and the reasons of a failure.
verify() {
  local what=$1 start=$SECONDS
  shift
  if timeout 900 "$nacre" verify "$@" >"$log" 2>&1; then
    passed=$((passed + 1))
    echo "ok   $what ($((SECONDS - start)) s)"
  else
    failed=$((failed + 1))
    echo "FAIL $what (exit code $?): nacre verify $*"
    grep -E '^(FAIL|error)' "$log" | head -n 8
  fi
}

if [ -n "$real" ]; then
  for folder in "$real"/*/; do
    name=$(basename "$folder")
    [ -f "$folder/model.onnx" ] || continue
    model=$folder/model.onnx
    data=()
    for set in "$folder"/test_data_set_*; do
      data+=(--data "$set")
    done
    case $name in
    mlperf_tiny_*) levels="0 1 2 3" ;;
    *) levels=2 ;;
    esac
    # The shipped data of these three is noise, on which the reference cannot
    # be met (picture_input.py says why): ppocr's scores are all below 1e-5,
    # where ONNX Runtime's sigmoid has an absolute error of 1e-7; mlsd keeps
    # local maxima only, and which of two neighbours equal to 1e-4 is kept is
    # chance. ppocr meets the usual tolerance on a picture, below.
    loose=()
    case $name in
    mlsd_320_tiny | mlsd_320_large) loose=(--rtol 1e-2 --atol 5e-3) ;;
    ppocr_v4_det) loose=(--rtol 1e-3 --atol 5e-2) ;;
    esac
    for level in $levels; do
      for threads in 1 2; do
        verify "$name -O$level, $threads thread(s)" "$model" "${data[@]}" -O "$level" --threads $threads "${loose[@]}"
      done
      # --reference holds compiled code to the interpreter too. The three with
      # a loose tolerance are held to the interpreter on the picture.
      if [ $level = "${levels##* }" ] || [ $level = 0 ]; then
        verify "$name -O$level, interpreter" "$model" "${data[0]}" "${data[1]}" -O "$level" --reference "${loose[@]}"
      fi
    done
  done
fi

# One of the two sampling rates it branches on, as a constant.
if [ -f "$real/silero_vad_legacy/model.onnx" ]; then
  verify "silero_vad_legacy --fix sr=16000" "$real/silero_vad_legacy/model.onnx" \
    --data "$real/silero_vad_legacy/test_data_set_0" --fix sr=16000
fi

if venv=$("$here/fetch_oracles.sh" 2>/dev/null); then
  python=$venv/bin/python
  if [ -n "$real" ]; then
    for name in mlsd_320_tiny mlsd_320_large ppocr_v4_det; do
      [ -f "$real/$name/model.onnx" ] || continue
      "$python" "$here/picture_input.py" "$real/$name/model.onnx" "$work/$name" || failed=$((failed + 1))
      # On the picture mlsd meets 1e-4 of the largest, but for a few of 25600
      # scores that win or lose against a neighbour equal up to rounding: they
      # are kept or become 0, and which ones do differs between machines.
      picture=()
      [ $name = ppocr_v4_det ] || picture=(--atol 1e-4 --outliers 16)
      verify "$name on a picture" "$real/$name/model.onnx" --data "$work/$name/test_data_set_0" "${picture[@]}"
    done
  fi
  "$python" "$here/light_nets.py" "$work/light" >/dev/null || failed=$((failed + 1))
  for folder in "$work"/light/*/; do
    name=$(basename "$folder")
    verify "$name" "$folder/model.onnx" --data "$folder/test_data_set_0"
    if "$python" "$here/../Benchmark/randomise_weights.py" "$folder/model.onnx" "$work/random/$name" >"$log" 2>&1; then
      for threads in 1 2; do
        verify "$name, random weights, $threads thread(s)" "$work/random/$name/model.onnx" \
          --data "$work/random/$name/test_data_set_0" --threads $threads
      done
      rm -rf "$work/random/$name"
    else
      tail -n 3 "$log"
      echo "FAIL $name: no random weights"
      failed=$((failed + 1))
    fi
  done
else
  echo "outside oracles: not available, light networks skipped"
fi
echo "real_networks: $passed passed, $failed failed"
[ $failed = 0 ]
