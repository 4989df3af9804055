#!/usr/bin/env bash
# From nothing to pictures: set up .venv, make a checkpoint in the authors' format, convert it and
# segment a photograph with it. Results go to runs/quickstart (or the folder given).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=${1:-runs/quickstart}
export GLOG_v=${GLOG_v:-3} # MindSpore's warnings

bash scripts/setup.sh

step() { printf '\n== %s\n' "$*"; }

step "1/3  an LSeg checkpoint (ViT-B/32) in the authors' file format, with made-up weights"
.venv/bin/python scripts/demo_checkpoint.py "$out/lseg_demo.ckpt"

step "2/3  convert it"
.venv/bin/python -m convert "$out/lseg_demo.ckpt" "$out/lseg_demo.safetensors" --system lseg

step "3/3  segment a photograph by words"
cp "$(.venv/bin/python -c 'from skimage import data; print(data.__path__[0])')/chelsea.png" "$out/"
.venv/bin/ms-ovs predict "$out/chelsea.png" --labels "cat, grass|lawn, wall, other" \
  --checkpoint "$out/lseg_demo.safetensors" --out "$out/pictures"

cat <<EOF

The picture with its legend: $out/pictures/chelsea_overlay.png

These weights know nothing: they are drawn from the names of the tensors, so the picture shows that
the whole way works, not that it sees a cat. With the authors' checkpoint the same two commands do:
  .venv/bin/python -m convert demo_e200.ckpt lseg.safetensors --system lseg
  .venv/bin/ms-ovs predict PHOTO --labels "cat, grass, other" --checkpoint lseg.safetensors --out pictures
That what is computed equals the authors' numbers, this shows on your machine:
  .venv/bin/ms-ovs parity tests/reference/lseg/vitb32_384
EOF
