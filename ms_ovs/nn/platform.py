"""What differs between devices. Cells ask once, at construction."""

import mindspore as ms


def on_cpu() -> bool:
    """Whether the device that was set up is the CPU."""
    return ms.get_context("device_target") == "CPU"
