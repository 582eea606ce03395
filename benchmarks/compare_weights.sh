#!/usr/bin/env bash
# Reading a ResNet-18 (45 MB) against torch.load, in alternation: compare_weights.sh [ROUNDS]
#
# Prints, for the zip and the legacy format, the median seconds of both and their ratio (torch.load
# over selfcure: above 1 is faster). The first read of each program is left out.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-7}
case $rounds in
  -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *[!0-9]* | '' | 0) echo "compare_weights.sh: expected a number of rounds, got '$rounds'" >&2; exit 2 ;;
esac
program=build/bin/benchmark_weights
[ -x "$program" ] || { echo "compare_weights.sh: $program is missing; run scripts/build.sh" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
/usr/bin/python3 - "$work" <<'P'
import sys, torch, torchvision
state = torchvision.models.resnet18().state_dict()
torch.save(state, sys.argv[1] + "/zip.pth")
torch.save(state, sys.argv[1] + "/legacy.pth", _use_new_zipfile_serialization=False)
P
cat >"$work/read.py" <<'P'
import sys, time, torch
for _ in range(2):
    begin = time.perf_counter()
    torch.load(sys.argv[1])
    seconds = time.perf_counter() - begin
print(f"{seconds:.6f}")
P
for format in zip legacy; do
  : >"$work/ours"; : >"$work/theirs"
  for _ in $(seq "$rounds"); do
    "$program" "$work/$format.pth" 2 | tail -n 1 >>"$work/ours"
    /usr/bin/python3 "$work/read.py" "$work/$format.pth" >>"$work/theirs"
  done
  middle=$(((rounds + 1) / 2))
  ours=$(sort -g "$work/ours" | sed -n "${middle}p")
  theirs=$(sort -g "$work/theirs" | sed -n "${middle}p")
  awk -v f="$format" -v a="$ours" -v b="$theirs" \
    'BEGIN { printf "%-7s selfcure %.3f s, torch.load %.3f s, ratio %.2f\n", f, a, b, b / a }'
done
