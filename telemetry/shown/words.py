"""Events in words."""

from __future__ import annotations

from collections.abc import Mapping

from telemetry.catalogue import ALIASES, STAGES
from telemetry.models import Flag

STAGE_WORDS: Mapping[str, str] = {
    "": "no stage",
    "define": "Define",
    "prepare": "Prepare",
    "plan_approve": "Plan and approve",
    "execute_observe": "Execute and observe",
    "reflect_improve": "Reflect and improve",
}
assert set(STAGE_WORDS) == {"", *STAGES}
LEVELS: Mapping[int, str] = {
    10: "Debug",
    20: "Info",
    30: "Warning",
    40: "Error",
    50: "Critical",
}
STATUSES: Mapping[str, str] = {
    "info": "Info",
    "success": "Success",
    "warning": "Warning",
    "error": "Error",
}


def event_words(name: str) -> str:
    """`composio_tool_call` as people say it."""
    text = name.replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def flag_words(flags: int) -> list[str]:
    """What the ingest noticed about an event, a sentence each."""
    return [f"{flag.label[:1].upper()}{flag.label[1:]}." for flag in Flag if flags & flag.value]


def old_names(name: str) -> list[str]:
    """Names under which senders may still know an event."""
    return [alias for alias, now in ALIASES.items() if now == name]


def level_words(level: int) -> str:
    return LEVELS.get(level, str(level))


_SHORT = {
    Flag.UNKNOWN: "unknown",
    Flag.ALIAS: "old name",
    Flag.SKEW: "clock",
    Flag.INCOMPLETE: "incomplete",
    Flag.STAGE: "stage",
    Flag.OPERATION: "operation",
}


def flag_short(flags: int) -> list[str]:
    """The same in a word each, for a column of a list."""
    return [_SHORT[flag] for flag in Flag if flags & flag.value]


def took(milliseconds: float | None) -> str:
    if milliseconds is None:
        return ""
    if milliseconds < 1_000:
        return f"{milliseconds:,.3g} ms"
    seconds = milliseconds / 1_000
    if seconds < 120:
        return f"{seconds:,.3g} s"
    minutes = seconds / 60
    if minutes < 120:
        return f"{minutes:,.1f} min"
    hours = minutes / 60
    return f"{hours:,.1f} h" if hours < 48 else f"{hours / 24:,.1f} days"
