#!/usr/bin/env bash
# train.kernels as a user meets it: what is chosen is said and written down, a rerun with the written
# choices has the same bits in another process, and so has a resume. Mistakes are one line each.
set -uo pipefail
. "$(dirname "$0")/command_test.sh" "$1"

same_results() {  # two run directories; all but what a clock says
  for file in metrics.jsonl predictions_test.csv importance.csv relabels.csv kernels.txt; do
    [ -s "$1/$file" ] && [ -s "$2/$file" ] || fail "expected $1/$file and $2/$file"
    cmp -s <(timeless <"$1/$file") <(timeless <"$2/$file") || fail "$1/$file is not $2/$file"
  done
}
timeless() { sed -E 's/"(seconds|images_per_second|data_wait_seconds|evaluation_seconds)":[^,}]*//g'; }

run 0 config explain train.kernels
says "auto: own kernels" out; says "kernels.txt" out; says "libtorch" out

run 0 demo-data set --train 28 --test 14 --side 32
cat >base.yaml <<YAML
name: small
data: {dataset: raf_db, root: set, image_size: 32, workers: 1}
method: {name: scn}
train: {epochs: 3, batch_size: 8, device: cpu, threads: 2, optimizer: {name: sgd, lr: 0.01}}
YAML

# Mistakes.
mkdir folder; printf '# mine\nforward: winograd\n' >wrong.txt
for name in nowhere.txt folder; do
  run 2 train base.yaml --set train.kernels=$name --out x
  says "train.kernels: expected auto, libtorch or a file of choices, got '$name', which cannot be read" err; lines 1
done
run 2 train base.yaml --set train.kernels=wrong.txt --out x
says "wrong.txt:2: expected a choice such as 'forward " err; lines 1
echo 'forward 8x3x32x32 to 64, 7x7/2, padding 3, 5 threads: libtorch' >five.txt
run 2 train base.yaml --set train.kernels=five.txt --out x
says "train.kernels: expected auto, libtorch or a file of choices, got 'five.txt', which has none for 2 threads (train.threads)" err; lines 1

# LibTorch alone chooses nothing.
run 0 --verbose train base.yaml --set train.kernels=libtorch --set train.epochs=1 --out libtorch
says_not "kernel: " err
[ ! -e libtorch/kernels.txt ] || fail "expected no kernels.txt"

# What is measured is said once and written down; evaluations of the run work with it.
run 0 --verbose train base.yaml --set train.epochs=1 --out first
if ! grep -qw avx2 /proc/cpuinfo || ! grep -qw fma /proc/cpuinfo || [ -n "${ONEDNN_MAX_CPU_ISA:-}" ]; then
  echo "kernels command: not tried, this processor has no kernels or they are limited"; exit 0
fi
for pass in forward backward-data backward-weights inference; do
  grep -qE "kernel: $pass .* threads: (libtorch|winograd|im2col) \(libtorch [0-9.]+ ms, " err || fail "expected choices of $pass"
  grep -qE "^$pass [0-9x]+ to [0-9]+, .* threads: (libtorch|winograd|im2col)$" first/kernels.txt || fail "expected $pass in kernels.txt"
done
[ "$(grep -o 'kernel: .* threads' err | sort | uniq -d | wc -l)" -eq 0 ] || fail "a kernel was chosen twice"
run 0 evaluate first --set train.kernels=first/kernels.txt

# The same bits in another process, which measures nothing.
run 0 --verbose train base.yaml --set train.epochs=1 --set train.kernels=first/kernels.txt --out again
says_not "kernel: " err
same_results first again

# So without pinning: what was measured on this machine holds.
run 0 --verbose train base.yaml --set train.epochs=1 --out later
says "(measured before)" err; says_not "(libtorch " err
same_results first later

# A cache that cannot be written: said once.
touch no_folder
XDG_CACHE_HOME=$PWD/no_folder run 0 train base.yaml --set train.epochs=1 --out unkept
says "kernel choices are not kept ($PWD/no_folder/selfcure/kernels_" err
says ": Not a directory): a rerun may choose others and differ in the last bits" err

# A resume computes with the kernels that the run began with: here they are the other way round.
sed -E '/: libtorch$/!{s/: [a-z0-9]+$/: libtorch/;b}; /3x3\/1, padding 1,/{s/libtorch$/winograd/;b}; s/libtorch$/im2col/' \
  first/kernels.txt >other.txt
run 0 train base.yaml --set train.kernels=other.txt --out straight
cmp -s straight/kernels.txt other.txt || fail "straight/kernels.txt is not other.txt"
"$selfcure" train base.yaml --set train.kernels=other.txt --out stopped >out 2>err &
job=$!
until [ -e stopped/metrics.jsonl ]; do sleep 0.02; kill -0 $job 2>/dev/null || break; done
kill -TERM $job 2>/dev/null; wait $job
[ ! -e stopped/DONE ] || fail "expected a stopped run"
run 0 --verbose train base.yaml --out stopped --resume
says_not "kernel: " err
same_results straight stopped

echo "kernels command: all as expected"
