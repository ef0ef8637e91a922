"""Rows as they are sent."""

from __future__ import annotations

from typing import Any

from controlplane.access.models import User
from controlplane.oncall.api.forms import LayerRow
from controlplane.oncall.arithmetic import Shift
from controlplane.oncall.duty import Duty, Names, Standing
from controlplane.oncall.models import Layer

_COLUMNS = ("uid", "name", "email")


def _of(*people: str) -> tuple[str, ...]:
    return tuple(f"{one}__{column}" for one in people for column in _COLUMNS)


OVERRIDE_COLUMNS = ("person__uid", "person__name", "person__email")
REQUEST_COLUMNS = _of("asker", "asked", "taker")
NOTE_COLUMNS = _of("person", "next_person")
_LAYER = tuple(str(name) for name in LayerRow().get_fields() if name != "people")
NOBODY: dict[str, Any] = {
    "person": None, "since": None, "until": None, "layer": None, "override": None,
}  # fmt: skip


def person(user: User) -> dict[str, Any]:
    return {"uid": user.uid, "name": user.name, "email": user.email}


def layer(row: Layer) -> dict[str, Any]:
    people = [person(place.person) for place in row.places.all()]
    return {**{name: getattr(row, name) for name in _LAYER}, "people": people}


def duty(one: Duty | None) -> dict[str, Any]:
    if one is None:
        return dict(NOBODY)
    return {
        "person": person(one.person),
        "since": one.since,
        "until": one.until,
        "layer": str(one.layer) if one.layer is not None else None,
        "override": one.override.uid if one.override is not None else None,
    }


def standing(one: Standing) -> dict[str, Any]:
    later = duty(one.next) if one.next is not None else None
    return {
        "schedule": one.schedule.slug,
        "title": one.schedule.title,
        "roles": list(one.schedule.roles),
        "now": duty(one.duty),
        "gap": one.gap,
        "next": later,
        "changes_at": one.changes_at,
    }


def shift(one: Shift, names: Names) -> dict[str, Any]:
    row = {**NOBODY, "since": one.since, "until": one.until, "gap": one.is_gap}
    if one.person is not None:
        row["person"] = person(names.people[one.person])
    if one.layer is not None:
        row["layer"] = str(names.layers[one.layer])
    if one.override is not None:
        row["override"] = names.overrides[one.override].uid
    return row


def override(row: dict[str, Any]) -> dict[str, Any]:
    row["person"] = {name: row.pop(f"person__{name}") for name in ("uid", "name", "email")}
    return row


def swap_request(row: dict[str, Any]) -> dict[str, Any]:
    return _people(row, "asker", "asked", "taker")


def note(row: dict[str, Any]) -> dict[str, Any]:
    return _people(row, "person", "next_person")


def _people(row: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        columns = {column: row.pop(f"{name}__{column}") for column in _COLUMNS}
        row[name] = columns if columns["uid"] is not None else None
    return row
