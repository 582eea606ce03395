#!/usr/bin/env bash
# clang-tidy over our sources. Needs a build. Without arguments: the files that do not parse LibTorch
# (seconds each); --all: every file (the others take half a minute each); or name files.
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t all < <(git ls-files 'src/*.cpp' 'apps/*.cpp')
files=("$@")
if [ $# -eq 0 ]; then
  mapfile -t files < <(grep -LE '#include (<(ATen|torch|c10)/|"selfcure/(engine|method|nn)/|"selfcure/config/config.h"|"selfcure/data/augment.h"|"schema.h"|"verbs.h")' "${all[@]}")
elif [ "$1" = --all ]; then
  files=("${all[@]}")
fi
# GCC's precompiled header means nothing to clang, and would cost half a minute a file: drop it.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed -E 's/ -include [^ ]*cmake_pch\.hxx//g; s/ -Winvalid-pch//g' build/compile_commands.json > "$work/compile_commands.json"
printf '%s\0' "${files[@]}" |
  xargs -0 -n 4 -P "$(nproc)" clang-tidy -p "$work" --quiet --extra-arg=-std=c++17 --warnings-as-errors='*'
echo "tidy: clean (${#files[@]} files)"
