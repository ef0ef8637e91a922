"""What alerts of a workspace are judged by: rules, silences, services, levels. Each process keeps
it, compiled, and asks with each message whether it still stands.

What is asked is a sum over the versions of all rows it was made of, as the database itself counts
them: whoever changes, adds or removes one, by whatever way, changes the sum the moment it is
committed. The sum of a book is of the very rows it was read from, so that a book is never older
than it says.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, Model, Q
from django.db.models.expressions import RawSQL

from controlplane.catalog.models import Component, Service
from controlplane.lib import prepared
from incidents.models import RoutingRule, SeverityLevel, Silence
from incidents.records import levels
from incidents.routing import matching, shipped
from incidents.routing.matching import Matches

_MOST = 200  # workspaces that one process keeps


def _version(model: type[Model]) -> str:
    """A row's version: where it lies, and which transaction put it there."""
    name = model._meta.db_table
    return (
        f"hashtextextended({name}.tableoid::text || {name}.ctid::text || {name}.xmin::text,"
        f" {name}.id)"
    )


def _sum(model: type[Model], where: str) -> str:
    table = model._meta.db_table
    return f"(SELECT coalesce(sum({_version(model)}), 0) FROM {table} WHERE {where})"  # noqa: S608


_SHARED = "workspace_id IS NULL OR workspace_id = %(workspace)s"
SUM = " + ".join(
    [
        _sum(RoutingRule, _SHARED),
        _sum(SeverityLevel, _SHARED),
        _sum(Silence, "workspace_id = %(workspace)s AND ends_at > %(at)s"),
        _sum(Service, "workspace_id = %(workspace)s"),
        _sum(Component, "workspace_id = %(workspace)s"),
    ]
)
_ASK = f"SELECT ({SUM})::text"


@dataclass(frozen=True, slots=True)
class Quiet:
    """A silence, while it lasts."""

    pk: int
    starts_at: datetime
    ends_at: datetime
    matches: Matches


@dataclass(frozen=True, slots=True)
class Book:
    mark: str
    rules: tuple[tuple[RoutingRule, Matches], ...]
    silences: tuple[Quiet, ...]  # those that last and those that come
    names: tuple[str, ...]  # of the labels that any of them asks for
    services: dict[str, Service]
    ranks: dict[str, int]  # of the levels of incidents, by code


_kept: OrderedDict[int, Book] = OrderedDict()


def mark_of(workspace_id: int, at: datetime) -> str:
    """What a book of now has to say of itself."""
    found: str = prepared.one(_ASK, {"workspace": workspace_id, "at": at})[0]
    return found


def last(workspace_id: int) -> Book | None:
    """The one this process read last. Whether it still stands, its mark says."""
    return _kept.get(workspace_id)


def of(workspace_id: int, at: datetime) -> Book:
    """The one that stands."""
    known = _kept.get(workspace_id)
    if known is not None and known.mark == mark_of(workspace_id, at):
        return known
    return read(workspace_id, at)


def read(workspace_id: int, at: datetime) -> Book:
    """Anew, and kept for the next message."""
    rules = _rules(workspace_id)
    ladders = _levels(workspace_id)
    quiet = _marked(Silence, Q(workspace=workspace_id, ends_at__gt=at))
    services, components = (
        _marked(kind, Q(workspace=workspace_id)) for kind in (Service, Component)
    )
    every: tuple[list[Any], ...] = (rules, ladders, quiet, services, components)
    held = in_force(rules)
    book = Book(
        mark=str(sum(row.mark for rows in every for row in rows)),
        rules=tuple((row, matching.compiled(row.matchers)) for row in held),
        silences=tuple(_quiet(row) for row in quiet),
        names=asked_names(row.matchers for row in (*held, *quiet)),
        services=names_of(services, components),
        ranks=_ranks(ladders),
    )
    _kept[workspace_id] = book
    _kept.move_to_end(workspace_id)
    while len(_kept) > _MOST:
        _kept.popitem(last=False)
    return book


def _marked(model: type[Model], where: Q) -> list[Any]:
    version: Any = RawSQL(_version(model), (), output_field=BigIntegerField())  # noqa: S611 - ours
    return list(model._default_manager.filter(where).annotate(mark=version).order_by("pk"))


def _shared(model: type[Model], workspace_id: int) -> list[Any]:
    return _marked(model, Q(workspace=workspace_id) | Q(workspace=None))


def _rules(workspace_id: int) -> list[RoutingRule]:
    found = _shared(RoutingRule, workspace_id)
    # A workspace may have rules of its own before the shipped ones ever came.
    if not shipped.slugs() <= {row.slug for row in found} and shipped.adopt():
        found = _shared(RoutingRule, workspace_id)
    return found


def _levels(workspace_id: int) -> list[SeverityLevel]:
    found = _shared(SeverityLevel, workspace_id)
    if not found and levels.adopt():
        found = _shared(SeverityLevel, workspace_id)
    return found


def _ranks(ladders: Iterable[SeverityLevel]) -> dict[str, int]:
    rungs = [row for row in ladders if row.ladder == SeverityLevel.Ladder.INCIDENT]
    return {row.code: row.rank for row in _own_first(rungs, "code")}


def asked_names(matchers: Iterable[Sequence[matching.Matcher]]) -> tuple[str, ...]:
    return tuple(sorted({str(each["name"]) for every in matchers for each in every}))


def in_force(rules: Iterable[RoutingRule]) -> list[RoutingRule]:
    """Of shipped ones and a workspace's own those that are asked, in their order."""
    held = [row for row in _own_first(rules, "slug") if row.is_active]
    return sorted(held, key=lambda row: (row.position, row.pk))


def _own_first(rows: Iterable[Any], name: str) -> list[Any]:
    """A workspace's own takes the place of the shipped one."""
    found: dict[str, Any] = {}
    for row in sorted(rows, key=lambda row: row.workspace_id is not None):
        found[getattr(row, name)] = row
    return list(found.values())


def _quiet(row: Silence) -> Quiet:
    return Quiet(row.pk, row.starts_at, row.ends_at, matching.compiled(row.matchers))


def names_of(services: Iterable[Service], components: Iterable[Component]) -> dict[str, Service]:
    """Those in use, by slug and name, and by the slugs of their components."""
    rows = [row for row in services if row.status == Service.Status.ACTIVE]
    by_pk = {row.pk: row for row in rows}
    found = {
        row.slug.lower(): by_pk[row.service_id]
        for row in components
        if row.is_active and row.service_id in by_pk
    }
    for row in rows:
        found[row.name.lower()] = row
    for row in rows:
        found[row.slug.lower()] = row
    return found
