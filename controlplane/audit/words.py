"""What an action of the log is called when people read it: "rotated the key", not `key.rotate`.

The words are data. Each package tells its own beside its services, once, at start:

    words.define("key", {"rotate": "rotate/rotated the key"})

The two words around the slash are the verb: what somebody may try and be refused ("was not allowed
to rotate the key"), and what somebody did. Where one action makes several changes the
name carries which, after a colon: the state it led to ("manage:retired"), or `add`, `remove`,
`on` and `off`, read from what was before and after; or the kind of thing it was done to
("manage:probe"), or both ("manage:probe:add"). An action nobody told words for is shown by its
label in the policy table, or in its own words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DENIED, FAILED = "denied", "failed"
_SWITCHES = ("is_active", "enabled", "active")
_STATES = ("status", "state", "health", "decision")
SOURCES = {
    "api": "API",
    "mcp": "MCP",
    "console": "console",
    "desk": "desk",
    "command": "terminal",
    "system": "",
}
_WORDS: dict[str, tuple[str, str]] = {}
_LABELS: dict[str, str] = {}
_VARIED: set[str] = set()


@dataclass(frozen=True, slots=True)
class Kept:
    """An event as far as somebody kept it: enough to say what it was."""

    action: str
    outcome: str = "done"
    subject_type: str = ""
    before: Any = None
    after: Any = None
    details: Any = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Kept:
        ref = str(row.get("subject_ref") or "").partition(":")[0]
        return cls(
            str(row.get("action") or ""),
            str(row.get("outcome") or "done"),
            str(row.get("subject_type") or ref),
            row.get("before"),
            row.get("after"),
            row.get("details"),
        )


def define(area: str, entries: Mapping[str, str]) -> None:
    """Words of one area: verb, or verb:variant, to "do/did the thing"."""
    for verb, text in entries.items():
        to_do, slash, rest = text.partition("/")
        if not slash or not rest or not to_do.isalpha():
            raise ValueError(f"words of {area}.{verb}: write do/did and what, not {text!r}")
        did, _, what = rest.partition(" ")
        name = f"{area}.{verb}"
        pair = (f"{to_do} {what}".strip(), f"{did} {what}".strip())
        if _WORDS.setdefault(name, pair) != pair:
            raise ValueError(f"words of {name} are told twice")
        if ":" in verb:
            _VARIED.add(name.partition(":")[0])


def label(action: str, text: str) -> None:
    """What the policy table calls it: for actions that have no words of their own."""
    _LABELS[action] = text


def is_told(action: str) -> bool:
    return action in _WORDS


def phrase(event: Any) -> str:
    """What this event tells, without who and what: "rotated the key"."""
    action, outcome = str(event.action), str(event.outcome)
    to_do, did = _pair(action, _variants(event))
    if outcome == DENIED:
        if action in _VARIED and action in _LABELS:  # which of them was wanted, nobody wrote down
            to_do = ""
        return f"was not allowed to {to_do}" if to_do else f"was refused: {_named(action)}"
    if outcome == FAILED:
        return f"failed to {to_do}" if to_do else f"failed: {_named(action)}"
    return did or f"did: {_named(action)}"


def sentence(event: Any) -> str:
    """The same as the beginning of a line: "Rotated the key"."""
    text = phrase(event)
    return text[:1].upper() + text[1:]


def source_words(source: str) -> str:
    """Through which door: what the portal does by itself comes through none."""
    return SOURCES.get(source, source)


def _pair(action: str, variants: list[str]) -> tuple[str, str]:
    for variant in variants:
        if found := _WORDS.get(f"{action}:{variant}"):
            return found
    return _WORDS.get(action, ("", ""))


def _named(action: str) -> str:
    """Last resort: the policy's label, else the name itself without its dot."""
    area, _, verb = action.rpartition(".")
    plain = f"{verb} the {area}" if area else verb
    text = _LABELS.get(action) or plain.replace("_", " ").replace(".", " ")
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _variants(event: Any) -> list[str]:
    """Which of an action's changes this is, nearest first; each for its kind of thing, then any."""
    kind = str(getattr(event, "subject_type", "") or "").rpartition(".")[2]
    found = list(_changes(event))
    return [name for change in found for name in (f"{kind}:{change}", change)] + [kind]


def _changes(event: Any) -> list[str]:
    details = getattr(event, "details", None)
    details = details if isinstance(details, Mapping) else {}
    before, after = getattr(event, "before", None), getattr(event, "after", None)
    found = []
    if to := str(details.get("transition") or "").rpartition("-> ")[2]:
        found.append(to)
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        changed = {name for name in after if before.get(name) != after[name]}
        found += ["on" if after[name] else "off" for name in _SWITCHES if name in changed]
        found += [str(after[name]) for name in _STATES if name in changed]
    if not before and not after:
        return found
    return [*found, "change" if before and after else "add" if after else "remove"]
