"""What can be done against an incident: of each kind how it is done through its own service, and
how it is taken back. Nothing here knows of rows of actions; it is given what was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotFound
from incidents.models import Action, Incident

Made = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing that is asked for. `made`: what came of it so far, or of what is taken back.
    `action`: the row that was made of it."""

    incident: Incident
    target: str
    given: Mapping[str, Any]
    reason: str
    made: Mapping[str, Any] = field(default_factory=dict)
    action: Action | None = None

    @property
    def why(self) -> str:
        """The reason as it stands at the target."""
        return f"{self.incident.ref}: {self.reason}"[:300]


@dataclass(frozen=True, slots=True)
class Came:
    """What came of it, in a sentence, and what taking it back needs. `more`: it is not all done;
    the next part follows in a transaction of its own. `failed`: it was done and came to nothing,
    with the code of that."""

    said: str
    made: Made = field(default_factory=dict)
    more: bool = False
    failed: str = ""


Do = Callable[[Ask, Actor], Came]
# What waits for the world, between two parts and in no transaction. False: it is in the hands of
# somebody else, who will say what came of it.
Outside = Callable[[Ask, Actor], bool]
# The target and how, as asked for -> in one form; raises what refuses it.
Read = Callable[[Incident, str, Mapping[str, Any], Actor], tuple[str, Made]]


@dataclass(frozen=True, slots=True)
class Kind:
    """`action`: what the policy is asked about the target. `repeats`: doing it again later is
    another time, as with waking somebody. `recorded`: it was done elsewhere."""

    slug: str
    label: str
    past: str  # "switched the flag off"
    action: str
    read: Read
    do: Do
    undo: Do | None = None
    undo_label: str = ""
    repeats: bool = False
    recorded: bool = False
    icon: str = "play"
    outside: Outside | None = None


KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    if kind.slug in KINDS or kind.slug not in Action.Kind.values:
        raise ValueError(f"action kind {kind.slug} is unknown or registered twice")
    KINDS[kind.slug] = kind
    return kind


def kind_of(slug: str) -> Kind:
    found = KINDS.get(slug)
    if found is None:
        raise NotFound(f"There is no action {slug}.")
    return found
