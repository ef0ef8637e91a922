"""What is said about a flag."""

from __future__ import annotations

from typing import Any, NamedTuple

REASONS = {
    "unknown": "No such flag here.",
    "off": "The flag is off in this environment.",
    "killed": "The flag was killed: off everywhere.",
    "prerequisite": "Another flag it needs isn't as it must be.",
    "no_rules": "The flag is on and has no rules: on for everybody.",
    "allowed": "Named on the allow list.",
    "rule": "A rule matches.",
    "split": "A rule's percentage decides.",
    "denied": "Named on the deny list.",
    "no_match": "No rule matches.",
}


class Decision(NamedTuple):
    """An answer. It is made once per flag and outcome and given to many: `payload` is read only.

    `variant` is empty where there is none; `rule` is the title of the rule that decided;
    `enabled` with reason `split` tells which side of the percentage somebody is on.
    """

    known: bool
    enabled: bool
    variant: str
    payload: dict[str, Any] | None
    reason: str
    rule: str
    detail: str


UNKNOWN = Decision(False, False, "", None, "unknown", "", REASONS["unknown"])
