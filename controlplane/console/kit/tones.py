"""Which tone a state has and how a severity is filled.

Five tones: neutral, info, good, warn, bad. Bad is for what needs somebody now; what is merely
over, ended or refused on purpose is neutral or warn. The word always stands beside the colour.
"""

from __future__ import annotations

from typing import Any

TONES = ("neutral", "info", "good", "warn", "bad")

_STATES = {
    "neutral": "archived cancelled closed deactivated distrusted draft ended expired inactive "
    "merged new none not_applicable off queued removed replaced revoked rolled_back skipped "
    "superseded suspended unknown unused void withdrawn",
    "info": "acknowledged advancing assigned canary current deploying executing in_flight "
    "in_progress leased mitigating monitoring planned preparing processing ready running "
    "scheduled sending started starting submitted triaged verifying waiting_for_start",
    "good": "accepted active allowed approved available completed connected covered delivered done "
    "effective enabled follows_the_one_before fulfilled good granted green healthy "
    "in_effect mitigated ok on online passed passing published resolved satisfied sealed "
    "sent signed signed_off sound succeeded success trusted up valid verified",
    "warn": "amber at_risk awaiting blocked degraded delayed denied due escalated expiring "
    "flapping half_open held in_force late needs_attention on_hold overdue partial paused pending "
    "rejected retry retrying review_pending rotating silenced slow stale stopping "
    "unverified waiting warn warning",
    "bad": "alarm breached broken compromised critical dead detected disconnected down error "
    "errored failed failing firing invalid killed locked lost missing offline open outage "
    "red silent tampered unhealthy unreachable",
}
_TONE_OF = {state: tone for tone, states in _STATES.items() for state in states.split()}

# How loud a severity is: 1 solid red, 2 solid amber, 3 soft, 4 hardly there.
_SEVERITY = {
    "sev1": 1, "p0": 1, "critical": 1, "emergency": 1, "page": 1,
    "sev2": 2, "p1": 2, "high": 2, "major": 2, "error": 2,
    "sev3": 3, "p2": 3, "warning": 3, "medium": 3, "minor": 3,
    "sev4": 4, "p3": 4, "info": 4, "low": 4, "none": 4, "p4": 4,
}  # fmt: skip


def tone(name: Any) -> str:
    """A tone we have styles for; what is none becomes neutral rather than a class of its own."""
    return name if isinstance(name, str) and name in TONES else "neutral"


def state_key(value: Any) -> str:
    return str(value or "").strip().lower().replace("-", "_").replace(" ", "_")


def state_tone(value: Any) -> str:
    return _TONE_OF.get(state_key(value), "neutral")


def state_words(value: Any) -> str:
    """`review_pending` as people say it: "Review pending". Words with capitals stay."""
    text = str(value if value is not None else "").strip().replace("_", " ")
    return text[:1].upper() + text[1:] if text.islower() else text


def severity_level(value: Any) -> int:
    """1 to 4 for the fill; what is unknown is as quiet as the quietest."""
    if isinstance(value, int) and not isinstance(value, bool):
        return min(max(value, 1), 4)
    text = "".join(letter for letter in str(value or "").lower() if letter.isalnum())
    return _SEVERITY.get(text, int(text) if text in {"1", "2", "3", "4"} else 4)


def severity_words(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"SEV-{value}"
    return str(value if value is not None else "")
