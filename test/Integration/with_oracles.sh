#!/bin/sh
# with_oracles.sh SCRIPT.py ARGUMENT...
#
# Runs a script in the Python environment of the outside oracles. Where that
# cannot be made, as without a network, says so and succeeds.
here=$(cd "$(dirname "$0")" && pwd)
if ! venv=$("$here/fetch_oracles.sh" 2>/dev/null); then
  echo "outside oracles: not available, $1 skipped"
  exit 0
fi
exec "$venv/bin/python" "$@"
