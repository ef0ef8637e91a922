"""Saying where people's data is: the usual ways to fill `registries.personal_data`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.apps import apps

from controlplane.base.data_rules import Person, PersonalData, personal_data
from controlplane.lib.actors import Actor

Export = Callable[[Person], Sequence[Mapping[str, Any]]]
Erase = Callable[[Person, Actor], int]


def rows_of(model: str, path: str, *columns: str, by: str = "user_id") -> Export:
    """An exporter: these columns of the rows whose `path` leads to the person, found by key, or
    by="email" where rows name people without one."""

    def export(person: Person) -> Sequence[Mapping[str, Any]]:
        manager = apps.get_model(model)._base_manager
        found = manager.filter(**{path: getattr(person, by)}).order_by("pk")
        return list(found.values(*columns))

    return export


def erase_rows(model: str, path: str) -> Erase:
    """An eraser for rows that serve nobody but the person: they go."""

    def erase(person: Person, actor: Actor) -> int:
        found = apps.get_model(model)._base_manager.filter(**{path: person.user_id})
        number: int = found.count()
        found.delete()
        return number

    return erase


def holds(
    slug: str,
    model: str,
    what: str,
    export: Export | None,
    keeps: str = "",
    *,
    erase: Erase | None = None,
) -> PersonalData:
    """Register one table that holds something about people."""
    return personal_data.register(
        PersonalData(slug, (model,), what, export=export, erase=erase, keeps=keeps)
    )


def nothing(slug: str, *models: str, why: str) -> PersonalData:
    """Say that these tables look personal and are not, or not apart from another entry."""
    return personal_data.register(PersonalData(slug, models, "nothing", keeps=why))
