#!/usr/bin/env bash
# Builds everything in Release mode; the command is build/bin/selfcure.
# Arguments go to CMake, for example -DCMAKE_PREFIX_PATH=/opt/libtorch.
set -euo pipefail
cd "$(dirname "$0")/.."
cmake --preset release "$@"
cmake --build build
