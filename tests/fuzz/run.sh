#!/bin/bash
# run.sh FUZZER SEEDS: tries every kept input, then inputs made from them, the same ones in each run, for at most
# $RGRID_FUZZ_SECONDS (3). An input that fails is printed, to be kept in SEEDS.
#
# With $RGRID_FUZZ_CORPUS a longer run begins with what earlier ones have found in that folder, and adds to it.
set -euo pipefail

fuzzer=$1 seeds=$2
seconds=${RGRID_FUZZ_SECONDS:-3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
found=$work/found
[ -z "${RGRID_FUZZ_CORPUS:-}" ] || found=$RGRID_FUZZ_CORPUS/$(basename "$fuzzer")
mkdir -p "$found"
[ -n "$(ls "$seeds")" ] || { echo "no input is kept in $seeds"; exit 1; }

code=0
(cd "$work" && "$fuzzer" "$found" "$seeds" -seed=1 -max_total_time="$seconds" -max_len=8192 -timeout=10 \
    -verbosity=1 -artifact_prefix="$work/failed-" >"$work/log" 2>&1) || code=$?
for input in "$work"/failed-*; do
    [ -f "$input" ] || continue
    echo "this input fails; keep it with: base64 -d <<<'$(base64 -w 0 "$input")' >$seeds/NAME"
done
if [ $code -ne 0 ]; then grep -v -E '^#|^INFO|NEW_FUNC' "$work/log" | tail -n 60; exit 1; fi
grep -E '^Done' "$work/log"
