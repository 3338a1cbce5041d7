#!/usr/bin/env bash
# Counts the instructions of the hot kernels (AVX2, one thread: what valgrind knows) and compares them with those in
# Tests/CKernelsTests/instructions.txt, 10 % either way.
#   scripts/instructions.sh [--driver PROGRAM] [--rewrite]
# --rewrite writes the file anew: after a change of the kernels or of the compiler that is meant to be so.
set -euo pipefail
cd "$(dirname "$0")/.."

driver=.build/release/kernel-driver
expected=Tests/CKernelsTests/instructions.txt
rewrite=no
while [ $# -gt 0 ]; do
  case $1 in
    --driver) driver=$2; shift 2 ;;
    --rewrite) rewrite=yes; shift ;;
    *) echo "instructions: unknown argument $1" >&2; exit 2 ;;
  esac
done

skip() {
  echo "instructions: skipped, $*"
  exit 77
}
command -v valgrind >/dev/null || skip "valgrind is missing (apt-get install valgrind)"
[ "$(uname -m)" = x86_64 ] || skip "the counts are those of x86_64"
[ "$(UIO2_KERNELS=avx2 "$driver" level)" = avx2 ] || skip "this processor has no AVX2"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Valgrind gives up on debugging information that is newer than itself.
strip --strip-debug -o "$folder/driver" "$driver"
UIO2_KERNELS=avx2 OPENBLAS_NUM_THREADS=1 OPENBLAS_CORETYPE=Haswell valgrind --tool=callgrind \
  --toggle-collect='measure_*' --callgrind-out-file="$folder/counts" "$folder/driver" hot >"$folder/log" 2>&1 || {
  cat "$folder/log"
  exit 1
}
callgrind_annotate --inclusive=yes --threshold=100 --auto=no "$folder/counts" |
  sed -n 's/^ *\([0-9,]*\) .*:measure_\([a-z0-9_]*\).*/\2 \1/p' | tr -d , | sort >"$folder/found"

if [ "$rewrite" = yes ]; then
  {
    echo "# Instructions of each measure_KERNEL of Tests/KernelDriver/hot.c in a release build, level avx2."
    echo "# Written by scripts/instructions.sh --rewrite"
    cat "$folder/found"
  } >"$expected"
  echo "instructions: wrote $expected"
  exit 0
fi

awk '
  /^#/ { next }
  NR == FNR { expected[$1] = $2; next }
  !($1 in expected) { print $1 ": " $2 " instructions, none expected"; wrong = 1; next }
  {
    change = 100 * ($2 / expected[$1] - 1)
    printf "%-18s %8d of %8d  %+.1f %%\n", $1, $2, expected[$1], change
    if (change > 10 || change < -10) wrong = 1
    seen[$1] = 1
  }
  END {
    for (name in expected) if (!(name in seen)) { print name ": not measured"; wrong = 1 }
    if (wrong) print "instructions: outside 10 %; where that is meant: scripts/instructions.sh --rewrite"
    exit wrong
  }' "$expected" "$folder/found"
