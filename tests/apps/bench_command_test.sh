#!/usr/bin/env bash
# `selfcure bench`: with and without a config, with data and without, and what it says of mistakes.
set -uo pipefail
. "$(dirname "$0")/command_test.sh" "$1"

run 0 bench --help; says "Examples:" out

cat >base.yaml <<YAML
name: small
data: {dataset: raf_db, root: set, image_size: 32}
model: {stem: small}
method: {name: scn}
train: {epochs: 3, batch_size: 8, device: cpu, optimizer: {name: sgd, lr: 0.01}}
YAML

# The data is not there: published counts.
run 0 bench base.yaml --quick --threads 1 --json bench.json
says "FMA peak" out; says "GB/s" out; says "images/s" out; says "3x3 64->64 32x32" out
says "base.yaml: 3 epochs, about" out; says "3 x 12271 images" out; says "3 x 3068 images" out
says "numbers of images as published" out; says "on cpu with 1 CPU threads" out
grep -q '"counts": "published"' bench.json || fail "expected counts in bench.json"

# It is there: counted, and some images are read.
run 0 demo-data set --train 28 --test 14 --side 32
run 0 bench base.yaml --quick --set train.epochs=5
says "5 x 28 images" out; says "5 x 14 images" out; says "as counted in the data" out; says "reading" out

# Nothing to count.
run 0 bench base.yaml --quick --set data.dataset=folders --set data.root=nowhere
says "no estimate" out

# Without a config no estimate.
run 0 bench --quick --set data.image_size=32 --set train.batch_size=2 --set method.name=baseline
says "network: baseline, resnet18, 32x32" out; says_not "epochs" out

# Mistakes are one line.
run 2 bench nowhere.yaml; lines 1
run 2 bench base.yaml --set train.epoch=3; says "train.epochs" err; lines 1
run 2 bench base.yaml --threads -1
run 2 bench base.yaml --json nowhere/bench.json; says "nowhere" err; lines 1
run 2 bench base.yaml --set train.batch_size=1 --set data.image_size=32; says "expected at least 2" err; lines 1
run 2 bench base.yaml --set train.device=cuda:99; says "train.device" err; lines 1
rm set/EmoLabel/list_patition_label.txt
run 2 bench base.yaml; says "list_patition_label.txt" err; lines 1
echo "all good"
