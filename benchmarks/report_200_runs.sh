#!/usr/bin/env bash
# Seconds and peak memory of a report on many runs: 200 of 40 epochs, 3,000 test images, 25,000
# training images and 25,000 relabels each. Usage: report_200_runs.sh [SELFCURE] [RUNS]
set -euo pipefail
cd "$(dirname "$0")/.."
selfcure=${1:-build/bin/selfcure}
runs=${2:-200}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

/usr/bin/python3 - "$work" "$runs" <<'PYTHON'
import json, os, random, sys

folder, count = sys.argv[1], int(sys.argv[2])
random.seed(1)
classes = ["Surprise", "Fear", "Disgust", "Happiness", "Sadness", "Anger", "Neutral", "Contempt"]
train, test, relabels, epochs = 25000, 3000, 25000, 40
images = [f"Training/fer{row:07d}.png" for row in range(train)]

def any_class():
    return random.choice(classes)

# The large files are the same for every run: what they cost does not depend on what is in them.
clean = [any_class() for _ in images]
given = [c if random.random() > 0.3 else any_class() for c in clean]
big = {
    "labels.csv": "id,image,clean,noisy\n"
    + "".join(f"{i},{name},{c},{g}\n" for i, (name, c, g) in enumerate(zip(images, clean, given))),
    "importance.csv": "id,image,importance,label,given,clean\n"
    + "".join(f"{i},{name},{random.random():.6g},{c},{g},{c}\n"
              for i, (name, c, g) in enumerate(zip(images, clean, given))),
    "relabels.csv": "epoch,id,image,from,to,clean\n"
    + "".join(f"{random.randint(10, epochs)},{row},{images[row]},{given[row]},{any_class()},{clean[row]}\n"
              for row in (random.randrange(train) for _ in range(relabels))),
    "predictions_test.csv": "image,label,predicted," + ",".join("p_" + c for c in classes) + ",importance\n"
    + "".join(f"Test/fer{i:07d}.png,{any_class()},{any_class()},"
              + ",".join(f"{random.random():.6g}" for _ in classes) + ",0.5\n" for i in range(test)),
    "importance_histogram.csv": "epoch,given_label,low,high,count\n"
    + "".join(f"{e},{group},{b / 100:.2f},{(b + 1) / 100:.2f},{random.randint(1, 500)}\n"
              for e in range(1, epochs + 1) for group in ("right", "wrong") for b in range(100)),
}
confusion = [[random.randint(0, 99) for _ in classes] for _ in classes]
evaluation = json.dumps({"epoch": epochs, "samples": test, "accuracy": 0.7, "mean_class_accuracy": 0.6,
                         "classes": [{"name": c, "precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 375}
                                     for c in classes], "confusion_matrix": confusion}, indent=2)
methods, rates = ["baseline", "scn"], ["0.1", "0.2", "0.3", "0.4", "0.5"]
jobs = []
for number in range(count):
    method, rate = methods[number % 2], rates[number // 2 % 5]
    seed = str(number // 10 + 1)
    name = f"{method}_noise{rate}_seed{seed}"
    path = os.path.join(folder, "runs", name)
    os.makedirs(path)
    lines = []
    for epoch in range(1, epochs + 1):
        accuracy = 0.8 - 0.5 / epoch - 0.2 * float(rate) + random.gauss(0, 0.01)
        line = {"epoch": epoch, "lr": 0.1, "train_loss": 2 / epoch, "cross_entropy": 1.5 / epoch,
                "train_accuracy": accuracy, "test_accuracy": accuracy, "mean_class_accuracy": 0.9 * accuracy,
                "seconds": 12.5, "images_per_second": 2000.5, "data_wait_seconds": 0.1,
                "evaluation_seconds": 1.5, "labels_changed": 0}
        if method == "scn":
            line.update({"rank_loss": 0.01, "margin": 0.15, "alpha_high_mean": 0.6, "alpha_low_mean": 0.4,
                         "alpha_mean": 0.5, "alpha_min": 0.01, "alpha_max": 0.99, "alpha_spread": 0.1,
                         "relabelled": 600, "labels_changed": 600 * epoch, "relabel_precision": random.random(),
                         "relabel_recall": random.random(), "alpha_auc": random.random()})
        lines.append(json.dumps(line))
    small = {
        "config.resolved.yaml": f"name: {name}\nseed: {seed}\ndata:\n  image_size: 64\n  noise:\n    rate: {rate}\n"
        f"method:\n  name: {method}\ntrain:\n  epochs: {epochs}\n",
        "metrics.jsonl": "\n".join(lines) + "\n",
        "environment.json": json.dumps({"selfcure": "0.1.0", "device": "cpu"}),
        "evaluation_test.json": evaluation,
        "summary.json": json.dumps({"name": name, "method": method, "epochs": epochs, "training_seconds": 500}),
        "DONE": "",
    }
    for file, content in {**big, **small}.items():
        with open(os.path.join(path, file), "w", encoding="utf-8") as out:
            out.write(content)
    jobs.append({"name": name, "directory": "runs/" + name,
                 "values": {"method": method, "noise": rate, "seed": seed}})
seeds = sorted({job["values"]["seed"] for job in jobs}, key=int)
sweep = {"format": "selfcure-sweep-1", "name": "many", "title": "Many runs", "metric": "test_accuracy",
         "axes": [{"name": "method", "label": "method", "values": methods},
                  {"name": "noise", "label": "noise", "values": rates},
                  {"name": "seed", "label": "seed", "values": seeds}],
         "report": {"rows": ["method"], "columns": ["noise"], "repeat": "seed", "baseline": {"method": "baseline"},
                    "same_faces": [job["name"] for job in jobs[1:4]],
                    "published": {"table": "table1_synthetic_noise", "figure": "ferplus",
                                  "match": {"method": "method", "noise": "noise"}, "fixed": {"pretrain": "false"}}},
         "jobs": jobs}
with open(os.path.join(folder, "sweep.json"), "w", encoding="utf-8") as out:
    json.dump(sweep, out)
PYTHON
echo "$runs run directories: $(du -sh "$work/runs" | cut -f 1)"

measure() {  # words, arguments of selfcure
  /usr/bin/python3 - "$@" <<'PYTHON'
import resource, subprocess, sys, time

begin = time.monotonic()
subprocess.run(sys.argv[2:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{sys.argv[1]}: {time.monotonic() - begin:.1f} s, of it {usage.ru_utime + usage.ru_stime:.1f} s of a core; "
      f"peak memory {usage.ru_maxrss / 1024:.0f} MiB")
PYTHON
}
measure "sweep" "$selfcure" report "$work" --out "$work/sweep.html"
measure "sweep with all tables and plots as files" "$selfcure" report "$work" --out "$work/sweep.html" --files "$work/files"
mapfile -t directories < <(find "$work/runs" -mindepth 1 -maxdepth 1 -type d | sort)
measure "the same runs one by one" "$selfcure" report "${directories[@]}" --out "$work/runs.html"
first=${directories[0]} last=${directories[-1]}
measure "compare two of them" "$selfcure" compare "$first" "$last" --out "$work/compare.html"
measure "report of one of them" "$selfcure" report "$last" --out "$work/run.html"
