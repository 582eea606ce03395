#!/usr/bin/env bash
# Reports of real runs: every way to ask for one, pictures of every kind of data set, and what is no
# run is one clear line.
set -uo pipefail
. "$(dirname "$0")/command_test.sh" "$1"
pictures() { [ "$(grep -oF '<img ' "$1" | wc -l)" -ge "$2" ] || fail "expected at least $2 pictures in $1"; }

run 0 report --help; says "Examples:" out

cat >base.yaml <<YAML
name: small
data: {dataset: raf_db, root: raf_db, image_size: 32, workers: 1, noise: {type: symmetric, rate: 0.3, seed: 7}}
method: {name: scn, preset: published_code, relabel: {enabled: true, threshold: 0.05, start_epoch: 1}}
train: {epochs: 1, batch_size: 8, device: cpu, threads: 1, optimizer: {name: adam, lr: 0.001}}
YAML

# Pictures in files, in boxes, in a table, in videos.
for layout in raf_db affectnet_2017 ferplus webemotion; do
  count=30
  [ $layout = webemotion ] && count=88
  run 0 demo-data $layout --layout $layout --train $count --test 16 --side 32
  run 0 train base.yaml --out runs/$layout --set data.dataset=$layout --set data.root=$layout
  run 0 report runs/$layout
  says "runs/$layout/report.html" out
  pictures runs/$layout/report.html 30
done

# Rows are counted without an image that could not be read; its neighbours still show.
cp -r raf_db holes; rm holes/Image/aligned/train_00003_aligned.jpg
run 0 train base.yaml --out runs/holes --set data.root=holes --set data.on_error=skip
run 0 report runs/holes; pictures runs/holes/report.html 30

# As files, elsewhere, without pictures.
run 0 report runs/raf_db --out here.html --files files --no-faces
says "here.html" out; says "files/accuracy.png" out
[ "$(grep -cF '<img ' here.html)" -eq 0 ] || fail "expected no picture in here.html"
[ "$(head -c 4 files/accuracy.png | tail -c 3)" = PNG ] || fail "expected a PNG"
run 0 report runs/raf_db --faces 2 --out two.html; pictures two.html 4

# A data set that is gone costs the pictures.
mv ferplus gone
run 0 report runs/ferplus --out gone.html
says "Pictures of faces are missing" gone.html
[ "$(grep -cF '<img ' gone.html)" -eq 0 ] || fail "expected no picture in gone.html"

# What is no run is named; others of the same call are reported on.
mkdir empty; cp -r runs/raf_db half; truncate -s 60 half/metrics.jsonl
cp -r runs/raf_db open; rm open/DONE
run 2 report nowhere; says "nowhere: expected a run directory" err; lines 1
run 2 report empty; says "got an empty folder" err; lines 1
run 2 report raf_db; says "expected a run directory" err; lines 1
run 2 report half; says "half/metrics.jsonl:1" err; lines 1
run 2 report open; says "not finished" err; lines 1
run 0 report open --unfinished
rm runs/holes/report.html
run 0 report empty half runs/holes --each; says "left out: empty" err; says "left out: half" err; lines 2
[ -s runs/holes/report.html ] || fail "expected a report beside those left out"
run 2 report empty half; says "expected finished runs, got none" err
run 2 report runs/holes --out /proc/x.html; says "/proc/x.html" err; lines 1
run 2 report runs/holes --files base.yaml; says "base.yaml" err; lines 1
echo "reports behave"
