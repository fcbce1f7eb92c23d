#!/bin/sh
# Fetches the npm packages that the tests, and a benchmark against ONNX Runtime
# Web, use: fetch_webgpu.sh [FOLDER]. FOLDER is $NACRE_NPM by default, or
# build/npm. Says nothing when all is well, and does nothing when all is there.
set -e
folder=${1:-${NACRE_NPM:-$(cd "$(dirname "$0")/../../.." && pwd)/build/npm}}
packages="webgpu@~0.6.2 playwright-core@^1.50.0 onnxruntime-web@^1.20.0 typescript@^5.6.0"
command -v npm > /dev/null || { echo "error: npm is missing" >&2; exit 1; }
stamp="$folder/node_modules/.nacre-packages"
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$packages" ] && exit 0
mkdir -p "$folder"
cd "$folder"
[ -f package.json ] || echo '{"private": true}' > package.json
# Browsers are the system's: playwright is not to fetch its own.
if ! PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm install --no-audit --no-fund --loglevel=error \
    $packages > npm.log 2>&1; then
  cat npm.log >&2
  echo "error: npm could not fetch the packages into $folder" >&2
  exit 1
fi
echo "$packages" > "$stamp"
