"""Ladders as people write them, a step in each line:

5 min: role primary_operator, role engineering_lead
55 min: role secondary_operator, schedule nights
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from controlplane.lib.given import refuse

_LINE = re.compile(r"\s*(\d{1,6})\s*(s|sec|min|h)\s*:\s*(.+?)\s*\Z")
_SECONDS = {"s": 1, "sec": 1, "min": 60, "h": 3_600}


def write_steps(steps: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(f"{_wait(each['wait_s'])}: {write_targets(each['targets'])}" for each in steps)


def write_targets(targets: Sequence[Mapping[str, str]]) -> str:
    return ", ".join(f"{each['kind']} {each['ref']}" for each in targets)


def _wait(seconds: int) -> str:
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"


def read_steps(text: str) -> list[dict[str, Any]]:
    lines = [line for line in text.splitlines() if line.strip()]
    return [_step(place, line) for place, line in enumerate(lines, 1)]


def _step(place: int, line: str) -> dict[str, Any]:
    found = _LINE.match(line)
    if found is None:
        raise refuse("steps", f"Line {place}: write it as “5 min: role primary_operator”.")
    wait = int(found[1]) * _SECONDS[found[2]]
    return {"wait_s": wait, "targets": read_targets("steps", found[3], f"Line {place}: ")}


def read_targets(field: str, text: str, where: str = "") -> list[dict[str, str]]:
    targets = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        kind, _, ref = part.partition(" ")
        if not ref.strip():
            raise refuse(field, f"{where}“{part}” says no kind: role, schedule, person and so on.")
        targets.append({"kind": kind, "ref": ref.strip()})
    return targets
