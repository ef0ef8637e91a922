"""Whether a legal hold keeps a day. Days go whole: one event keeps all of its day, which stays in
the table of events, where whoever asked for the hold can read it."""

# ruff: noqa: S608 - names of tables are made from dates
from __future__ import annotations

from collections.abc import Callable
from datetime import date

from django.db import connection

from controlplane.base import holds
from controlplane.lib.errors import Conflict
from telemetry.partitions import tables

SLUG = "telemetry.events"


def judge() -> Callable[[date], bool]:
    """Of many days, by the holds that stand now."""
    found = [hold for hold in holds.standing() if holds.covers(hold, SLUG) is not None]
    if any(hold.workspace_id is None for hold in found):
        return tables.exists
    return lambda day: any(_any_of(day, hold) for hold in found)


def require_free(workspace_id: int | None, mission: str) -> None:
    """Before events go by hand, of a workspace or of one mission there."""
    holds.take_turn(alone=False)
    for hold in holds.standing():
        if holds.covers(hold, SLUG) is None or hold.workspace_id not in {None, workspace_id}:
            continue
        if not mission or hold.ref in {"", mission}:
            raise Conflict("A legal hold keeps these events: they go when it is lifted.")


def _any_of(day: date, hold: holds.Standing) -> bool:
    if not tables.exists(day):
        return False
    where = "workspace_id = %s"
    given: list[int | str | None] = [hold.workspace_id]
    if hold.ref:
        where = f"{where} AND mission = %s"
        given.append(hold.ref)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {tables.name_of(day)} WHERE {where})", given)
        return bool(cursor.fetchone()[0])
