"""Plans of PostgreSQL services: names and sizes in the pattern of the real ones."""

from __future__ import annotations

from dataclasses import dataclass

_GIB = 1024**3

# Family: number of nodes. Size: memory (GiB), CPUs, disk (GiB).
_FAMILIES = {"startup": 1, "business": 2, "premium": 3}
_SIZES = {
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
    """What a plan promises; sizes in bytes. The emulator does not enforce CPUs or memory."""

    name: str
    nodes: int
    cpus: int
    memory: int
    disk: int


PLANS: dict[str, Plan] = {"hobbyist-2": Plan("hobbyist-2", nodes=1, cpus=2, memory=2 * _GIB, disk=8 * _GIB)}
PLANS |= {
    f"{family}-{size}": Plan(f"{family}-{size}", nodes, cpus=cpus, memory=memory * _GIB, disk=disk * _GIB)
    for family, nodes in _FAMILIES.items()
    for size, (memory, cpus, disk) in _SIZES.items()
}
