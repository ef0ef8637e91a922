"""Rows that are many: what services made once, written again set-based until there is enough.

Copies of one round are told apart by a distance that no id of the round before reaches; what
belongs together stays together. Triggers speak of changes, and are away meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import connection, models, transaction

from controlplane.access.models import Workspace
from controlplane.approvals.models import Request, RequestSlot
from controlplane.audit.models import AuditEvent
from controlplane.lib import actors, clock
from controlplane.work.benches.sample import fill as fill_work
from controlplane.work.services import create_project
from incidents.models import Alert, Incident
from incidents.records.moving import cancel as cancel_incident
from missions.models import Mission, StageVisit
from missions.services.walking import cancel_mission
from missions.threads.models import Message, Participant, Thread
from missions.threads.services.walking import update_status as close_thread
from telemetry.benches.reading import fill as fill_events

JOB = actors.job("bench")
_WHY = "Of years ago."
Way = tuple[type[models.Model], str]
# What is copied together: the first is what is counted, the others lead to it.
SETS: tuple[tuple[Way, ...], ...] = (
    (
        (Mission, "pk"),
        (Request, "mission_visit__mission"),
        (RequestSlot, "request__mission_visit__mission"),
        (StageVisit, "mission"),
    ),
    ((Incident, "pk"), (Alert, "incident")),
    ((Thread, "pk"), (Participant, "thread"), (Message, "thread")),
    ((AuditEvent, "pk"),),
)
# Of each set the first so many stay as they are, under way: most of what there is after years has
# ended, and so have those that are copied.
KEPT: dict[type[models.Model], int] = {Mission: 2, Incident: 1, Thread: 1, AuditEvent: 0}
# What is of one row only and is no id.
_OWN: dict[tuple[type[models.Model], str], str] = {
    (Mission, "ref"): "'MSN-' || (t.id + d.n)",
    (Request, "number"): "t.number + d.k * 100",
    (Request, "question"): "gen_random_uuid()",
    (Incident, "ref"): "'INC-' || (t.id + d.n)",
    (Incident, "group_key"): "md5(t.group_key || d.n)",
    (Alert, "dedup_key"): "md5(t.dedup_key || d.n)",
    (Thread, "ref"): "'T-' || (t.id + d.n)",
}
BIG = frozenset(
    {model._meta.db_table for ways in SETS for model, _ in ways}
    | {"work_item", "work_dependency", "telemetry_events"}
)


@dataclass
class Herd:
    """One workspace that grows."""

    workspace: Workspace
    rows: int = 0
    _copied: dict[int, int] = field(default_factory=dict)  # set -> copies so far
    _seeds: dict[int, tuple[list[int], int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for mission in _copied(Mission, self.workspace):
            cancel_mission(mission, actor=JOB, reason=_WHY)
        for incident in _copied(Incident, self.workspace):
            cancel_incident(incident, actor=JOB, reason=_WHY)
        for thread in _copied(Thread, self.workspace):
            close_thread(thread, "closed", actor=JOB, reason=_WHY)

    def grow(self, rows: int) -> None:
        """Until there are about so many of each."""
        for place, ways in enumerate(SETS):
            self._copy(place, ways, rows)
        more = rows - self.rows
        project = create_project(self.workspace, actor=JOB, name=f"To {rows}", prefix=f"g{rows}")
        # Its hub and its chain want some room.
        fill_work(project, max(more, 1_200))
        end = clock.now().replace(microsecond=0)
        fill_events(self.workspace, more, end - timedelta(days=1), end)
        self.rows = rows
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")

    @transaction.atomic
    def _copy(self, place: int, ways: Sequence[Way], rows: int) -> None:
        ids, distance = self._seeds.setdefault(place, _seeds(ways, self.workspace))
        first = self._copied.get(place, 0) + 1
        last = max(rows // len(ids) - 1, first - 1)
        chosen = {model for model, _ in ways}
        with connection.cursor() as cursor, _without_triggers(chosen):
            cursor.execute("SET LOCAL statement_timeout = 0")
            for model, path in ways:
                names, values = _columns(model, chosen)
                some: Any = model._default_manager.filter(**{f"{path}__in": ids}).order_by()
                statement, given = some.query.sql_with_params()
                cursor.execute(
                    f"INSERT INTO {model._meta.db_table} ({names}) SELECT {values}"  # noqa: S608
                    f" FROM ({statement}) t,"
                    " (SELECT k, k::bigint * %s AS n FROM generate_series(%s, %s) k) d",
                    [*given, distance, first, last],
                )
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for model in chosen:
                table = model._meta.db_table
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'),"  # noqa: S608
                    f" (SELECT max(id) FROM {table}))"
                )
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        self._copied[place] = last


def _copied(model: type[models.Model], workspace: Workspace) -> list[Any]:
    rows = model._default_manager.filter(workspace_id=workspace.pk)
    return list(rows.order_by("pk")[KEPT[model] :])


def _seeds(ways: Sequence[Way], workspace: Workspace) -> tuple[list[int], int]:
    """The rows that are copied, and more than any id of what belongs to them."""
    ids = [row.pk for row in _copied(ways[0][0], workspace)]
    last = [model._default_manager.order_by("-pk").values_list("pk", flat=True).first()
            for model, _ in ways]  # fmt: skip
    return ids, max(pk or 0 for pk in last) + 1


def _columns(model: type[models.Model], chosen: set[type[models.Model]]) -> tuple[str, str]:
    columns = list(model._meta.concrete_fields)
    names = ", ".join(f'"{column.column}"' for column in columns)
    return names, ", ".join(_expression(model, column, chosen) for column in columns)


def _expression(model: type[models.Model], column: Any, chosen: set[type[models.Model]]) -> str:
    own = _OWN.get((model, column.name))
    if own is not None:
        return own
    if column.primary_key or column.related_model in chosen:
        return f't."{column.column}" + d.n'
    if column.one_to_one:
        return "NULL"
    if isinstance(column, models.UUIDField) and column.unique:
        return "gen_random_uuid()"
    return f't."{column.column}"'


@contextmanager
def _without_triggers(chosen: set[type[models.Model]]) -> Iterator[None]:
    with connection.cursor() as cursor:
        # What was written before has its say first: nothing may wait while a table is altered.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for model in chosen:
            cursor.execute(f"ALTER TABLE {model._meta.db_table} DISABLE TRIGGER USER")
        yield
        for model in chosen:
            cursor.execute(f"ALTER TABLE {model._meta.db_table} ENABLE TRIGGER USER")
