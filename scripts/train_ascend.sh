#!/usr/bin/env bash
# Train on one or several devices: bash scripts/train_ascend.sh CONFIG [NUM_DEVICES] [ms-ovs train's options]
# DEVICE=Ascend (the default), GPU or CPU. Several devices are one process each, started by MindSpore's msrun:
# HCCL on Ascend, NCCL on GPU, the built-in collective on CPU. Logs of the processes: LOG_DIR (runs/msrun).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ $# -lt 1 || "$1" == -* ]]; then
  echo "train_ascend: error: no config given: bash scripts/train_ascend.sh CONFIG [NUM_DEVICES] [OPTIONS]" >&2
  exit 2
fi
config=$1
shift
count=1
if [[ $# -gt 0 && "$1" != -* ]]; then
  count=$1
  shift
fi
if ! [[ "$count" =~ ^[1-9][0-9]*$ ]]; then
  echo "train_ascend: error: NUM_DEVICES is '$count': give a whole number above 0" >&2
  exit 2
fi
exec bash scripts/launch.sh "$count" train "$config" --set "device=${DEVICE:-Ascend}" "$@"
