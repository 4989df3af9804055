"""Device, execution mode and threads: the only place that sets MindSpore's global state."""

import logging

import mindspore as ms

from ms_ovs.errors import UserError, choose

DEVICES = ("CPU", "GPU", "Ascend")
MODES = {"graph": ms.GRAPH_MODE, "pynative": ms.PYNATIVE_MODE}


def setup(device: str = "CPU", mode: str = "graph", *, fallback: bool = False) -> str:
    """Select the device ("CPU", "GPU" or "Ascend") and the mode ("graph" or "pynative").

    Returns the device in use. With `fallback`, a device that is not present is replaced by the CPU;
    without it, it is a `UserError`. Call it before a model is built: cells choose their kernels for
    the device at construction.
    """
    choose("device", device, DEVICES)
    choose("mode", mode, MODES)
    if not _present(device):
        if not fallback:
            raise UserError(
                f"device {device!r} is not present on this machine; "
                "use --device CPU, or --fallback to take the CPU when it is missing"
            )
        logging.getLogger(__name__).warning("device %s is not present: using the CPU", device)
        device = "CPU"
    try:
        ms.set_device(device)
    except RuntimeError:  # MindSpore has computed something before: what it did that on is what remains
        if (used := ms.get_context("device_target")) != device:
            raise UserError(
                f"MindSpore already runs on {used} in this process, too late for device {device!r}: "
                "choose the device before anything is computed"
            ) from None
    ms.set_context(mode=MODES[mode])
    if device == "CPU" and mode == "pynative":
        # MindSpore's threads wait for each other in busy loops, several times as long as they compute
        ms.runtime.launch_blocking()
    return device


def _present(device: str) -> bool:
    if device == "CPU":
        return True
    try:
        return ms.hal.is_available(device) and ms.hal.device_count(device) > 0
    except (RuntimeError, ValueError):  # a plugin whose driver libraries are missing
        return False
