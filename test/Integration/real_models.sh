# Sourced by tests: sets `real` to the folder of real networks, or says that
# there is none. $NACRE_REAL_MODELS, or a folder of that name beside the project.
real=${NACRE_REAL_MODELS:-}
if [ -z "$real" ]; then
  for folder in "$(cd "$(dirname "$0")/../.." && pwd)"/../*/real-models; do
    [ ! -d "$folder" ] || real=$folder
  done
fi
if [ ! -d "${real:-}" ]; then
  real=
  echo "real networks: not found, skipped"
fi
