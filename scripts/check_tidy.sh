#!/usr/bin/env bash
# clang-tidy over the sources named on the command line, or over all of ours. Needs a build.
set -euo pipefail
cd "$(dirname "$0")/.."
# Tidy parses LibTorch anew for each file (about 15 s): the torch-free layers and the smaller files
# of the others keep the check within minutes.
files=("$@")
if [ ${#files[@]} -eq 0 ]; then
  mapfile -t files < <(git ls-files 'src/*.cpp')
fi
# GCC's precompiled header means nothing to clang: drop it from the commands.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed -E 's/ -include [^ ]*cmake_pch\.hxx//g; s/ -Winvalid-pch//g' build/compile_commands.json > "$work/compile_commands.json"
printf '%s\0' "${files[@]}" | xargs -0 -n 4 -P "$(nproc)" clang-tidy -p "$work" --quiet --warnings-as-errors='*'
echo "tidy: clean (${#files[@]} files)"
