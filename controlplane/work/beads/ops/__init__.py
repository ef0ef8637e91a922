"""The commands, by what they are about. Importing a module puts its commands into the table."""

from controlplane.work.beads.ops import (
    closing,
    graph,
    labels,
    lists,
    making,
    numbers,
    plans,
    projects,
    shown,
    talk,
)

__all__ = [
    "closing",
    "graph",
    "labels",
    "lists",
    "making",
    "numbers",
    "plans",
    "projects",
    "shown",
    "talk",
]
