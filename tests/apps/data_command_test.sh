#!/usr/bin/env bash
# Data sets end to end: each layout is drawn, looked at and trained on for an epoch; each way to use
# votes, sampling and noise runs once; `data corrupt` is read back; mistakes are one clear line.
set -uo pipefail
. "$(dirname "$0")/command_test.sh" "$1"

for verb in inspect preview corrupt align; do
  run 0 data $verb --help; says "Examples:" out
done

cat >base.yaml <<YAML
name: layouts
data: {dataset: raf_db, root: raf_db, image_size: 32, workers: 1}
method: {name: baseline}
train: {epochs: 1, batch_size: 8, device: cpu, optimizer: {name: sgd, lr: 0.01}}
YAML
train() {  # name of the run, settings
  local name=$1
  shift
  local settings=()
  for setting in "$@"; do settings+=(--set "$setting"); done
  run 0 train base.yaml --out "runs/$name" "${settings[@]}"
  [ -e "runs/$name/DONE" ] || fail "expected runs/$name/DONE"
}

# Every layout, from drawing to evaluation.
for layout in raf_db ferplus affectnet_2017 affectnet_2021 webemotion folders; do
  count=30
  [ $layout = webemotion ] && count=88
  run 0 demo-data $layout --layout $layout --train $count --test 16 --side 32
  run 0 data inspect $layout --json inspection.json; says "read as $layout" out; says "nothing is wrong" out
  grep -q '"images_per_class"' inspection.json || fail "expected images_per_class in inspection.json"
  train $layout data.dataset=$layout data.root=$layout
  run 0 evaluate runs/$layout; says "confusion matrix" out
done

# FERPlus's votes.
for labels in probability crossentropy multi_target fer2013; do
  train votes_$labels data.dataset=ferplus data.root=ferplus data.labels=$labels
done
says "are wrong now" err  # fer2013: made by people
[ -e runs/votes_fer2013/noise.json ] || fail "expected noise.json with labels: fer2013"
run 2 train base.yaml --set data.dataset=ferplus --set data.labels=probability --set method.name=scn
says "expected labels: majority or fer2013 with method.name: scn" err; lines 1

# Other sampling, packed pixels, clips in a table.
train balanced train.sampling=class_balanced data.pack=packs
[ "$(find packs -type f | wc -l)" -ge 2 ] || fail "expected a pack of each split"
train packed data.pack=packs
train unpacked
cmp -s runs/packed/predictions_test.csv runs/unpacked/predictions_test.csv || fail "packed pixels differ"
train clips data.dataset=webemotion data.root=webemotion data.clip_table=manifest.csv

# Two sets joined by the names of their classes; RAF-DB's list is tested.
train joint 'data.train=[{dataset: affectnet_2017, root: affectnet_2017}, {dataset: raf_db, root: raf_db}]' \
  'data.test={dataset: raf_db, root: raf_db}' 'data.classes=[Neutral, Happy, Sad, Surprise, Fear, Disgust, Anger]' \
  data.other_classes=leave_out
says "AffectNet train + RAF-DB train" err
run 2 train base.yaml --out runs/x --set 'data.test={dataset: ferplus, root: ferplus}'
says "data.classes and data.class_map bring data sets together" err; lines 3
run 2 train base.yaml --out runs/y --set 'data.classes=[Hapy]'
says "got 'Hapy'" err

# Every type of noise.
train noise_self 'data.noise={type: symmetric_with_self, rate: 0.5, exactness: exact}'
train noise_pair 'data.noise={type: pair, rate: 0.2, exactness: per_class}'
train noise_map 'data.noise={type: asymmetric, rate: 0.5, class_map: [Fear -> Surprise, Sadness -> Neutral]}'
train noise_instance "data.noise={type: instance, rate: 0.4, features_from: runs/raf_db/checkpoints/last.pt}"
grep -q '"realised_rate"' runs/noise_instance/noise.json || fail "expected realised_rate in noise.json"

# A noisy set for other programs comes back as it went.
run 0 data corrupt base.yaml noisy --set 'data.noise={type: symmetric, rate: 0.4, seed: 3}'
says "are wrong now" out
train noise_direct 'data.noise={type: symmetric, rate: 0.4, seed: 3}'
for file in noisy_list.txt noisy_list.csv manifest.csv; do
  train "noise_${file%%.*}_${file##*.}" "data.noise={type: file, file: noisy/$file}"
  cmp -s "runs/noise_${file%%.*}_${file##*.}/labels.csv" runs/noise_direct/labels.csv || fail "$file: other labels"
done
run 2 data corrupt base.yaml noisy --set 'data.noise={type: symmetric, rate: 0.4, seed: 3}'; lines 1
run 2 data corrupt base.yaml other; says "expected a type of noise" err; lines 1

# What the network sees.
run 0 data preview base.yaml --out sheet.png --per-class 3 --set 'data.noise={type: symmetric, rate: 0.4}'
[ "$(head -c 4 sheet.png | tail -c 3)" = PNG ] || fail "expected a PNG in sheet.png"

# Inspection guards a job: a missing, a cut and a copied image.
cp -r folders broken
rm "$(find broken/train -name '*.jpg' | sort | head -1)"  # only fewer images: folders have no list
cp "$(find broken/train -name '*.jpg' | sort | head -1)" broken/test/Neutral/leak.jpg
head -c 300 "$(find folders/train -name '*.jpg' | sort | tail -1)" >broken/train/Neutral/cut.jpg
run 1 data inspect broken --json broken.json
says "also in" out; says "cannot be read" out
rm "$(find raf_db/Image -name 'train_00001*')"
run 1 data inspect base.yaml; says "missing" out
run 2 data inspect nowhere.yaml; lines 1
# Where both the set and the file are bad, the file is named: it is tried before anything is read.
mkdir odd; echo x >odd/train_labels.csv
run 2 data inspect odd --json nowhere/x.json; says "nowhere/x.json: cannot be written" err; lines 1
run 0 data inspect ferplus; says "FER2013's label and the majority of the votes agree" out
mkdir empty; run 2 data inspect empty; says "expected a data set of a known layout" err; lines 1

# Faces are found, aligned and cropped, names kept; the second run has nothing left to do.
run 0 demo-data portraits --layout affectnet_2017 --train 3 --test 1 --side 160
run 0 data align portraits/Manually_Annotated_Images aligned
[ "$(find aligned -name '*.csv' | wc -l)" -ge 1 ] || fail "expected a table of boxes"
run 0 data align portraits/Manually_Annotated_Images aligned
run 2 data align nowhere aligned2; lines 1
echo "all data commands behave"
