#!/bin/sh
# Objects and headers that the compiler writes by hand, in the hands of other
# tools: compilers, linkers and readelf.
#   artifacts_test.sh PROBE RUNTIME_INCLUDE
set -eu
probe=$(realpath "$1")
include=$(realpath "$2")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
step() { echo "-- $1"; }
die() { echo "FAILED: $1" >&2; exit 1; }

cat > main.c <<'C'
#include <stdint.h>
#include <stdio.h>
extern const uint8_t net_weights[] __attribute__((visibility("hidden")));
const int net_model = 42;
extern const int *const nacre_entry;
int main(void) {
  long sum = 0;
  for (int i = 0; i < 1128; ++i)
    sum += net_weights[i];
  printf("%ld %d %d %d\n", sum, net_weights[99], (int)((uintptr_t)net_weights % 64), *nacre_entry);
  return 0;
}
C

step "weights and pointer on this machine, three linkers"
clang-22 -O1 -c -fPIC main.c -o main.o
"$probe" objects main.o weights.o pointer.o
clang-22 main.o weights.o pointer.o -o default
linkers=default
if command -v ld.lld-22 > /dev/null; then
  clang-22 -fuse-ld="$(command -v ld.lld-22)" main.o weights.o pointer.o -o lld
  linkers="$linkers lld"
fi
clang-22 -no-pie main.o weights.o pointer.o -o nopie
for linked in $linkers nopie; do
  [ "$(./$linked)" = "11950 99 0 42" ] || die "$linked: $(./$linked)"
done
llvm-readelf-22 -lW default | grep -q 'GNU_STACK.* RW ' || die "the stack is executable"
llvm-readelf-22 -sW weights.o | grep -q 'OBJECT *GLOBAL *HIDDEN *1 net_weights' || die "symbol"

step "other processors"
for target in x86_64-linux-gnu aarch64-linux-gnu riscv64-linux-gnu i386-linux-gnu armv7-linux-gnueabihf riscv32-linux-gnu; do
  flags=
  case $target in riscv64*) flags="-march=rv64gc -mabi=lp64d" ;; riscv32*) flags="-march=rv32gc -mabi=ilp32d" ;; esac
  echo 'extern const void *const nacre_entry; const void *f(void) { return nacre_entry; } const int net_model = 1;' > other.c
  # shellcheck disable=SC2086
  clang-22 --target=$target $flags -ffreestanding -O1 -c -fPIC other.c -o other.o
  "$probe" objects other.o weights.o pointer.o
  ld.lld-22 -shared other.o weights.o pointer.o -o other.so || die "$target does not link"
  ld.lld-22 -r other.o weights.o pointer.o -o joined.o || die "$target does not join"
  a=$(llvm-readelf-22 -h other.o | grep Flags) b=$(llvm-readelf-22 -h weights.o | grep Flags)
  [ "$a" = "$b" ] || die "$target: flags $a, $b"
done

step "above 2 GiB"
clang-22 -O1 -c -fPIC main.c -o main.o
"$probe" large main.o large.o
llvm-readelf-22 -SW large.o | grep -q '\.lrodata\.net_weights .* Al ' || die "no large section"
rm -f large.o

step "headers with hostile names"
for weights in embed file; do
  "$probe" header $weights net.h
  printf '#include "net.h"\n#include "net.h"\nint32_t (*use)(const net_inputs *, const net_outputs *, void *, %s const net_dims *, const nacre_executor *) = net_run;\n' \
    "$([ $weights = file ] && echo 'const void *,')" > use.c
  cp use.c use.cpp
  clang-22 -std=c99 -pedantic -Wall -Wextra -Werror -Wcomment -Wtrigraphs -I "$include" -fsyntax-only use.c
  clang-22 -std=gnu23 -Wall -Wextra -Werror -I "$include" -fsyntax-only use.c
  clang++-22 -std=c++98 -Wall -Wextra -Werror -Wno-long-long -I "$include" -fsyntax-only use.cpp
  clang++-22 -std=gnu++20 -Wall -Wextra -Werror -I "$include" -fsyntax-only use.cpp
  grep -q '#define net_ARENA_BYTES 4096ull' net.h || die "arena"
  grep -q '  float \*ARENA_2; /\* f32 \[2, 0\] \*/' net.h || die "collision"
  grep -q '  const uint16_t \*x_2; /\* f16 \[2\] \*/' net.h || die "second x"
  grep -q '  const uint16_t \*x_2_2; /\* bf16 \[\] \*/' net.h || die "third x"
  grep -q 'model    %2A/evil%0A.onnx' net.h || die "comment"
done
echo ok
