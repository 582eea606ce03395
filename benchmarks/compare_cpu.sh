#!/usr/bin/env bash
# Selfcure on a CPU against PyTorch and OpenCV, every rival in turn: benchmarks/compare_cpu.sh --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${PYTHON:-/usr/bin/python3}
command -v "$python" >/dev/null || {
  echo "compare_cpu: $python: not there; install python3, or set PYTHON" >&2
  exit 2
}
exec "$python" "$here/cpu_comparison" "$@"
