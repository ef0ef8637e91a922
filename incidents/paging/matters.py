"""What people are called for: an incident, or a ticket of support. The engine and the texts of its
calls know of either only what is registered here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from incidents.models import EscalationRun, Ticket

CALLED = frozenset(
    {Ticket.Priority.P1}
)  # tickets somebody is called for; what is P0 is an incident


@dataclass(frozen=True, slots=True)
class Kind:
    news: str  # the kind of news that a call is
    verbs: Sequence[str]  # what is answered from the message itself
    thread: str
    is_over: Callable[[Any], bool]  # nobody need be called for it any more
    urgency: Callable[[Any], str]
    # Those that somebody is to be called for now, answered for or not; and by which policy: None
    # where one calls nobody.
    burning: Callable[[], QuerySet[Any]]
    policy: Callable[[Any], str | None]
    # Values of the wording beside why somebody is called, for what reason, and who else is.
    values: Callable[[EscalationRun], Mapping[str, object]]


KINDS: dict[str, Kind] = {}  # by the label of its model


def which(row: Any) -> dict[str, Any]:
    """How runs and pages of it are found, and made."""
    return {row._meta.model_name: row}


def register(label: str, kind: Kind) -> None:
    KINDS[label] = kind


def of(row: Any) -> Kind:
    return KINDS[row._meta.label_lower]
