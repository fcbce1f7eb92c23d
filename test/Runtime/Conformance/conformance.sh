#!/bin/sh
# conformance.sh - compiles the models for a target and holds its runtime to the
# rules.
#
#   conformance.sh native NACRE CONFORMANCE
#   conformance.sh opencl NACRE CONFORMANCE
#   conformance.sh opencl-handwritten PYTHON CONFORMANCE
#   conformance.sh webgpu NACRE
#
# Exit code 77: this compiler does not have the target, or there is no device, or
# for webgpu no node or package (WebGpu/environment.sh).
set -eu
kind=$1 maker=$2 conformance=${3:-}
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export NACRE_CACHE_DIR= POCL_CACHE_DIR="$folder/pocl"

case $kind in
native)
  for model in affine batch lookup; do
    mkdir "$folder/$model"
    "$maker" compile "$here/$model.mlir" -o "$folder/$model/$model.so"
  done
  ;;
opencl)
  if ! "$maker" compile --help | grep -q opencl; then
    echo "skipped: this nacre has no target opencl"
    exit 77
  fi
  for model in affine batch lookup; do
    "$maker" compile --target opencl "$here/$model.mlir" \
      -o "$folder/$model"
  done
  ;;
opencl-handwritten)
  "$maker" "$here/handwritten.py" "$folder"
  kind=opencl
  ;;
webgpu)
  root=$(cd "$here/../../.." && pwd)
  . "$here/../WebGpu/environment.sh"
  if ! "$maker" compile --help | grep -q wgsl; then
    echo "skipped: this nacre has no target wgsl"
    exit 77
  fi
  for model in affine batch lookup; do
    "$maker" compile --target wgsl "$here/$model.mlir" -o "$folder/$model"
  done
  status=0
  node --test-reporter=spec "$here/webgpu.test.mjs" "$folder" || status=$?
  exit $status
  ;;
*)
  echo "conformance.sh: unknown target '$kind'" >&2
  exit 2
  ;;
esac
status=0
"$conformance" "$kind" "$folder" || status=$?
# The object that carries the bundle is called like a native one; the runtime is
# in the program that opens it.
if [ "$1" = opencl ] && [ $status != 77 ]; then
  for model in affine batch lookup; do
    "${CC:-cc}" -shared "$folder/$model/$model.o" \
      -o "$folder/$model/$model.so"
  done
  "$conformance" native "$folder" || status=$?
fi
exit $status
