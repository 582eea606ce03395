#!/usr/bin/env bash
# The main job, on a data set that the project draws itself: set-up if needed, build, draw the
# faces, train the plain baseline and SCN under 30 % label noise, evaluate both side by side.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
scripts/build.sh
selfcure=build/bin/selfcure

"$selfcure" demo-data demo/data
for method in baseline scn; do
  "$selfcure" train "configs/demo_$method.yaml" --out "demo/runs/$method" --resume
done
"$selfcure" evaluate demo/runs/baseline demo/runs/scn --json demo/comparison.json

cat <<TEXT

What you have now:
  demo/data/                      the drawn faces (RAF-DB layout) and demo_truth.csv
  demo/runs/{baseline,scn}/       metrics.jsonl, relabels.csv, importance.csv,
                                  predictions_test.csv, checkpoints/, summary.json
  demo/comparison.json            the comparison above, for programs
Next: $selfcure config explain, and configs/ferplus_scn_paper.yaml for real faces.
TEXT
