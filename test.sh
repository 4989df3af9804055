#!/usr/bin/env bash
# Score a checkpoint: bash test.sh [CONFIG] [CHECKPOINT] [options of ms-ovs eval]
# Without arguments: the quickstart's network on its benchmark. Paths are taken from the checkout.
# DEVICE=CPU, GPU or Ascend goes before what CONFIG says. NUM_DEVICES processes, one for each device, share the
# images; scripts/launch.sh says where their logs are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
config=${1:-configs/lseg/tiny_eval.yaml}
checkpoint=${2:-runs/quickstart/lseg/best.safetensors}
count=${NUM_DEVICES:-1}

fail() {
  echo "test: error: $*" >&2
  exit 2
}
[[ -f "$config" ]] || fail "there is no config $config: give one of configs/*/*_eval.yaml"
[[ -f "$checkpoint" ]] || fail "there is no checkpoint $checkpoint: make it with bash scripts/quickstart.sh," \
  "or name yours: bash test.sh CONFIG CHECKPOINT"
[[ "$count" =~ ^[1-9][0-9]*$ ]] || fail "NUM_DEVICES is '$count': give a whole number above 0"

exec bash scripts/launch.sh "$count" eval --config "$config" --checkpoint "$checkpoint" \
  ${DEVICE:+--device "$DEVICE"} "${@:3}"
