"""What was measured on: processor, cores, memory, versions."""

import os
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

PACKAGES = ("mindspore", "numpy", "torch", "transformers")


@dataclass(frozen=True)
class Machine:
    """The machine and the software, as far as the system tells."""

    processor: str
    cores: int
    memory: int  # bytes
    system: str
    python: str
    packages: dict[str, str]

    @classmethod
    def here(cls) -> "Machine":
        """This machine."""
        return cls(
            processor=_processor(),
            cores=os.cpu_count() or 1,
            memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            system=f"{platform.system()} {platform.machine()}",
            python=platform.python_version(),
            packages={name: metadata.version(name) for name in PACKAGES},
        )

    def __str__(self) -> str:
        versions = ", ".join(f"{name} {version}" for name, version in self.packages.items())
        return (
            f"{self.processor}, {self.cores} cores, {self.memory / 2**30:.0f} GiB, {self.system}; "
            f"Python {self.python}, {versions}"
        )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
