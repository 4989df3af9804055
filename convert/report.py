"""What a conversion did, for people and for programs."""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

MiB = 1 << 20


@dataclass
class Report:
    """`mapped` lists each step: source names, target names, hook, dtype and shape of the targets. `carried`
    are source names that the network never uses and that are kept; `dropped` those that are not kept."""

    system: str
    variant: str
    options: dict[str, Any]
    naming: str
    source_prefix: str
    direction: str = "to ms_ovs"
    source: str = ""
    target: str = ""
    source_sha256: str = ""
    converter_version: str = ""
    mapped: list[dict[str, Any]] = field(default_factory=list)
    carried: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    tensor_bytes: int = 0
    seconds: float = 0.0

    def to_json(self) -> str:
        """The whole report."""
        counts = {name: len(getattr(self, name)) for name in ("mapped", "carried", "dropped")}
        return json.dumps({"counts": counts, **dataclasses.asdict(self)}, indent=1)

    def summary(self) -> str:
        """A few lines for the terminal."""
        options = ", ".join(f"{name}={value}" for name, value in self.options.items())
        rows = {
            "network": f"{self.system} {self.variant}" + (f" ({options})" if options else ""),
            "names": self.naming + (f", prefix {self.source_prefix!r}" if self.source_prefix else ""),
            "mapped": f"{sum(len(step['source']) for step in self.mapped)} tensors",
            "carried": f"{len(self.carried)} that the network never uses, kept for the way back",
            "dropped": f"{len(self.dropped)}" + (f" ({_some(self.dropped)})" if self.dropped else ""),
            "values": f"{self.tensor_bytes / MiB:.1f} MiB in {self.seconds:.1f} s",
            "source": f"SHA-256 {self.source_sha256}" if self.source_sha256 else "",
        }
        head = f"{self.source} → {self.target}" if self.target else f"{self.direction}"
        return "\n".join([head, *(f"  {name:<8} {text}" for name, text in rows.items() if text)])


def _some(names: list[str], limit: int = 3) -> str:
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
