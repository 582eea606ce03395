#!/usr/bin/env bash
# Speed of a training on a GPU against the same training in plain PyTorch (python_scn.py), and checks
# that want a GPU, on a machine that has a PyTorch with CUDA and the CUDA toolkit and nothing else.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: benchmarks/gpu.sh [--device cuda|cpu]

Builds benchmark_gpu (benchmarks/gpu) against the LibTorch inside PyTorch, runs its checks and times, with
SCN's published-code form on ResNet-18 and Adam:

  epoch   one epoch over IMAGES pictures of 100x100 pixels, enlarged: seconds of the script, which reads and
          decodes JPEGs with four workers in every epoch and takes float32 with PyTorch's defaults (TF32
          convolutions), over those of the trainer. The trainer reads raw pixels, because nothing on such a
          machine decodes JPEGs for it, in its first epoch; each rival's last epoch counts. With the images
          kept by the host and on the GPU, in tf32 and in bf16.
  feed    images per second of the bf16 epoch over those of steps on one batch that lies on the GPU.
  step    images per second of steps on a fixed batch: fp32, tf32, bf16, fp16, recorded as a CUDA graph and
          not. Bar: 6,000 with bf16, recorded, on one H100.

Writes RESULTS.md and RESULTS.json. Exit code: 0, or 1 if a check failed or a bar was missed, or 2 if
something is missing. --device cpu goes through all of it with tiny numbers that mean nothing.

Environment:
  PYTHON=python3     a Python that has torch; torchvision and PIL too, or the script's epoch is left out
  BUILD=build/gpu    build folder      RESULTS=$BUILD/gpu_benchmark   path of the results without ending
  BATCH=256  SIZE=224  IMAGES=12288  STEPS=50  EPOCHS=3  WORKERS=4
TEXT
}

fail() {
  echo "gpu.sh: $*" >&2
  exit 2
}

