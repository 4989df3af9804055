#!/usr/bin/env bash
# Make .venv in the checkout and install what running needs (no torch). Safe to repeat.
# PYTHON names another interpreter (3.10 to 3.12).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ ! -x .venv/bin/python ]]; then
  "${PYTHON:-python3}" -c 'import sys; v = sys.version_info[:2]; sys.exit(
    None if (3, 10) <= v <= (3, 12) else f"setup: Python {v[0]}.{v[1]} found; MindSpore 2.8 has wheels for 3.10 to 3.12: set PYTHON")'
  echo "setup: making .venv"
  "${PYTHON:-python3}" -m venv .venv
fi

# pip runs only when the requirements changed since the last time
stamp=.venv/.installed
wanted=$(cat requirements.txt pyproject.toml ms_ovs/nn/kernels/*.{cc,h} | sha256sum)
if [[ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]]; then
  echo "setup: installing requirements.txt (MindSpore is the large one: some minutes the first time)"
  rm -f ms_ovs/nn/kernels/library* # an older one would stay where the compiler is gone
  .venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -e .
  echo "$wanted" >"$stamp"
  compgen -G "ms_ovs/nn/kernels/library*" >/dev/null ||
    echo "setup: no C++ compiler found: some networks take twice as long on the CPU; install g++, remove $stamp and run this again"
fi
.venv/bin/ms-ovs vocab install
