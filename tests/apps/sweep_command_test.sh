#!/usr/bin/env bash
# selfcure sweep as a user meets it, on a few drawn faces: help, plan, mistakes, a small sweep with a
# chain, a kill in the middle, going on, failures, and scripts for other schedulers.
set -uo pipefail
. "$(dirname "$0")/command_test.sh" "$1"

mkdir configs
cat >configs/base.yaml <<YAML
name: base
data: {dataset: raf_db, root: faces, image_size: 32, workers: 0, noise: {type: symmetric, rate: 0.3, seed: 1}}
method: {name: scn, relabel: {start_epoch: 1}}
train: {epochs: 2, batch_size: 8, device: cpu, optimizer: {name: sgd, lr: 0.01}}
YAML
cat >configs/small.yaml <<YAML
name: small
base: base.yaml
set: {train.threads: 1}
stages:
  pretrain:
    base: base.yaml
    set: {method: {name: baseline}, train.threads: 1}
    axes: {seed: {key: seed, values: [1, 2]}}
axes:
  start: {values: {scratch: {}, pretrained: {model.weights: {run: pretrain}}}}
  seed: {key: seed, values: [1, 2]}
report: {rows: [start]}
demo:
  faces: {root: drawn, train: 28, test: 14, side: 32}
  set: {data.root: drawn, train.epochs: 1}
  stages: {pretrain: {set: {data.root: drawn, train.epochs: 1}, axes: {seed: {key: seed, values: [1]}}}}
  axes: {seed: {key: seed, values: [1]}}
YAML
sweep=configs/small.yaml

run 0 sweep --help; says "Examples:" out; says "Exit codes:" out

# The plan, and parts of it. Nothing is written.
run 0 sweep $sweep --dry-run
says "6 runs in sweeps/small" out; says "[after pretrain_seed1]" out; says "to do" out
run 0 sweep $sweep --dry-run --only start=pretrained --only seed=2
says "2 runs in" out; says "pretrain_seed2" out
run 0 sweep $sweep --dry-run --shard 1/2; cp out shard1
run 0 sweep $sweep --dry-run --shard 2/2
[ "$(grep -h 'to do' shard1 out | sort | uniq | wc -l)" -eq 6 ] || fail "expected shards to hold each run once"
[ "$(grep -c 'to do' out)" -eq 3 ] || fail "expected half of the runs in a shard"
[ ! -e sweeps ] || fail "a dry run must not write"

# Mistakes: one line each, exit code 2, nothing written.
run 2 sweep missing.yaml;                   says "missing.yaml: expected a config file" err
run 2 sweep $sweep --only start=cold;       says "--only start=cold: expected one of scratch, pretrained" err
run 2 sweep $sweep --shard 3/2;             says "expected I/N" err
run 2 sweep $sweep --jobs 0
run 2 sweep $sweep --set train.epoch=3;     says "did you mean 'train.epochs'? (all 6 runs)" err
run 2 sweep $sweep;                         says "faces: expected a data set, found nothing there (6 of 6 runs" err
sed 's/start: {values/start: {vlues/' $sweep >configs/wrong.yaml
run 2 sweep configs/wrong.yaml;             says "configs/wrong.yaml:10:11: unknown key 'axes.start.vlues'; did you mean 'values'?" err
run 2 sweep $sweep --set seed=3;            says "--set seed=3: axis 'seed' sets 'seed' at configs/small.yaml" err
sed 's/report: {/report: {published: {table: table_9}, /' $sweep >configs/wrong.yaml
run 2 sweep configs/wrong.yaml --dry-run;   says "configs/wrong.yaml: report.published: published table 'table_9' is not known; there are table1" err
run 2 sweep configs/base.yaml --demo;       says "no section 'demo'" err
[ ! -e sweeps ] || fail "a mistake must not leave a sweep"

# The demo draws its faces itself.
run 0 sweep $sweep --demo --jobs 2
says "pretrained_seed1: done, test_accuracy" err; says "start pretrained" out; says "selfcure report sweeps/small_demo" out
for name in pretrain_seed1 scratch_seed1 pretrained_seed1; do
  [ -e "sweeps/small_demo/runs/$name/DONE" ] || fail "expected $name to be done"
done
grep -q '"format": "selfcure-sweep-1"' sweeps/small_demo/sweep.json || fail "expected sweep.json"
says "runs/pretrain_seed1/checkpoints/last.pt" sweeps/small_demo/runs/pretrained_seed1/config.resolved.yaml
says "name: pretrained_seed1" sweeps/small_demo/runs/pretrained_seed1/config.resolved.yaml
run 2 sweep $sweep --demo; says "holds a sweep already, 3 of 3 runs are done; use --resume" err
run 0 sweep $sweep --demo --resume; says_not "running" err
# The folder may move; another config in the same folder is refused.
mv sweeps/small_demo moved
run 0 sweep $sweep --demo --resume --out moved; says_not "running" err
run 2 sweep $sweep --demo --resume --out moved --set train.epochs=2
says "train.epochs: the run has 1, the sweep says 2" err
mkdir other && touch other/file
run 2 sweep $sweep --demo --resume --out other; says "is not empty and holds no sweep" err
sed 's/name: small/name: large/' $sweep >configs/large.yaml
run 2 sweep configs/large.yaml --demo --resume --out moved; says "holds the sweep 'small', not 'large'" err

