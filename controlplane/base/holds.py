"""What a legal hold keeps, whoever would delete it.

A hold names what it is on; each class of the clean-up says how one gets from a row of it to that
(`data_rules.Reach`). Nothing here knows who places holds: whoever keeps such rows tells which of
them stand (`tell`). Deleting takes turns with placing one, so that a hold is either there before a
row goes, or comes after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import connection, models
from django.db.models import Q

from controlplane.base.data_rules import Reach, retention

# Arbitrary but fixed: deleting shares it, placing a hold takes it alone.
LOCK = 0x6C6567616C686F6C
M = TypeVar("M", bound=models.Model)


@dataclass(frozen=True, slots=True)
class Standing:
    """One hold that stands. Without a workspace it is on the whole installation; without a class,
    a ref or a person on everything there."""

    workspace_id: int | None
    slug: str = ""
    ref: str = ""
    about: str = ""  # the audit ref of that record
    person_id: int | None = None


HOLDERS: dict[str, Callable[[], Iterable[Standing]]] = {}


def tell(name: str, standing: Callable[[], Iterable[Standing]]) -> None:
    """Register who knows of holds."""
    HOLDERS[name] = standing


def standing() -> list[Standing]:
    return [hold for ask in HOLDERS.values() for hold in ask()]


def take_turn(*, alone: bool) -> None:
    """Until the end of this transaction: `alone` for whoever places a hold, shared by all who
    delete."""
    how = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {how}(%s)", [LOCK])


# --- Which rows ----------------------------------------------------------------------------------


def covers(hold: Standing, slug: str) -> Q | None:
    """The rows of a class that this hold keeps; None where it reaches none of them."""
    entry = retention.get(slug)
    reach = Reach() if entry is None else entry.reach
    if hold.slug and hold.slug not in {slug, *reach.carries}:
        return None
    if hold.ref:
        return _of_record(hold, reach)
    if hold.person_id is not None:
        return _of_person(hold, reach)
    return _here(hold, reach)


def _here(hold: Standing, reach: Reach) -> Q | None:
    if hold.workspace_id is None:
        return Q(pk__isnull=False)
    return Q(**{reach.workspace: hold.workspace_id}) if reach.workspace else None


def _of_record(hold: Standing, reach: Reach) -> Q | None:
    here = _here(hold, reach)
    found = []
    if path := reach.refs.get(hold.ref.partition("-")[0]):
        found.append(Q(**{path: hold.ref}))
    if reach.about and hold.about:
        found.append(Q(**{reach.about: hold.about}))
    return None if here is None or not found else _any(found) & here


def _any(found: Sequence[Q]) -> Q:
    whole = Q()
    for rows in found:
        whole |= rows
    return whole


def _of_person(hold: Standing, reach: Reach) -> Q | None:
    if not reach.person:
        return None
    # A row that names a person and no workspace is theirs wherever the hold was placed.
    return Q(**{reach.person: hold.person_id}) & (_here(hold, reach) or Q())


def condition(slug: str) -> Q | None:
    """What all standing holds together keep of a class; None where that is nothing."""
    found = [rows for hold in standing() if (rows := covers(hold, slug)) is not None]
    return _any(found) if found else None


def spared(rows: models.QuerySet[M], slug: str) -> models.QuerySet[M]:
    """Without what is held: what may be deleted."""
    held = condition(slug)
    return rows if held is None else rows.exclude(pk__in=_keys(rows.model, held))


def kept(rows: models.QuerySet[M], slug: str) -> models.QuerySet[M]:
    """Only what is held: what would go, did no hold stand."""
    held = condition(slug)
    return rows.none() if held is None else rows.filter(pk__in=_keys(rows.model, held))


def _keys(model: type[models.Model], held: Q) -> models.QuerySet[Any, Any]:
    # By keys, since a path may lead over many rows and must not count one twice.
    return model._base_manager.filter(held).order_by().values("pk")


# --- Whether something is held at all ------------------------------------------------------------


def over_workspace(workspace_id: int | None, slug: str = "") -> bool:
    """Whether everything of a workspace, or of a class there, is held."""
    return any(over_all_of(hold, workspace_id, slug) for hold in standing())


def over_all_of(hold: Standing, workspace_id: int | None, slug: str = "") -> bool:
    return (
        hold.workspace_id in {None, workspace_id} and not hold.ref and hold.person_id is None
        and (not hold.slug or (bool(slug) and covers(hold, slug) is not None))
    )  # fmt: skip


def over_record(workspace_id: int | None, ref: str) -> bool:
    """Whether one record is held, by itself or with everything around it."""
    return over_workspace(workspace_id) or any(
        hold.ref == ref and hold.workspace_id == workspace_id for hold in standing()
    )


def over_person(person_id: int, workspaces: Sequence[int]) -> bool:
    """Whether somebody is held, by themselves or with a workspace they belong to."""
    return any(hold.person_id == person_id for hold in standing()) or any(
        over_workspace(workspace_id) for workspace_id in (None, *workspaces)
    )


def reached(hold: Standing) -> list[str]:
    """Classes of rows with an end of which a hold keeps any."""
    return [
        entry.slug
        for entry in retention
        if entry.keep is not None and covers(hold, entry.slug) is not None
    ]
