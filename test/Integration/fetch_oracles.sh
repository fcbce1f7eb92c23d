#!/bin/sh
# Makes the Python environment of the outside oracles (onnx, ONNX Runtime) and prints its path:
#   python=$(test/Integration/fetch_oracles.sh)/bin/python
# In $NACRE_VENV, or ~/.cache/nacre/venv. Does nothing when it is there already.
set -eu

venv=${NACRE_VENV:-$HOME/.cache/nacre/venv}
packages="onnx==1.22.0 onnxruntime==1.32.0 numpy==2.4.6"

# The stamp is written last, so an interrupted run starts over.
stamp=$venv/nacre-oracles
if [ "$(cat "$stamp" 2>/dev/null)" != "$packages" ]; then
  {
    echo "fetch_oracles.sh: installing $packages into $venv"
    python3 -m venv "$venv"
    # shellcheck disable=SC2086 # one word a package
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check $packages
    "$venv/bin/python" -c 'import numpy, onnx, onnxruntime'
    echo "$packages" >"$stamp"
  } >&2
fi
echo "$venv"
