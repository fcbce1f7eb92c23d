#!/bin/sh
# valid_wgsl.sh MODULE.wgsl: valid_wgsl.mjs where there is a node to run it.
command -v node >/dev/null || { echo "skipped: no node"; exit 0; }
exec node "$(dirname "$0")/valid_wgsl.mjs" < "$1"
