#!/bin/sh
# passes_have_tests.sh NACRE_OPT TESTDIR
#
# Fails when a pass of nacre-opt has no lit test of its name, or a file that
# runs it is missing its flag.
set -eu
[ $# = 2 ] || { echo "usage: $0 NACRE_OPT TESTDIR" >&2; exit 2; }

# The lines of --help between "Passes:" and the next group, indented as deep.
passes=$("$1" --help | sed -n '/^    Passes:/,/^  -/s/^      --\([a-z0-9-]*\) .*/\1/p')
[ -n "$passes" ] || { echo "passes_have_tests: $1 lists no passes" >&2; exit 1; }
status=0
for pass in $passes; do
  file=$(find "$2/" -name "$pass.mlir")
  if [ -z "$file" ]; then
    echo "passes_have_tests: pass '$pass' has no test/*/$pass.mlir"
    status=1
  elif ! grep -q "RUN:.* -$pass" "$file"; then
    echo "passes_have_tests: $file does not run -$pass"
    status=1
  fi
done
# shellcheck disable=SC2086 # one word a pass
[ $status != 0 ] || echo "passes_have_tests: ok, $(echo $passes | wc -w) passes"
exit $status
