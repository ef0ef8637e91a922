"""The words of messages: a catalogue in code, a workspace's own wording in rows.

Placeholders are `{name}` and nothing else: a wording edited in the console can't reach objects,
call anything or read settings, as a template language would let it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from controlplane.lib.errors import Invalid
from controlplane.lib.text import short
from controlplane.notify.models import MessageTemplate

_PLACEHOLDER = re.compile(r"\{([a-z_]{1,40})\}")


@dataclass(frozen=True, slots=True)
class Wording:
    kind: str
    label: str
    subject: str
    body: str

    @property
    def placeholders(self) -> frozenset[str]:
        return frozenset(_PLACEHOLDER.findall(self.subject + self.body))


CATALOGUE: dict[str, Wording] = {}


def register(kind: str, label: str, *, subject: str, body: str = "") -> Wording:
    if kind in CATALOGUE:
        raise ValueError(f"message kind {kind} is registered twice")
    CATALOGUE[kind] = Wording(kind, label, subject, body)
    return CATALOGUE[kind]


def label(kind: str) -> str:
    """What people call a kind of news; its own words where nothing sends it any more."""
    if kind in CATALOGUE:
        return CATALOGUE[kind].label
    return kind.replace(".", ": ").replace("_", " ").capitalize()


def fill(text: str, values: Mapping[str, object]) -> str:
    """What no value is given for stays as it stands."""
    said, names = _parts(text)
    found = [said[0]]
    for name, after in zip(names, said[1:], strict=True):
        found += (str(values[name]) if name in values else f"{{{name}}}", after)
    return "".join(found)


@lru_cache(maxsize=500)
def _parts(text: str) -> tuple[Sequence[str], Sequence[str]]:
    """What stands around its placeholders, and their names: calls are written by the thousand."""
    split = _PLACEHOLDER.split(text)
    return split[::2], split[1::2]


def check(kind: str, subject: str, body: str) -> None:
    """Refuse a wording with placeholders that this kind never fills."""
    wording = CATALOGUE.get(kind)
    if wording is None:
        raise Invalid(f"There is no message kind {kind!r}.", details={"kind": "Unknown kind."})
    unknown = set(_PLACEHOLDER.findall(subject + body)) - wording.placeholders
    if unknown:
        names = ", ".join(sorted(f"{{{name}}}" for name in unknown))
        raise Invalid(f"Unknown placeholders: {names}", details={"body": f"Unknown: {names}"})


def render(workspace_id: int, kind: str, values: Mapping[str, object]) -> tuple[str, str]:
    """(subject, body) in the workspace's wording, else the shipped one."""
    wording = CATALOGUE[kind]
    own = MessageTemplate.objects.filter(workspace_id=workspace_id, kind=kind).first()
    subject, body = (own.subject, own.body) if own else (wording.subject, wording.body)
    return short(fill(subject, values), 200), fill(body, values)
