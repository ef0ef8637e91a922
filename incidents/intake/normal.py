"""What every sender's words are brought to before anything is judged."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

TITLE, DESCRIPTION, KEY = 300, 8_000, 255
MOST_LABELS = 100
LABEL_NAME, LABEL_VALUE = 200, 2_000

FIRING, RESOLVED = "firing", "resolved"

# What senders call how grave it is. PagerDuty's "error" is what its services page for.
SEVERITIES: Mapping[str, str] = {
    "critical": "critical", "crit": "critical", "fatal": "critical", "emergency": "critical",
    "alert": "critical", "page": "critical", "error": "critical", "high": "critical",
    "sev1": "critical", "sev2": "critical", "p1": "critical", "p0": "critical",
    "warning": "warning", "warn": "warning", "medium": "warning", "moderate": "warning",
    "failure": "critical", "sev3": "warning", "p2": "warning",
    "info": "info", "informational": "info", "information": "info", "notice": "info",
    "low": "info", "debug": "info", "none": "info", "ok": "info", "success": "info",
    "sev4": "info", "p3": "info",
}  # fmt: skip


@dataclass(slots=True)
class Incoming:
    """One alert as a sender told of it. `timed`: the sender says since when it fires, so that what
    comes out of order can be told from what is new."""

    key: str
    status: str
    severity: str  # "" where the sender does not say
    title: str
    description: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    links: list[dict[str, str]] = field(default_factory=list)
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    timed: bool = False
    # What the portal's own rules ask for themselves: see `routing.asked`.
    asks: dict[str, Any] = field(default_factory=dict)
    late: bool = False  # it was over before it could be heard
    repeats: int = 0  # of the same key in the same message

    @property
    def fires(self) -> bool:
        return self.status == FIRING


@dataclass(frozen=True, slots=True)
class Refusal:
    """One alert of a message that was not taken; the others were."""

    index: int
    reason: str


@dataclass(slots=True)
class Read:
    """What a message says."""

    alerts: list[Incoming] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    truncated: int = 0  # alerts that the sender cut off
    acknowledged: list[str] = field(default_factory=list)  # keys
    changes: list[dict[str, Any]] = field(default_factory=list)  # news of changes, no alerts
    answer: dict[str, Any] = field(default_factory=dict)  # what the sender wants back


def severity_of(text: Any) -> str:
    return SEVERITIES.get(str(text or "").strip().lower(), "")


def fingerprint(labels: Mapping[str, str]) -> str:
    """The same labels have the same name, in whatever order they come."""
    # Between them stand bytes that are in no text.
    said = "".join([f"{name}\udcff{labels[name]}\udcfe" for name in sorted(labels)])
    return hashlib.sha256(said.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def key_of(text: str) -> str:
    """As it is, or where it is too long by its digest, so that two long ones stay two."""
    return text if len(text) <= KEY else hashlib.sha256(text.encode()).hexdigest()


def merged(alerts: Sequence[Incoming]) -> list[Incoming]:
    """One for each key: the last one said, and how often it was said before. What is over by the
    same message that says it fires is over."""
    found: dict[str, Incoming] = {}
    for alert in alerts:
        before = found.pop(alert.key, None)
        if before is not None:
            alert.repeats = before.repeats + 1
            if not alert.annotations:
                alert.annotations = before.annotations
        found[alert.key] = alert
    return list(found.values())
