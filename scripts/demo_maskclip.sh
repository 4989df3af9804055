#!/usr/bin/env bash
# Segmentation that nobody labelled, in minutes on two CPU cores: a tiny CLIP learns from captions, MaskCLIP opens it, and
# a tiny SegFormer learns from what MaskCLIP sees (MaskCLIP+). Labels of pixels are for the scores alone.
# SEED=n trains both networks from another seed. Results go to runs/demo_maskclip/seedN; what is done is not repeated, and
# seed 0 takes the quickstart's CLIP.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export GLOG_v=${GLOG_v:-3} # MindSpore's warnings
seed=${SEED:-0}
[[ "$seed" =~ ^[0-9]+$ ]] || { echo "demo_maskclip: error: SEED is '$seed': give a whole number" >&2; exit 2; }
shapes=runs/quickstart/shapes
out=runs/demo_maskclip/seed$seed
clip=$out/clip
[[ "$seed" != 0 ]] || clip=runs/quickstart/clip
ovs=.venv/bin/ms-ovs

bash scripts/setup.sh

step() { printf '\n== %s\n' "$*"; }

score() { # NAME CHECKPOINT OPTIONS…: the scores of a network, unless they are there
  [[ -f "$out/$1/scores.json" ]] && return
  rm -rf "${out:?}/$1" "${out:?}/$1_maps"
  "$ovs" eval --config configs/maskclip_plus/tiny_eval.yaml --data "$shapes" --checkpoint "$2" --out "$out/$1" \
    --save-predictions "$out/$1_maps" "${@:3}" >/dev/null
}

step "1/5  the embedded benchmark: scenes with label maps, and scenes with captions"
"$ovs" data shapes --root "$shapes"

step "2/5  a tiny CLIP learns from captions"
"$ovs" train configs/clip/tiny.yaml --resume --set "seed=$seed" --set "out=$clip"

step "3/5  MaskCLIP opens it; scores with and without the refinements"
[[ -f "$out/maskclip.safetensors" ]] ||
  .venv/bin/python scripts/clip_to_maskclip.py "$clip/last.safetensors" "$out/maskclip.safetensors" 96
score plain "$out/maskclip.safetensors"
score denoised "$out/maskclip.safetensors" --option pd_thresh=0.5
score smoothed "$out/maskclip.safetensors" --option ks_thresh=1.0
score both "$out/maskclip.safetensors" --option pd_thresh=0.5 --option ks_thresh=1.0

step "4/5  MaskCLIP+: a tiny SegFormer learns from what MaskCLIP sees"
"$ovs" train configs/maskclip_plus/tiny.yaml --resume --set "seed=$seed" --set "out=$out/segformer" \
  --set "model.teacher=$clip/last.safetensors"

step "5/5  its scores"
score student "$out/segformer/last.safetensors"
.venv/bin/python scripts/maskclip_table.py "$shapes" "$out"
