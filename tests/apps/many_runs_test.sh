#!/usr/bin/env bash
# Reports on many runs and comparisons as a user meets them, on run directories written by hand:
# whole ones, broken ones, sweeps, and mistakes. Every expectation is exact.
set -uo pipefail
. "$(dirname "$0")/command_test.sh" "$1"

make_run() {  # folder, method, seed, accuracies of two epochs
  mkdir -p "$1"
  cat >"$1/config.resolved.yaml" <<YAML
name: $(basename "$1")
seed: $3
data: {image_size: 32, noise: {rate: 0.3}}
method: {name: $2}
train: {epochs: 2, threads: $3}
YAML
  printf '{"epoch":1,"train_loss":2,"test_accuracy":%s,"mean_class_accuracy":0.3,"seconds":1}\n' "$4" >"$1/metrics.jsonl"
  printf '{"epoch":2,"train_loss":1,"test_accuracy":%s,"mean_class_accuracy":0.4,"seconds":1}\n' "$5" >>"$1/metrics.jsonl"
  printf '{"name":"%s","method":"%s","epochs":2,"training_seconds":2}\n' "$(basename "$1")" "$2" >"$1/summary.json"
  echo '{}' >"$1/environment.json"
  {
    echo image,label,predicted,p_a,p_b
    for i in $(seq 40); do
      if [ "$i" -le "$6" ]; then echo "$i.png,a,a,0.9,0.1"; else echo "$i.png,a,b,0.1,0.9"; fi
    done
  } >"$1/predictions_test.csv"
  touch "$1/DONE"
}
for seed in 1 2 3; do
  make_run s/runs/baseline_$seed baseline $seed 0.40 0.5$seed 10
  make_run s/runs/scn_$seed scn $seed 0.45 0.6$((seed * seed)) 40
done

# Several runs: grouped by what differs; what is not whole is named and left out.
mkdir s/runs/empty
mkdir s/runs/foreign && echo hello >s/runs/foreign/notes.txt
make_run s/runs/unfinished scn 4 0.1 0.1 1 && rm s/runs/unfinished/DONE
make_run s/runs/half scn 5 0.1 0.1 1 && rm s/runs/half/metrics.jsonl
run 0 report s/runs/* --out all.html --no-faces
for name in empty foreign unfinished half; do says "left out: s/runs/$name" err; done
lines 4
says "better in 3 of 3 seeds, +12.7 points" all.html
says "s/runs/empty: expected a run directory, got an empty folder" all.html
says_not "<script" all.html

cp -r s/runs/scn_1 again
run 0 report s/runs/* again --out twice.html --no-faces
says "again repeats scn_1" twice.html
printf '{"a":%s%s}' "$(printf '[%.0s' $(seq 100000))" "$(printf ']%.0s' $(seq 100000))" >again/summary.json
run 2 report again; says "again/summary.json: expected JSON nested at most 64 deep" err; lines 1

# A folder of runs is the same; files hold the tables and plots; --each writes the runs' own reports.
run 0 report s/runs --files files --each --no-faces
[ -s s/runs/report.html ] || fail "expected s/runs/report.html"
says 'href="scn_2/report.html"' s/runs/report.html
[ -s s/runs/scn_2/report.html ] || fail "expected a report of scn_2"
for ending in md csv tex; do [ -s files/results.$ending ] || fail "expected files/results.$ending"; done
says "baseline,0.52,0.01" files/results.csv
rm -r s/runs/empty s/runs/foreign s/runs/unfinished s/runs/half

# A sweep, with a run that is still to come.
cat >s/sweep.json <<JSON
{"format": "selfcure-sweep-1", "name": "s", "title": "My sweep", "metric": "test_accuracy",
 "axes": [{"name": "method", "label": "method", "values": ["baseline", "scn"]},
          {"name": "seed", "label": "seed", "values": ["1", "2", "3", "4"]}],
 "report": {"rows": ["method"], "repeat": "seed", "baseline": {"method": "baseline"},
            "published": {"table": "table1_synthetic_noise", "figure": "ferplus",
                          "match": {"method": "method"}, "fixed": {"pretrain": "false", "noise": "30"}}},
 "jobs": [$(for m in baseline scn; do for n in 1 2 3 4; do
   printf '{"name": "%s_%s", "directory": "runs/%s_%s", "values": {"method": "%s", "seed": "%s"}},' $m $n $m $n $m $n
 done; done | sed 's/,$//')]}
JSON
run 0 report s --no-faces;    says "scn_4: not started" err
says "My sweep" s/report.html
says "70.45" s/report.html
says "image size 32 instead of 224" s/report.html
run 0 report s/sweep.json --out again.html --no-faces
sed 's/selfcure-sweep-1/selfcure-sweep-9/' s/sweep.json >wrong.json && mkdir w && mv wrong.json w/sweep.json
run 2 report w;               says 'w/sweep.json: expected "format": "selfcure-sweep-1"' err; lines 1
mkdir none && mkdir none/a && echo x >none/a/metrics.jsonl
run 2 report none --no-faces; says "expected finished runs, got none" err
run 2 report s --unfinished;  says "--unfinished is for a single run" err; lines 1

# Two runs.
run 0 compare --help;         says "Examples:" out
run 0 compare s/runs/baseline_1 s/runs/scn_1 --json c.json --out c.html --files cfiles
says "method.name" out;       says "McNemar's test on 40 test images" out
says "B is right more often on these test images: +75.00 points" out
says '"only_second": 30' c.json
[ -s c.html ] && [ -s cfiles/classes.csv ] || fail "expected c.html and cfiles/classes.csv"
sed -i 's/^3.png/x.png/' s/runs/scn_1/predictions_test.csv
run 0 compare s/runs/baseline_1 s/runs/scn_1
says "The test sets differ" out
says_not "McNemar" out
mv s/runs/scn_1/config.resolved.yaml config
run 0 compare s/runs/baseline_1 s/runs/scn_1; says "s/runs/scn_1: config.resolved.yaml is missing" err
mv config s/runs/scn_1/config.resolved.yaml
run 2 compare s/runs/baseline_1 nowhere; says "nowhere" err; lines 1
run 2 compare s/runs/baseline_1
echo "many runs: all as expected"
