#!/usr/bin/env bash
# Speed and memory of selfcure against the same training in plain PyTorch (python_scn.py), in one run.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: benchmarks/compare_with_python.sh [step] [epoch] [memory]     (default: all three)

Ratios of selfcure to benchmarks/python_scn.py, both on the CPU in float32 with two threads: SCN with the
published code's loss on ResNet-18, 224x224, batch 32, Adam. The rivals alternate (python, selfcure, python,
selfcure, ...), because only neighbouring runs compare on a shared machine. Each ratio belongs to one round;
median, minimum and maximum over the rounds are printed.

  step    python seconds / selfcure seconds of one update on a fixed random batch in memory: forward pass,
          loss, backward pass, optimizer. Median of STEPS updates per round. Bar: 1.0.
  epoch   python seconds / selfcure seconds of one epoch over IMAGES JPEGs of 100x100 pixels. Inside on both
          sides: reading, decoding, resizing, mirror, normalisation, random erasing,
          updates, running loss. Outside on both sides: start of the program and imports, reading the list (the script also starts
          its workers inside, as a DataLoader does),
          building the network, evaluation, saving. The script has two worker processes, selfcure one worker
          thread. Bar: 1.05.
  memory  selfcure bytes / python bytes: peak of the summed PSS of all processes while they train that epoch,
          from start to end of the program (selfcure also evaluates and saves). Measured in runs of its own,
          because sampling costs time. Bar: at most 0.8.

Exit code: 0 if every median meets its bar, 1 if one does not, 2 if something is missing or fails.

Environment:
  BUILD=build               build folder: needs bin/selfcure, and bin/benchmark_step for `step`
  PYTHON=/usr/bin/python3   a Python that has torch, torchvision and PIL
  ROUNDS=3  MEMORY_ROUNDS=1 rounds
  STEPS=5                   timed updates per round and rival
  IMAGES=2000               training images that `selfcure demo-data` draws
  DATA=                     use this RAF-DB folder instead
TEXT
}

fail() {
  echo "compare_with_python: $*" >&2
  exit 2
}

positive() {  # NAME VALUE
  [[ $2 =~ ^[1-9][0-9]*$ ]] || fail "$1: expected a positive whole number, got '$2'"
}

parts=()
for argument in "$@"; do
  case $argument in
    -h | --help) usage; exit 0 ;;
    step | epoch | memory) parts+=("$argument") ;;
    *) fail "expected step, epoch or memory, got '$argument' (see --help)" ;;
  esac
