"""What follows an incident: whoever registered is asked in the same transaction, holding it."""

from __future__ import annotations

from collections.abc import Callable

from controlplane.lib.actors import Actor
from incidents.models import Incident, Update

# (incident, what became of it: acknowledged, resolved, ended, reopened; who did it)
MOVED: list[Callable[[Incident, str, Actor], None]] = []
# (incident, what was posted)
POSTED: list[Callable[[Incident, Update], None]] = []


def moved(incident: Incident, what: str, actor: Actor) -> None:
    for follow in MOVED:
        follow(incident, what, actor)


def posted(incident: Incident, update: Update) -> None:
    for follow in POSTED:
        follow(incident, update)
