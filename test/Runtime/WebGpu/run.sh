#!/bin/sh
# Runs the tests of the WebGPU runtime: run.sh [TEST.mjs...], all by default.
# environment.sh says what it looks for; what is missing is skipped, and the
# reason is printed.
cd "$(dirname "$0")" || exit 1
root=$(cd ../../.. && pwd)
. ./environment.sh
[ $# -gt 0 ] || set -- *.test.mjs
exec node --test --test-reporter=spec "$@"
