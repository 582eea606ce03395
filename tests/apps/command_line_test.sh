#!/usr/bin/env bash
# The command as a user meets it: help, one small training, and one clear line with exit code 2 for
# each mistake. Every expectation is exact; the first that fails ends the test.
set -uo pipefail
. "$(dirname "$0")/command_test.sh" "$1"

# Help and version.
run 0 --help;                 says "demo-data" out; says "Examples:" out
for verb in train evaluate bench demo-data "config check" "config explain"; do
  # shellcheck disable=SC2086
  run 0 $verb --help;         says "Examples:" out
done
run 0 --version;              says "LibTorch" out; says "source revision" out; says "cpu:" out
run 2;                        run 2 nonsense
run 0 config explain train.epochs; says "train.epochs" out
run 2 config explain train.epoch;  says "train.epochs" err

# A small set and a config.
run 0 demo-data set --train 28 --test 14 --side 32
cat >base.yaml <<YAML
name: small
data: {dataset: raf_db, root: set, image_size: 32, workers: 1, noise: {type: symmetric, rate: 0.3, seed: 1}}
method: {name: scn, relabel: {start_epoch: 1, threshold: 0.0}}
train: {epochs: 2, batch_size: 8, device: cpu, optimizer: {name: sgd, lr: 0.01}}
YAML
run 0 config check base.yaml; says "gamma: 0.5" out

# A training, its evaluation, and a second one in the same place.
run 0 train base.yaml --out run
[ "$(grep -c '^epoch=' out)" -eq 2 ] || fail "expected one line per epoch"
says "mean of the last five" out; says "chosen on test" out
for file in DONE metrics.jsonl relabels.csv importance.csv summary.json noise.json; do
  [ -e "run/$file" ] || fail "expected run/$file"
done
run 0 evaluate run --json result.json; says "confusion matrix" out
grep -q '"accuracy"' result.json || fail "expected accuracy in result.json"
run 0 evaluate run run/checkpoints/best.pt --split train; says "alpha" out
run 2 train base.yaml --out run; says "run directory is not empty" err; lines 1
run 0 train base.yaml --out run --resume; says "finished" err

# A signal saves and says how to go on; a kill loses nothing that was saved.
"$selfcure" train base.yaml --out stopped --set train.epochs=500 >out 2>err &
job=$!
until [ -e stopped/metrics.jsonl ]; do sleep 0.1; kill -0 $job 2>/dev/null || fail "training ended by itself"; done
kill -TERM $job; wait $job; code=$?
[ $code -eq 143 ] || fail "SIGTERM: expected exit code 143, got $code"
says "--out stopped --resume" err
"$selfcure" train base.yaml --out stopped --set train.epochs=500 --resume >out 2>err &
job=$!
before=$(wc -l <stopped/metrics.jsonl)
until [ "$(wc -l <stopped/metrics.jsonl)" -gt $((before + 1)) ]; do sleep 0.1; kill -0 $job 2>/dev/null || fail "resumed training ended"; done
kill -KILL $job; wait $job 2>/dev/null
run 2 train base.yaml --out stopped --set train.epochs=400 --set method.beta=0.5 --resume
says "train.epochs: the run has 500, the config says 400" err; says "method.beta" err
"$selfcure" train base.yaml --out stopped --set train.epochs=500 --resume >out 2>err &
job=$!
before=$(wc -l <stopped/metrics.jsonl)
until [ "$(wc -l <stopped/metrics.jsonl)" -gt "$before" ]; do sleep 0.1; kill -0 $job 2>/dev/null || fail "training after a kill ended"; done
kill -INT $job; wait $job; code=$?
[ $code -eq 130 ] || fail "SIGINT: expected exit code 130, got $code"

# Mistakes in configs: all at once, each with its place.
sed 's/epochs: 2/epoch: 2/; s/rate: 0.3/rate: 1.3/' base.yaml >wrong.yaml
run 2 train wrong.yaml --out x
says "wrong.yaml:4:9: unknown key 'train.epoch'; did you mean 'train.epochs'?" err; says "wrong.yaml:2:" err; lines 2
[ ! -e x ] || fail "a wrong config must not leave a run directory"
run 2 train base.yaml --set train.epochs=many --out x; says "--set train.epochs=many" err; lines 1
printf 'name: a\nname: b\n' | cat - <(tail -n +2 base.yaml) >twice.yaml
run 2 config check twice.yaml; says "twice.yaml:2:1:" err
run 2 train none.yaml;        says "none.yaml" err; lines 1

# Mistakes in data.
run 2 train base.yaml --set data.root=nowhere --out x1; says "nowhere" err
run 0 train base.yaml --set train.epochs=1 --out x1  # mended: the same place is free
mkdir empty; run 2 train base.yaml --set data.root=empty --out x2; says "empty" err
cp -r set bad; sed -i '3s/ [0-9]$/ 9/' bad/EmoLabel/list_patition_label.txt
run 2 train base.yaml --set data.root=bad --out x3; says "list_patition_label.txt:3: label '9' is not in 1..7" err
cp -r set missing; rm missing/Image/aligned/train_00009_aligned.jpg
run 2 train base.yaml --set data.root=missing --out x4; says "train_00009_aligned.jpg: expected an image" err
run 0 train base.yaml --set data.root=missing --set data.on_error=skip --out x5; says "skipped 1 unreadable images" err
cp -r set cut; truncate -s 500 cut/Image/aligned/train_00004_aligned.jpg
run 2 train base.yaml --set data.root=cut --out x6; says "train_00004_aligned.jpg: expected a whole image" err

# Mistakes with runs and checkpoints.
cp -r run damaged; printf x | dd of=damaged/checkpoints/last.pt bs=1 seek=5000 conv=notrunc 2>/dev/null
run 2 evaluate damaged;       says "damaged/checkpoints/last.pt: the checksum does not fit" err; lines 1
truncate -s 1000 damaged/checkpoints/last.pt
run 2 evaluate damaged;       says "cut short" err
run 2 evaluate nowhere;       says "nowhere" err
run 2 evaluate run --set data.root=nowhere; says "expected data.train[0].root" err; lines 1
run 2 evaluate run --set 'data.test[0].root=nowhere'; says "nowhere" err; lines 1
run 2 train base.yaml --out /proc/run; says "run directory cannot be made" err; lines 1
touch file; run 2 train base.yaml --out file; says "got a file" err
run 2 train base.yaml --set train.device=cuda:99 --out x7; says "cuda:99" err
# No space: the file system says so in the middle of a checkpoint.
(ulimit -f 2000; trap '' XFSZ; "$selfcure" train base.yaml --out full >out 2>err); code=$?
[ $code -eq 2 ] || fail "no space: expected exit code 2, got $code"
says "cannot be written: File too large" err
[ ! -e full/checkpoints/last.pt ] || fail "half a checkpoint was left"

echo "command line: all as expected"
