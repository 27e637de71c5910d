"""Plans of services: names and sizes in the pattern of the real ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_GIB = 1024**3

# Family: number of nodes and sizes.
_FAMILIES = {
    "hobbyist": (1, ("2",)),
    "startup": (1, ("4", "8", "16", "32", "64", "128", "225")),
    "business": (2, ("4", "8", "16", "32", "64", "128", "225")),
    "premium": (3, ("4", "8", "16", "32", "64", "128", "225")),
}
# Size: memory (GiB), CPUs, disk (GiB).
_SIZES = {
    "2": (2, 2, 8),
    "4": (4, 2, 80),
    "8": (8, 2, 175),
    "16": (16, 4, 350),
    "32": (32, 8, 700),
    "64": (64, 16, 1400),
    "128": (128, 24, 2800),
    "225": (225, 32, 4096),
}


@dataclass(frozen=True)
class Plan:
    """A plan; sizes in bytes. The emulator does not enforce CPUs or memory."""

    name: str
    family: str
    nodes: int
    cpus: int
    memory: int
    disk: int

    def view(self, zone: str) -> dict[str, Any]:
        """The plan as the API answers it; without a backup configuration, for nothing is backed up here."""
        return {
            "name": self.name,
            "family": self.family,
            "node-count": self.nodes,
            "node-cpu-count": self.cpus,
            "node-memory": self.memory,
            "disk-space": self.disk,
            "authorized": True,
            "zones": [zone],
        }


def plans(*families: str) -> dict[str, Plan]:
    """All plans of these families, by name."""
    made = [
        Plan(f"{family}-{size}", family, nodes, cpus=cpus, memory=memory * _GIB, disk=disk * _GIB)
        for family in families
        for nodes, sizes in [_FAMILIES[family]]
        for size in sizes
        for memory, cpus, disk in [_SIZES[size]]
    ]
    return {plan.name: plan for plan in made}
