#!/usr/bin/env bash
# Installs every Debian package that building, testing and running need. May be run again.
set -euo pipefail

packages=(
  # build
  g++ cmake ninja-build git ca-certificates
  # libraries
  libtorch-dev libopencv-dev libyaml-cpp-dev libspdlog-dev libcli11-dev nlohmann-json3-dev
  libxxhash-dev
  # draws SVG plots as PNG files, so that one description of a plot serves both and the page
  librsvg2-dev pkg-config
  # schema and checker of exported ONNX models (libtorch-dev links the same library)
  libonnx-dev libprotobuf-dev
  # checksums of PyTorch's zip archives
  zlib1g-dev
  # the face detector that `data align` uses by default
  opencv-data
  # Without an optimised BLAS, Debian's LibTorch multiplies matrices with the slow reference one.
  libopenblas0-pthread
  # tests and checks
  libgtest-dev python3 python3-torch python3-torchvision python3-numpy python3-pil
  python3-onnx
  clang-format clang-tidy
  # opens reports in the tests as a reader's browser would
  chromium
  # fuzzing (scripts/fuzz.sh)
  clang libclang-rt-14-dev
)

missing=()
for package in "${packages[@]}"; do
  if [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
    missing+=("$package")
  fi
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "setup: all ${#packages[@]} packages are installed"
  exit 0
fi

echo "setup: installing ${missing[*]}"
run=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "setup.sh: expected root or sudo, to install: ${missing[*]}" >&2
    exit 2
  fi
  run=(sudo)
fi
"${run[@]}" apt-get update -qq
"${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
