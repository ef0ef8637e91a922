"""What erasing somebody would do, counted before it is done."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.access.models import User
from controlplane.base.data_rules import Person, personal_data
from controlplane.privacy.services.erasing import WITH_THE_ACCOUNT


@dataclass(frozen=True, slots=True)
class Place:
    what: str
    rows: int
    goes: bool
    kept: str


def places(user: User) -> list[Place]:
    """Every table that holds something about them: what goes first, then what is kept and why."""
    person = Person(user.pk, user.email, user.name)
    found = []
    for entry in personal_data:
        rows = len(entry.export(person)) if entry.export is not None else 0
        if rows:
            leaves = entry.slug in WITH_THE_ACCOUNT
            goes = leaves or entry.erase is not None
            found.append(Place(entry.what, rows, goes, "" if leaves else entry.keeps))
    return sorted(found, key=lambda place: (not place.goes, -place.rows))
