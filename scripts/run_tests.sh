#!/usr/bin/env bash
# Set up .venv with the test requirements, then check style, layers and every test.
# Arguments go to pytest: bash scripts/run_tests.sh -m "not slow"
# TEST_WORKERS tests run at once (2): each needs a core and, for a full-size network, some 6 GB.
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
.venv/bin/clang-format --dry-run --Werror ms_ovs/nn/kernels/*.{cc,h}
.venv/bin/lint-imports
.venv/bin/python -m pytest -n "${TEST_WORKERS:-2}" --dist worksteal --durations=15 "$@"
