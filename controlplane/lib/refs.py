"""Refs: the short names people say aloud (`INC-12`, `MSN-7`), unique within a workspace.

Pure: the table of prefixes, parsing and printing. Numbers are handed out by `base.refs`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

PREFIXES: dict[str, str] = {
    "INC": "incident",
    "ALR": "alert",
    "MSN": "mission",
    "DEP": "deployment",
    "CAN": "canary rollout",
    "MNT": "maintenance window",
    "LCH": "launch",
    "APR": "approval request",
    "THR": "agent thread",
    "REV": "post-incident review",
    "TKT": "support ticket",
    "ARV": "access review",
    "CRP": "compliance report",
    "OBL": "recurring obligation",
    "SRV": "service",
    "INT": "integration",
}

_REF = re.compile(r"([A-Z]{3})-([1-9][0-9]{0,9})")


class Ref(NamedTuple):
    prefix: str
    number: int

    def __str__(self) -> str:
        return f"{self.prefix}-{self.number}"

    @property
    def kind(self) -> str:
        return PREFIXES[self.prefix]


def parse(text: str) -> Ref | None:
    """Read one ref; None when the text is not one. Lower case is what people type."""
    match = _REF.fullmatch(text.strip().upper())
    if match is None or match[1] not in PREFIXES:
        return None
    return Ref(match[1], int(match[2]))


def find(text: str) -> list[Ref]:
    """Every ref in a text, in order, so that a page can turn them into links."""
    found = (Ref(prefix, int(number)) for prefix, number in _WORD_REF.findall(text))
    return [ref for ref in found if ref.prefix in PREFIXES]


# Not inside a path: "/rollouts/CAN-4/baseline" is an address, "INC-4/MSN-2" are two refs.
_WORD_REF = re.compile(r"(?<![A-Za-z0-9-])(?<![a-z_]/)([A-Z]{3})-([1-9][0-9]{0,9})(?![A-Za-z0-9])")
