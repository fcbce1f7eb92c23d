#!/bin/sh
# Makes the Python environment of the peers that against_peers.py times and prints its path:
#   python=$(test/Benchmark/fetch_peers.sh)/bin/python
# In $NACRE_PEERS, or ~/.cache/nacre/peers (2 GB). Does nothing when it is there already. tinygrad compiles with
# clang-22, or what $CC says.
set -eu

venv=${NACRE_PEERS:-$HOME/.cache/nacre/peers}
packages="onnx==1.22.0 onnxruntime==1.32.0 numpy==2.4.6 openvino==2026.4.1 iree-base-compiler[onnx]==3.13.0
  iree-base-runtime==3.13.0 apache-tvm==0.27.0.post1 tinygrad==0.14.0 torch==2.13.0"
# Without what it depends on: torchvision of the same index may be one that asks for a GPU, and peers.py needs none.
converter="onnx2torch==1.5.15"

# The stamp is written last, so an interrupted run starts over.
stamp=$venv/nacre-peers
if [ "$(cat "$stamp" 2>/dev/null)" != "$packages $converter" ]; then
  {
    echo "fetch_peers.sh: installing" $packages $converter "into $venv"
    python3 -m venv "$venv"
    # shellcheck disable=SC2086 # one word a package
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check $packages
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "$converter"
    echo "$packages $converter" >"$stamp"
  } >&2
fi
echo "$venv"
