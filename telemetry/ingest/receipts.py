"""What became of each event of a batch."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

# Why an event is refused. Senders may branch on these.
CODES = {
    "MALFORMED": "it is no JSON object of the known form",
    "MISSING": "a field is missing",
    "BAD_VALUE": "a field holds what it can't",
    "TOO_LARGE": "the event is larger than one may be",
    "TOO_OLD": "it happened before the oldest day that is still open",
    "TOO_NEW": "it happened in the future",
    "WORKSPACE_MISMATCH": "it names another workspace than the sender's",
}

Fate = Literal["accepted", "duplicate", "rejected"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why one event can't be taken."""

    code: str
    reason: str
    name: str = ""  # the event's, where it could be read


@dataclass(frozen=True, slots=True)
class Verdict:
    index: int
    status: Fate
    id: str = ""
    code: str = ""
    reason: str = ""


@dataclass(slots=True)
class Receipt:
    """Counts, and a verdict for every event that was not simply accepted."""

    received: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    redacted: int = 0  # values replaced
    kinds: Counter[str] = field(default_factory=Counter)  # of what kinds they were
    verdicts: list[Verdict] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)  # names the catalogue does not know

    def as_data(self) -> dict[str, Any]:
        return {
            "received": self.received,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "rejected": self.rejected,
            "redacted": self.redacted,
            "unknown_events": self.unknown,
            "verdicts": [
                {
                    "index": each.index,
                    "status": each.status,
                    "id": each.id or None,
                    "code": each.code or None,
                    "reason": each.reason or None,
                }
                for each in self.verdicts
            ],
        }
