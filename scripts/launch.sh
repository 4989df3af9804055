#!/usr/bin/env bash
# Run an ms-ovs command in COUNT processes, one for each device: bash scripts/launch.sh COUNT COMMAND ARGUMENTS…
# One process is started plainly, several by msrun. LOG_DIR holds a log of each (runs/msrun); PORT is where
# they meet (8118).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
count=$1
shift
bin=.venv/bin
if [[ ! -x "$bin/ms-ovs" ]]; then # installed elsewhere, as in a container with CANN
  bin=$(dirname "$(command -v ms-ovs || true)")
  if [[ ! -x "$bin/ms-ovs" ]]; then
    echo "launch: error: ms-ovs is not installed: bash scripts/setup.sh" >&2
    exit 2
  fi
fi
export GLOG_v=${GLOG_v:-3} # MindSpore's warnings

if [[ "$count" == 1 ]]; then
  exec "$bin/ms-ovs" "$@"
fi
logs=${LOG_DIR:-runs/msrun}
mkdir -p "$logs"
echo "launch: $count processes, their logs in $logs/worker_*.log"
PATH="$(realpath "$bin"):$PATH" exec "$bin/msrun" --worker_num="$count" --local_worker_num="$count" --master_addr=127.0.0.1 \
  --master_port="${PORT:-8118}" --log_dir="$logs" --join=True "$bin/ms-ovs" "$@"
