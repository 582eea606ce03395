#!/usr/bin/env bash
# Set-up, build, every test.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
scripts/build.sh
# Two at a time: most tests use one core.
ctest --test-dir build --output-on-failure --parallel 2 "$@"
