"""Anybody who acts, as a name with a mark: people round, agents square with their badge."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from controlplane.console.kit import directory

HUES = 8
# What rows keep of an actor who may be gone one day: ref and label in one text.
_KEPT = re.compile(r"(user|agent|job):(\S+)(?: (.+))?", re.DOTALL)
_WORDS = re.compile(r"[^\W_]+")
_KINDS = {"user": "person"}
_BADGES = {"agent": "agent", "service": "service"}


@dataclass(frozen=True, slots=True)
class Who:
    kind: str  # person | agent | service | job | anonymous
    label: str
    ref: str = ""
    title: str = ""
    url: str = ""

    @property
    def initials(self) -> str:
        words: list[str] = _WORDS.findall(self.label.split("@", 1)[0])
        if not words:
            return "?"
        return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()

    @property
    def hue(self) -> int:
        """One of eight colours, the same for one person on every page."""
        return zlib.crc32((self.ref or self.label).encode("utf-8", "replace")) % HUES + 1

    @property
    def badge(self) -> str:
        return _BADGES.get(self.kind, "")

    @property
    def is_machine(self) -> bool:
        """The portal's own doing, told more quietly than anybody's."""
        return self.kind in {"job", "anonymous"}


def who(value: Any, *, kind: str = "", url: str = "") -> Who | None:
    """Read a user, an agent, an actor, an audit row, a dict or a plain name. None is nobody."""
    if value is None or value == "":
        return None
    if isinstance(value, Who):
        return value
    if isinstance(value, dict):
        read = _from_dict(value)
    elif isinstance(value, str):
        read = _from_text(value)
    else:
        read = _from_object(value)
    return Who(kind or read.kind, read.label, read.ref, read.title, url or read.url)


def _from_dict(value: dict[str, Any]) -> Who:
    return Who(
        str(value.get("kind") or "person"),
        str(value.get("label") or value.get("name") or ""),
        str(value.get("ref") or ""),
        str(value.get("title") or value.get("email") or ""),
        str(value.get("url") or ""),
    )


def _from_text(text: str) -> Who:
    kept = _KEPT.fullmatch(text)
    if kept is None:
        return Who("person", text)
    kind, key, label = kept.groups()
    ref = f"{kind}:{key}"
    if kind == "agent" and not label:  # a row that keeps no more than the ref
        label = directory.name_of(ref)
    return _actor(_KINDS.get(kind, kind), label or key, ref)


def _from_object(value: Any) -> Who:
    if hasattr(value, "actor_kind"):  # a row that keeps who acted: AuditEvent and its kin
        return _actor(str(value.actor_kind), str(value.actor_label), str(value.actor_ref))
    if hasattr(value, "label") and hasattr(value, "kind"):  # lib.actors.Actor
        return _actor(str(value.kind), str(value.label), str(getattr(value, "ref", "")))
    if hasattr(value, "email"):  # access.User
        email = str(value.email)
        return Who("person", str(getattr(value, "name", "") or email), _ref(value, "user"), email)
    if hasattr(value, "kind") and hasattr(value, "name"):  # access.Agent
        return Who(str(value.kind), str(value.name), _ref(value, "agent"))
    return Who("person", str(value))


def _actor(kind: str, label: str, ref: str) -> Who:
    """People by their name of today, with the address the row kept one hover away."""
    name = directory.name_of(ref) if kind == "person" else ""
    return Who(kind, name or label, ref, label if name and name != label else "")


def _ref(value: Any, kind: str) -> str:
    """The same ref that rows keep, so that somebody has one colour everywhere."""
    key = getattr(value, "pk", None)
    return f"{kind}:{key}" if key else ""


def look_up(values: Iterable[Any]) -> None:
    """One question for the names of everybody here."""
    found = []
    for value in values:
        kept = _KEPT.fullmatch(value) if isinstance(value, str) else None
        found.append(f"{kept[1]}:{kept[2]}" if kept else str(getattr(value, "actor_ref", "")))
    directory.look_up(found)
