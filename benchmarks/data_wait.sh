#!/usr/bin/env bash
# Share of a training's time that its steps wait for data, as metrics.jsonl has it.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: benchmarks/data_wait.sh [KEY=VALUE...]

Draws a demo set, trains SCN (published code's loss, ResNet-18, 224x224, batch 32) on it for two epochs on
the CPU and prints a line of JSON per epoch: seconds, seconds of waiting, their share, images per second. The
first epoch decodes the images, the second gathers them from memory. Settings are those of `selfcure train
--set`, e.g. data.workers=2 or data.memory_mb=0 (decode in every epoch). Bar: a share of at most 0.02.

Exit code: 0 if every epoch meets the bar, 1 if one does not, 2 if something is missing or fails.

Environment: BUILD=build  IMAGES=320
TEXT
}
case ${1:-} in -h | --help) usage; exit 0 ;; esac

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
selfcure=$(realpath -m "${BUILD:-$here/../build}")/bin/selfcure
images=${IMAGES:-320}
[[ -x $selfcure ]] || { echo "data_wait: $selfcure: not there; build it first, or set BUILD" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/config.yaml" <<YAML
name: data_wait
data: {dataset: raf_db, root: $work/data, image_size: 224, workers: 1}
method: {name: scn, preset: published_code}
train: {epochs: 2, batch_size: 32, evaluate_every: 2, device: cpu, optimizer: {name: adam, lr: 0.001}}
YAML
settings=()
for setting in "$@"; do settings+=(--set "$setting"); done
{
  "$selfcure" demo-data "$work/data" --train "$images" --test 8 --side 100
  "$selfcure" train "$work/config.yaml" --out "$work/run" "${settings[@]}"
} >"$work/log" 2>&1 || { tail -n 5 "$work/log" >&2; exit 2; }
python3 - "$work/run/metrics.jsonl" <<'PY'
import json, sys
worst = 0
for line in open(sys.argv[1]):
    epoch = json.loads(line)
    share = epoch["data_wait_seconds"] / epoch["seconds"]
    worst = max(worst, share)
    print(json.dumps({"mode": "data_wait", "epoch": epoch["epoch"], "seconds": round(epoch["seconds"], 3),
                      "wait_seconds": round(epoch["data_wait_seconds"], 4), "wait_share": round(share, 5),
                      "images_per_second": round(epoch["images_per_second"], 1)}))
sys.exit(worst > 0.02)
PY
