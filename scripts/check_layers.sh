#!/usr/bin/env bash
# The layers of docs/design.md as include rules: lower layers never include higher ones, and each
# outside library stays in its layer.
set -euo pipefail
cd "$(dirname "$0")/.."

declare -A may_use=(
  [core]="core"
  [data]="core data"
  [kernels]="core kernels"
  [nn]="core kernels nn"
  [method]="core data kernels nn method"
  [engine]="core data kernels nn method engine"
  [config]="core data kernels nn method engine config"
  [report]="core report"
)
failed=0
complain() { echo "layers: $1" >&2; failed=1; }

for layer in "${!may_use[@]}"; do
  for folder in "include/selfcure/$layer" "src/$layer"; do
    [ -d "$folder" ] || continue
    while IFS=: read -r file line include; do
      used=$(sed -E 's#.*"selfcure/([a-z]+)/.*#\1#' <<<"$include")
      case " ${may_use[$layer]} " in
        *" $used "*) ;;
        *) complain "$file:$line: $layer may not include $used" ;;
      esac
    done < <(grep -rnE '^#include "selfcure/' "$folder" || true)
  done
done

only_in() {  # pattern, allowed paths, name
  local found
  found=$(grep -rlE "^#include $1" include src apps | grep -vE "$2" || true)
  [ -z "$found" ] || complain "$3 is included outside of its layer: $found"
}
only_in '<yaml-cpp/' '^(src|include/selfcure)/config/' yaml-cpp
only_in '<CLI/' '^apps/' CLI11
only_in '<opencv2/' '^(src|include/selfcure)/data/' OpenCV
only_in '<(librsvg|cairo)' '^src/report/' librsvg
only_in '<torch/torch.h>' '^$' 'torch/torch.h (slow to compile)'

[ "$failed" -eq 0 ] || exit 1
echo "layers: clean"
