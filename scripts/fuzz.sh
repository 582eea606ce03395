#!/usr/bin/env bash
# Feeds changed files to every reader: scripts/fuzz.sh [SECONDS_PER_TARGET] [TARGET...]
#
# Builds tests/fuzz with clang in build/fuzz and runs each target for so many seconds (default 5)
# from the files in tests/data/corpus/TARGET. Exit code 1 at a finding, which is kept and named.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-5}
case $seconds in
  -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *[!0-9]* | '') echo "fuzz.sh: expected a number of seconds, got '$seconds'" >&2; exit 2 ;;
esac
[ $# -gt 0 ] && shift
command -v clang++ >/dev/null || { echo "fuzz.sh: clang++ is missing; scripts/setup.sh installs it" >&2; exit 2; }

cmake -S tests/fuzz -B build/fuzz -G Ninja -DCMAKE_CXX_COMPILER=clang++ >/dev/null
cmake --build build/fuzz
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(ls tests/data/corpus)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p build/fuzz/findings
for target in "${targets[@]}"; do
  cp -r "tests/data/corpus/$target" "$work/$target"
  # Leaks are looked for at the end of each input by default, which takes most of the time.
  if ! SELFCURE_FUZZ_TARGET=$target ASAN_OPTIONS=detect_leaks=0 build/fuzz/reader_fuzzer \
    "$work/$target" -max_len=4096 -timeout=10 -rss_limit_mb=2048 -max_total_time="$seconds" \
    -artifact_prefix="build/fuzz/findings/$target-" -print_final_stats=1 >"$work/log" 2>&1; then
    tail -n 40 "$work/log" >&2
    echo "fuzz: $target: finding, see build/fuzz/findings/$target-*" >&2
    exit 1
  fi
  echo "fuzz: $target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log") files in ${seconds} s, none of them a finding"
done
