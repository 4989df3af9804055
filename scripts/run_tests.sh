#!/usr/bin/env bash
# Set up .venv with the test requirements, then check style, layers and every test.
# Arguments go to pytest: bash scripts/run_tests.sh -m "not slow"
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash scripts/setup.sh
stamp=.venv/.installed-test
wanted=$(sha256sum <requirements-test.txt)
if [[ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]]; then
  echo "run_tests: installing requirements-test.txt"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-test.txt
  echo "$wanted" >"$stamp"
fi

export GLOG_v=3 # MindSpore's warnings would bury the results
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/lint-imports
.venv/bin/python -m pytest --durations=15 "$@"
