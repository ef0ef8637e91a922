"""The words of messages: a catalogue in code, a workspace's own wording in rows.

Placeholders are `{name}` and nothing else: a wording edited in the console can't reach objects,
call anything or read settings, as a template language would let it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

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


def fill(text: str, values: Mapping[str, object]) -> str:
    return _PLACEHOLDER.sub(lambda match: str(values.get(match[1], match[0])), text)


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