# A kill in the middle, without mercy: children save and end, the next sweep goes on from there.
run 0 demo-data faces --train 56 --test 14 --side 32
"$selfcure" sweep $sweep --out "$work/killed" --jobs 2 --set train.epochs=40 >out 2>err &
job=$!
until [ -e killed/runs/scratch_seed1/metrics.jsonl ]; do sleep 0.1; kill -0 $job 2>/dev/null || fail "the sweep ended by itself"; done
kill -KILL $job; wait $job 2>/dev/null
for _ in $(seq 600); do pgrep -f "out $work/killed" >/dev/null || break; sleep 0.1; done
! pgrep -f "out $work/killed" >/dev/null || fail "expected the trainings to end with their sweep"
[ -e killed/runs/scratch_seed1/checkpoints/last.pt ] || fail "expected a checkpoint"
before=$(wc -l <killed/runs/scratch_seed1/metrics.jsonl)
"$selfcure" sweep $sweep --out "$work/killed" --jobs 2 --set train.epochs=40 --resume >out 2>err &
job=$!
until [ "$(wc -l <killed/runs/scratch_seed1/metrics.jsonl)" -gt "$before" ]; do sleep 0.1; kill -0 $job 2>/dev/null || fail "the resumed sweep ended"; done
says "resuming at epoch" killed/logs/scratch_seed1.log
kill -INT $job; wait $job; code=$?
[ $code -eq 130 ] || fail "SIGINT: expected exit code 130, got $code"
says "--out $work/killed --set train.epochs=40 --resume" err
! pgrep -f "out $work/killed" >/dev/null || fail "expected the trainings to end before their sweep"

# A terminal's end is no reason to stop under nohup.
nohup "$selfcure" sweep $sweep --out "$work/nohup" --set train.epochs=40 >nohup.out 2>nohup.err &
job=$!
until grep -qs running nohup.err; do sleep 0.1; kill -0 $job 2>/dev/null || fail "the sweep ended by itself"; done
ignored=$(awk '/^SigIgn/ { print $2 }' /proc/$job/status)
[ $((0x$ignored & 1)) -eq 1 ] || fail "expected SIGHUP to be ignored under nohup, got the mask $ignored"
kill -HUP $job; kill -INT $job; wait $job; code=$?
[ $code -eq 130 ] || fail "SIGINT under nohup: expected exit code 130, got $code"
! pgrep -f "out $work/nohup" >/dev/null || fail "expected the trainings to end before their sweep"

# A run that fails: tried twice, told, what needs it is not run, the others are.
mkdir -p broken/runs/pretrain_seed1/checkpoints
echo nonsense >broken/runs/pretrain_seed1/checkpoints/last.pt
"$selfcure" config check configs/base.yaml --set 'method={name: baseline}' --set train.epochs=1 >broken/runs/pretrain_seed1/config.resolved.yaml
echo '{}' >broken/sweep.json
run 1 sweep $sweep --out broken --resume --set train.epochs=1 --jobs 2 --only seed=1
says "pretrain_seed1: exit code 2; trying again" err
says "pretrain_seed1: failed, exit code 2" err; says "last.pt" err
says "pretrained_seed1: not run, it needs pretrain_seed1" err
says "scratch_seed1: done" err; says "1 of 3 runs failed, 1 were not run" err
[ "$(grep -c '^---' broken/logs/pretrain_seed1.log)" -eq 2 ] || fail "expected two tries"

# Scripts for other schedulers do the same runs.
run 0 sweep $sweep --emit commands --out lines --set train.epochs=1 --out-file lines.txt
[ -d lines/logs ] || fail "expected the folder that Slurm writes into"
[ "$(wc -l <lines.txt)" -eq 4 ] || fail "expected a line for each chain"
bash -n lines.txt || fail "expected lines that bash reads"
(cd / && xargs -d '\n' -n 1 -P 2 sh -c <"$work/lines.txt" >/dev/null 2>&1) || fail "expected the lines to run"
run 0 sweep $sweep --out lines --set train.epochs=1 --resume; says_not "running" err
run 0 sweep $sweep --emit slurm --out lines --set train.epochs=1 --out-file slurm.sh
bash -n slurm.sh || fail "expected a script that bash reads"
SLURM_ARRAY_TASK_ID=0 SLURM_CPUS_PER_TASK=1 bash slurm.sh >out 2>err || fail "expected task 0 to run"
says "this run is finished" err
run 2 sweep $sweep --out-file x

echo "sweep: all as expected"
