#!/usr/bin/env bash
# Runs the kernels under the address and undefined-behaviour sanitizers and the pool of threads under the thread sanitizer, with
# Swift's clang; nothing of it stays in the tree.
set -euo pipefail
cd "$(dirname "$0")/.."

toolchain=$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")
libraries=$toolchain/lib/swift/linux
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# compile NAME FLAGS…
compile() {
  local name=$1
  shift
  # Sanitized loops are not vectorized, which clang would warn of.
  "$toolchain/bin/clang" -std=c11 -O1 -g -Wall -Wextra -Wno-pass-failed -ISources/CKernels/include "$@" \
    Tests/KernelDriver/*.c Sources/CKernels/*.c -pthread -lm -o "$folder/$name" 2> >(grep -v '__asan_' >&2)
}

compile addresses -fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=undefined
"$folder/addresses" shapes
"$folder/addresses" threads
compile races -fsanitize=thread -L"$libraries" -ldispatch -lBlocksRuntime -Wl,-rpath,"$libraries"
TSAN_OPTIONS=die_after_fork=0 "$folder/races" threads
echo "sanitize: nothing was found"
