#!/usr/bin/env bash
# From nothing to an open vocabulary, in minutes on two CPU cores and without any download but the packages:
# write the embedded benchmark, train a tiny CLIP on its captions and a tiny LSeg on its label maps, and score
# it on pairs of words that it never saw labelled. Results go to runs/quickstart; what is done is not repeated.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export GLOG_v=${GLOG_v:-3} # MindSpore's warnings
out=runs/quickstart
ovs=.venv/bin/ms-ovs

bash scripts/setup.sh

step() { printf '\n== %s\n' "$*"; }

step "1/5  the embedded benchmark: scenes with label maps and captions"
"$ovs" data shapes --root "$out/shapes"

step "2/5  a tiny CLIP learns all pairs of words from captions"
"$ovs" train configs/clip/tiny.yaml --resume

step "3/5  a tiny LSeg learns to segment 24 of 30 pairs, and the grounds"
"$ovs" train configs/lseg/tiny.yaml --resume

step "4/5  scores, also of the 6 pairs that it never saw labelled"
"$ovs" eval --config configs/lseg/tiny_eval.yaml --data "$out/shapes" --checkpoint "$out/lseg/best.safetensors" --out "$out/scores"

step "5/5  the same network, but each unseen pair is asked for by the name of another one"
.venv/bin/python scripts/exchanged_words.py "$out/shapes" "$out/exchanged.txt"
"$ovs" eval --config configs/lseg/tiny_eval.yaml --data "$out/shapes" --checkpoint "$out/lseg/best.safetensors" \
  --labels "$out/exchanged.txt" --out "$out/scores_exchanged" >/dev/null
.venv/bin/python scripts/quickstart_table.py "$out"