device=cuda
while [[ $# -gt 0 ]]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --device)
      [[ ${2:-} == cuda || ${2:-} == cpu ]] || fail "--device: expected cuda or cpu, got '${2:-}'"
      device=$2
      shift 2
      ;;
    *) fail "expected --device, got '$1' (see --help)" ;;
  esac
done

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${PYTHON:-python3}
build=$(realpath -m "${BUILD:-$here/../build/gpu}")
results=$(realpath -m "${RESULTS:-$build/gpu_benchmark}")
workers=${WORKERS:-4}
if [[ $device == cpu ]]; then
  batch=${BATCH:-8} size=${SIZE:-32} images=${IMAGES:-28} steps=${STEPS:-1} epochs=${EPOCHS:-2}
  precisions="fp32 bf16" graph_settings=0 like=fp32 build_jobs=${JOBS:-1}
else
  batch=${BATCH:-256} size=${SIZE:-224} images=${IMAGES:-12288} steps=${STEPS:-50} epochs=${EPOCHS:-3}
  precisions="fp32 tf32 bf16 fp16" graph_settings="0 1" like=tf32 build_jobs=${JOBS:-$(nproc)}
fi

command -v "$python" >/dev/null || fail "$python: not there; set PYTHON"
command -v cmake >/dev/null || fail "cmake: not there"
prefix=$("$python" -c 'import torch; print(torch.utils.cmake_prefix_path)' 2>/dev/null) ||
  fail "$python: cannot import torch; set PYTHON"
options=()
if [[ $device == cuda ]]; then
  "$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' ||
    fail "$python: this PyTorch sees no CUDA device"
  nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
  [[ -x $nvcc ]] || fail "nvcc: not there; the CMake files of PyTorch want the CUDA toolkit"
  capability=$("$python" -c 'import torch; print("%d.%d" % torch.cuda.get_device_capability())')
  export TORCH_CUDA_ARCH_LIST=$capability
  options+=("-DCMAKE_CUDA_COMPILER=$nvcc" "-DCMAKE_CUDA_ARCHITECTURES=${capability/./}")
fi
command -v ninja >/dev/null && options+=(-G Ninja)

export OMP_WAIT_POLICY=passive  # idle CPU threads sleep
begin=$SECONDS
cmake -S "$here/.." -B "$build" -DCMAKE_BUILD_TYPE=Release -DSELFCURE_GPU_BENCHMARK_ONLY=ON \
  -DCMAKE_PREFIX_PATH="$prefix" "${options[@]}" >"$build.log" 2>&1 ||
  { tail -n 20 "$build.log" >&2; fail "CMake found no LibTorch that it can use ($build.log)"; }
cmake --build "$build" --target benchmark_gpu -j "$build_jobs" >>"$build.log" 2>&1 ||
  { grep -m 5 -A 5 -E 'error|FAILED' "$build.log" >&2; fail "the build failed ($build.log)"; }
program=$build/bin/benchmark_gpu
echo "built in $((SECONDS - begin)) s"

work=$(mktemp -d "${TMPDIR:-/tmp}/selfcure_gpu.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 2' INT TERM

# The same pictures as raw pixels and, where PIL is there, as JPEGs in the layout of RAF-DB. 64 of them
# differ; their number is what costs time.
"$python" - "$work" "$images" <<'PYTHON'
import os, random, sys
work, count, side, different = sys.argv[1], int(sys.argv[2]), 100, 64
try:
    from PIL import Image, ImageFilter
except ImportError:
    Image = None
random.seed(1)
names, raws = [], []
folder = os.path.join(work, "data", "Image", "aligned")
os.makedirs(folder)
os.makedirs(os.path.join(work, "data", "EmoLabel"))
lines = []
for i in range(count):
    path = os.path.join(folder, f"train_{i:05}_aligned.jpg")
    if i < different:
        pixels = random.randbytes(side * side * 3) if hasattr(random, "randbytes") else os.urandom(side * side * 3)
        if Image:
            picture = Image.frombytes("RGB", (side, side), pixels).filter(ImageFilter.GaussianBlur(2))
            picture.save(path, quality=90)
            pixels = Image.open(path).convert("RGB").tobytes()
        raws.append(bytes(b for p in range(0, len(pixels), 3) for b in pixels[p:p + 3][::-1]))
    elif Image:
        os.link(os.path.join(folder, f"train_{i % different:05}_aligned.jpg"), path)
    lines.append(f"train_{i:05}.jpg {i % 7 + 1}\n")
with open(os.path.join(work, "data", "EmoLabel", "list_patition_label.txt"), "w") as file:
    file.writelines(lines)
with open(os.path.join(work, "pixels"), "wb") as file:
    for i in range(count):
        file.write(raws[i % different])
PYTHON

status=0
common=(--device "$device" --batch "$batch" --size "$size" --pixels "$work/pixels")
: >"$work/results"
run() {  # what is said before the line; arguments of benchmark_gpu
  local what=$1
  shift
  if "$program" "${common[@]}" "$@" >"$work/out" 2>"$work/errors"; then
    grep -E '^note: ' "$work/out" | sed "s/^/$what: /" || true
    grep -E '^\{' "$work/out" | tee -a "$work/results"
  else
    tail -n 3 "$work/errors" >&2
    echo "$what: FAILED"
    status=1
  fi
}

check_size=64
[[ $device == cuda ]] || check_size=$size
"$program" --mode check "${common[@]}" --size "$check_size" >"$work/checks" 2>"$work/errors" || status=1
cat "$work/checks"
[[ -s $work/checks ]] || { tail -n 3 "$work/errors" >&2; status=1; }

for precision in $precisions; do
  for graphs in $graph_settings; do
    run "step $precision" --mode step --precision "$precision" --graphs "$graphs" --steps "$steps"
  done
done
caches="none gpu"
for cache in $caches; do
  for precision in $like bf16; do
    run "epoch $precision $cache" --mode epoch --precision "$precision" --cache "$cache" --epochs "$epochs" \
      --workers "$workers"
  done
done
if "$python" -c 'import torchvision, PIL' 2>/dev/null; then
  "$python" "$here/python_scn.py" --root "$work/data" --device "$device" --batch "$batch" \
    --size "$size" --workers "$workers" --epochs 2 --threads 2 >"$work/python" 2>"$work/errors" ||
    { tail -n 3 "$work/errors" >&2; fail "python_scn.py failed"; }
  cat "$work/python"
else
  : >"$work/python"
  echo "epoch of the script: left out, $python has no torchvision or no PIL"
fi

"$python" - "$work" "$results" "$device" "$like" <<'PYTHON' || status=1
import json, os, statistics, sys
import torch
work, results, device, like = sys.argv[1:]
rows = [json.loads(line) for line in open(os.path.join(work, "results"))]
script = [json.loads(line)["seconds"] for line in open(os.path.join(work, "python")) if line.startswith("{")]
checks = [line.strip() for line in open(os.path.join(work, "checks")) if line.startswith("check ")]
# A step that could not be recorded was launched as ever: that is no number of a recording.
steps = {(r["precision"], r["graphs"]): r["images"] / statistics.median(r["seconds"])
         for r in rows if r["mode"] == "step" and not (r["graphs"] and r["replayed"] == 0 and device == "cuda")}
epochs = {(r["precision"], r["cache"]): (r["seconds"][-1], r["images"] / r["seconds"][-1])
          for r in rows if r["mode"] == "epoch"}
name = torch.cuda.get_device_name() if device == "cuda" else "CPU (dry run: no number means anything)"
text = [f"# Training on {name}", "", f"PyTorch {torch.__version__}. "
        f"Batch {rows[0]['batch']}, {rows[0]['size']}x{rows[0]['size']} pixels." if rows else "", "",
        "| step on a fixed batch | images/s, recorded | images/s, not recorded |", "|---|---:|---:|"]
number = lambda value: "-" if value is None else f"{value:,.0f}"
for precision in dict.fromkeys(p for p, _ in steps):
    text.append(f"| {precision} | {number(steps.get((precision, 1)))} | {number(steps.get((precision, 0)))} |")
text += ["", "| epoch | seconds | images/s | script's seconds / these | of the fixed batch's rate |",
         "|---|---:|---:|---:|---:|"]
summary = {"device": name, "torch": torch.__version__, "steps": {}, "epochs": {}, "checks": checks}
for (precision, graphs), rate in steps.items():
    summary["steps"][f"{precision}{'_recorded' if graphs else ''}"] = rate
best_rate = lambda precision: steps.get((precision, 1), steps.get((precision, 0)))
for (precision, cache), (seconds, rate) in epochs.items():
    ratio = script[-1] / seconds if script else None
    feed = rate / best_rate(precision) if best_rate(precision) else None
    summary["epochs"][f"{precision}_{cache}"] = {"seconds": seconds, "images_per_second": rate,
                                                 "script_ratio": ratio, "feed_ratio": feed}
    text.append(f"| {precision}, cache {cache} | {seconds:.2f} | {rate:,.0f} | "
                f"{'-' if ratio is None else f'{ratio:.2f}'} | {'-' if feed is None else f'{feed:.2f}'} |")
if script:
    summary["script_seconds"] = script[-1]
    text += ["", f"Script: {script[-1]:.2f} s for its last epoch."]
text += ["", "Checks:", ""] + [f"- {line[len('check '):]}" for line in checks]
missed = False
if device == "cuda":
    rate = steps.get(("bf16", 1))
    missed = rate is None or rate < 6000
    summary["bar_6000_met"] = not missed
    text += ["", f"Bar of 6,000 images/s with bf16, recorded: {'MISSED' if missed else 'met'}."]
for ending, content in ((".md", "\n".join(text) + "\n"), (".json", json.dumps(summary, indent=2) + "\n")):
    with open(results + ending, "w") as file:
        file.write(content)
print("\n".join(text))
sys.exit(1 if missed else 0)
PYTHON
echo "total $((SECONDS - begin)) s; $results.md and .json"
exit "$status"
