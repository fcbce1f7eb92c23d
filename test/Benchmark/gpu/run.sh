#!/usr/bin/env bash
# run.sh BUNDLES [LIGHT_RESNET50.onnx]: the GPU figures of docs/performance.md.
#
# On a machine with an OpenCL GPU, a C compiler and PyTorch. BUNDLES holds what
# `nacre compile --target opencl` made elsewhere: sgemmN, resnet50_1 and
# resnet50_32 (weights may be left behind: the time does not depend on them),
# and check_NAME with data_NAME beside it (raw inputs and outputs of a network
# whose answer is known). LIGHT_RESNET50.onnx is given random weights for
# tinygrad. All in one run, so that ratios can be trusted.
set -uo pipefail
bundles=$1
light=${2:-}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../../..
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cc -O2 -I"$root/runtime/include" "$here/bundle_bench.c" "$root"/runtime/src/{core,executor,file,npy,onnx_tensor,safetensors,sha256,json}.c \
  "$root"/runtime/opencl/*.c -lOpenCL -lm -lpthread -o "$work/bundle_bench" || exit 1
export NACRE_CACHE_DIR=$work/cache
for check in "$bundles"/check_*; do
  [ -d "$check" ] || continue
  "$work/bundle_bench" "$check" --check "$bundles/data_${check##*/check_}"
done
for n in 512 1024 2048 4096; do
  "$work/bundle_bench" "$bundles/sgemm$n" --seconds 2
done
for batch in 1 32; do
  "$work/bundle_bench" "$bundles/resnet50_$batch" --weights random --seconds 3 --kernels "${KERNELS:-12}"
done
[ -z "${ONLY_NACRE:-}" ] || exit 0
resnet=()
if [ -n "$light" ]; then
  python3 "$here/batches.py" "$light" "$work/resnet50_BATCH.onnx" && resnet=(--resnet "$work/resnet50_BATCH.onnx")
fi
timeout 150 python3 "$here/peers.py" --only pytorch
timeout 200 python3 "$here/peers.py" --only tinygrad "${resnet[@]}"
if cc -O2 "$here/clblast_bench.c" -lclblast -lOpenCL -o "$work/clblast_bench" 2>/dev/null; then
  timeout "${CLBLAST_SECONDS:-120}" "$work/clblast_bench" 1024 2048 4096 ||
    echo '{"clblast": "failed or took too long"}'
else
  echo '{"clblast": "not installed"}'
fi
