"""The device when it is chosen late, in a process of its own."""

import subprocess
import sys

import pytest

CODE = """
import mindspore as ms
from ms_ovs import runtime
from ms_ovs.errors import UserError
(ms.Tensor([1.0]) + 1).asnumpy()
runtime._present = lambda device: True
try:
    print(runtime.setup({device!r}))
except UserError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("device", "answer"), [("CPU", "CPU"), ("GPU", "MindSpore already runs on CPU in this process, too late")]
)
def test_after_something_was_computed(device, answer):
    code = CODE.format(device=device)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(answer)