done
[[ ${#parts[@]} -gt 0 ]] || parts=(step epoch memory)
wants() { [[ " ${parts[*]} " == *" $1 "* ]]; }

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(realpath -m "${BUILD:-$here/../build}")
python=${PYTHON:-/usr/bin/python3}
rounds=${ROUNDS:-3}
memory_rounds=${MEMORY_ROUNDS:-1}
steps=${STEPS:-5}
images=${IMAGES:-2000}
data=${DATA:-}
positive ROUNDS "$rounds"
positive MEMORY_ROUNDS "$memory_rounds"
positive STEPS "$steps"
positive IMAGES "$images"

needed=()
if wants step; then needed+=(benchmark_step); fi
if wants epoch || wants memory; then needed+=(selfcure); fi
for program in "${needed[@]}"; do
  [[ -x $build/bin/$program ]] || fail "$build/bin/$program: not there; build it first, or set BUILD"
done
command -v "$python" >/dev/null || fail "$python: not there; install python3, or set PYTHON"
"$python" -c 'import torch, torchvision, PIL' 2>/dev/null ||
  fail "$python: cannot import torch, torchvision and PIL; on Debian install python3-torch," \
    "python3-torchvision and python3-pil, or set PYTHON"
[[ -z $data || -d $data ]] || fail "DATA: no folder '$data'"

work=$(mktemp -d "${TMPDIR:-/tmp}/selfcure_compare.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 2' INT TERM

# Runs a command with its output in a log; on failure shows the log's end.
logged() {  # LOG COMMAND...
  local log=$1
  shift
  "$@" >"$log" 2>"$log.errors" || {
    tail -n 20 "$log" "$log.errors" >&2
    fail "failed: $*"
  }
}

# Last JSON line of a file that holds the key, as one number: the value, or the median of a list.
number() {  # FILE KEY
  "$python" - "$1" "$2" <<'PYTHON' || fail "$1: no line with \"$2\""
import json, statistics, sys
path, key = sys.argv[1:]
rows = [json.loads(line) for line in open(path) if line.startswith("{")]
value = [row[key] for row in rows if key in row][-1]
print(repr(float(statistics.median(value) if isinstance(value, list) else value)))
PYTHON
}

record() {  # PART ROUND PYTHON SELFCURE
  echo "$*" >>"$work/results"
  echo "$1 round $2: python $3, selfcure $4"
}

step_python() {
  logged "$work/step_python" "$python" "$here/python_scn.py" --mode step --batch 32 --size 224 --threads 2 \
    --steps "$steps"
}

step_selfcure() {
  logged "$work/step_selfcure" "$build/bin/benchmark_step" --batch 32 --size 224 --threads 2 --steps "$steps"
}

prefix=()  # command that the epoch runs are started with

epoch_python() {
  logged "$work/epoch_python" "${prefix[@]}" "$python" "$here/python_scn.py" --mode epoch --root "$data" --epochs 1 \
    --batch 32 --size 224 --workers 2 --threads 2
}

epoch_selfcure() {
  rm -rf "$work/run"
  logged "$work/epoch_selfcure" "${prefix[@]}" "$build/bin/selfcure" train "$work/bench.yaml" \
    --set "data.root=$data" --out "$work/run"
}

# The folder of the run, whether --out names it or its parent.
metrics_file() {
  local found
  found=$(find "$work/run" -name metrics.jsonl -print -quit)
  [[ -n $found ]] || fail "selfcure train wrote no metrics.jsonl under its --out folder"
  echo "$found"
}

prepare_data() {
  cat >"$work/bench.yaml" <<'YAML'
name: bench
seed: 1
data:
  dataset: raf_db
  root: set-by-the-script
  image_size: 224
  workers: 1
  augment: {flip: 0.5, erase: 0.5}
model: {backbone: resnet18}
method: {name: scn, preset: published_code}
train:
  epochs: 1
  batch_size: 32
  device: cpu
  threads: 2
  optimizer: {name: adam, lr: 0.001, weight_decay: 0.0001}
YAML
  if [[ -z $data ]]; then
    data=$work/data
    # Both rivals train on the training images; selfcure alone evaluates, on a few.
    logged "$work/demo_data" "$build/bin/selfcure" demo-data "$data" --train "$images" --test 50
  else
    data=$(realpath "$data")
  fi
}

: >"$work/results"
if wants epoch || wants memory; then prepare_data; fi

if wants step; then
  for ((round = 1; round <= rounds; ++round)); do
    step_python
    step_selfcure
    python_seconds=$(number "$work/step_python" seconds)
    selfcure_seconds=$(number "$work/step_selfcure" seconds)
    record step "$round" "$python_seconds" "$selfcure_seconds"
  done
fi
if wants epoch; then
  for ((round = 1; round <= rounds; ++round)); do
    epoch_python
    epoch_selfcure
    python_seconds=$(number "$work/epoch_python" seconds)
    metrics=$(metrics_file)
    selfcure_seconds=$(number "$metrics" seconds)
    record epoch "$round" "$python_seconds" "$selfcure_seconds"
  done
fi
if wants memory; then
  for ((round = 1; round <= memory_rounds; ++round)); do
    for rival in python selfcure; do
      prefix=("$python" "$here/process_tree_memory.py" --output "$work/memory_$rival" --)
      "epoch_$rival"
    done
    python_bytes=$(number "$work/memory_python" peak_bytes)
    selfcure_bytes=$(number "$work/memory_selfcure" peak_bytes)
    record memory "$round" "$python_bytes" "$selfcure_bytes"
  done
fi

"$python" - "$work/results" <<'PYTHON'
import statistics, sys

# Name, what the ratio is, does a median meet the bar, the bar in words.
PARTS = {
    "step": ("training step, python / selfcure", lambda ratio: ratio >= 1.0, "at least 1.00"),
    "epoch": ("whole epoch, python / selfcure", lambda ratio: ratio >= 1.05, "at least 1.05"),
    "memory": ("peak memory, selfcure / python", lambda ratio: ratio <= 0.8, "at most 0.80"),
}
ratios = {}
for line in open(sys.argv[1]):
    part, _, python, selfcure = line.split()
    python, selfcure = float(python), float(selfcure)
    ratios.setdefault(part, []).append(selfcure / python if part == "memory" else python / selfcure)
missed = False
print(f"{'ratio':34} {'median':>7} {'min':>7} {'max':>7}  bar")
for part, values in ratios.items():
    name, meets, bar = PARTS[part]
    median = statistics.median(values)
    missed |= not meets(median)
    print(f"{name:34} {median:7.3f} {min(values):7.3f} {max(values):7.3f}  {bar}: "
          f"{'met' if meets(median) else 'MISSED'}")
sys.exit(1 if missed else 0)
PYTHON
