#!/bin/sh
# page.sh NACRE FOLDER - compiles models/digits as docs/demo/README.md says, with
# this nacre, and tries the demo page with it in Chromium. The bundle comes to
# FOLDER/digits, the screenshots to FOLDER/pictures, to be looked at.
# Exit code 77: node, playwright-core or the browser is missing, or NACRE has no
# target wgsl.
set -eu
nacre=$1 folder=$2
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
. "$here/environment.sh"
if ! "$nacre" compile --help | grep -q wgsl; then
  echo "skipped: this nacre has no target wgsl"
  exit 77
fi
rm -rf "$folder/digits" "$folder/pictures"
mkdir -p "$folder"
"$nacre" compile "$root/models/digits/digits.onnx" --dim N=1 --target wgsl -o "$folder/digits"
exec node --test-reporter=spec "$here/page.test.mjs" "$folder/digits" "$folder/pictures"
