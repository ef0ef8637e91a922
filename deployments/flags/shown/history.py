"""Changes of flags as lines of a history: who, what, when, why, the difference, and undo."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from controlplane.access import policy
from controlplane.lib.actors import Actor
from deployments.flags.models import Flag, FlagChange
from deployments.flags.shown import links, words

_TONES = {"kill": "warn", "sql": "warn", "archive": "neutral", "enable": "good"}
UNDONE_OTHERWISE: dict[str, str] = {
    FlagChange.Kind.CREATE: "What was made is archived, not undone.",
    FlagChange.Kind.ARCHIVE: "Restore the flag instead.",
    FlagChange.Kind.RESTORE: "Archive the flag instead.",
}


def lines(
    changes: Iterable[FlagChange], actor: Actor, flag: Flag, names: Mapping[str, str]
) -> list[dict[str, Any]]:
    return [line(change, actor, flag, names) for change in changes]


def line(
    change: FlagChange, actor: Actor, flag: Flag, names: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """`names` are those of segments, by slug."""
    undone = next(iter(change.undone.all()), None)
    refusal = undo_refusal(change, actor, flag, undone)
    return {
        "change": change,
        "what": what(change),
        "tone": _TONES.get(change.kind, "info"),
        "where": change.environment.name if change.environment is not None else "everywhere",
        "url": links.row(change),
        "undo_url": "" if refusal else links.button(change, "undo"),
        "undone": undone,
        "before": change.before,
        "after": change.after,
        "said": said(change, names),
    }


def what(change: FlagChange) -> str:
    return {"kill": "Killed", "enable": "Enabled"}.get(change.kind, change.get_kind_display())


def said(change: FlagChange, names: Mapping[str, str] | None = None) -> str:
    """How it read afterwards, where the change is of an environment's settings."""
    after = change.after
    if change.environment_id is None or not isinstance(after, dict) or "on" not in after:
        return ""
    return words.sentence(after, names)


def undo_refusal(
    change: FlagChange, actor: Actor, flag: Flag, undone: FlagChange | None = None
) -> str:
    """Why it is not to be undone, or the empty text."""
    if undone is not None:
        return "It was undone already."
    if change.kind in UNDONE_OTHERWISE:
        return UNDONE_OTHERWISE[change.kind]
    if change.before is None or flag.is_archived:
        return "There is nothing to go back to."
    decision = policy.can(actor, "flag.change", flag)
    return "" if decision else decision.reason
