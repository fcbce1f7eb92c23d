#!/bin/sh
# runtime_sizes.sh LIBRARY_FOLDER
#
# What the runtimes add to a program, for the documentation: machine code and
# constants of the archives, and the JavaScript that a WebGPU bundle carries, as
# it is and as a web server sends it.
set -eu
[ $# = 1 ] || { echo "usage: $0 LIBRARY_FOLDER" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
for archive in libnacre_rt.a libnacre_rt_opencl.a libnacre_rt_main.a; do
  if [ ! -f "$1/$archive" ]; then
    echo "$archive: not in this build"
    continue
  fi
  # Per member: address-free sizes of its sections.
  readelf -SW "$1/$archive" | sed 's/^ *\[ *[0-9]*\]//' | awk -v name="$archive" '
    function hex(text,  value, i) {
      for (i = 1; i <= length(text); ++i)
        value = 16 * value + index("0123456789abcdef", substr(text, i, 1)) - 1
      return value
    }
    $1 ~ /^\.text/ { code += hex($5) }
    $1 ~ /^\.rodata/ { constants += hex($5) }
    $1 ~ /^\.(data|bss|tdata|tbss)/ && $1 !~ /^\.data\.rel\.ro/ { variables += hex($5) }
    END { printf "%s: code %d, constants %d, variables %d bytes\n", name, code, constants, variables }'
done
folder=$here/../../runtime/webgpu
all=0 packed=0
for file in "$folder"/*.mjs; do
  [ "$(basename "$file")" != node.mjs ] || continue
  bytes=$(wc -c <"$file") small=$(gzip -9 -c "$file" | wc -c)
  echo "runtime/webgpu/$(basename "$file"): $bytes bytes, $small with gzip"
  all=$((all + bytes)) packed=$((packed + small))
done
echo "runtime/webgpu, in a bundle: $all bytes, $packed with gzip"
