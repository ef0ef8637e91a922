"""Many missions like one: its rows written again, set-based, as they were left by services.

A copy has ids of its own by one distance for all tables, so that what belongs together stays
together. What was signed names its mission: of each copy it is hashed anew, as people would have
been shown it. Triggers speak of changes, and are away meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, models, transaction

from controlplane.approvals import packets as canonical
from controlplane.approvals.models import Decision, Request, RequestSlot
from missions import packets, reads
from missions.models import (
    Artifact,
    Brief,
    Bundle,
    ChecklistTick,
    DataInspection,
    DutyWindow,
    Feedback,
    HookCheck,
    Mission,
    MissionToolkit,
    PlanNote,
    Play,
    PlayStep,
    Retrospective,
    RiskEntry,
    Run,
    RunStep,
    Safeguard,
    SafeguardAck,
    StageVisit,
    ToolkitConnection,
    UndoPlan,
    UndoStep,
)
from missions.services import plan_notes, safeguards

# Model, and the way from it to its mission.
PARTS: tuple[tuple[type[models.Model], str], ...] = (
    (Mission, "pk"),
    (Brief, "mission"),
    (Request, "mission_visit__mission"),
    (RequestSlot, "request__mission_visit__mission"),
    (Decision, "request__mission_visit__mission"),
    (StageVisit, "mission"),
    (ChecklistTick, "visit__mission"),
    (Safeguard, "mission"),
    (SafeguardAck, "mission"),
    (MissionToolkit, "mission"),
    (ToolkitConnection, "toolkit__mission"),
    (DataInspection, "toolkit__mission"),
    (Play, "mission"),
    (PlayStep, "play__mission"),
    (PlanNote, "mission"),
    (RiskEntry, "mission"),
    (HookCheck, "visit__mission"),
    (DutyWindow, "mission"),
    (UndoPlan, "play__mission"),
    (UndoStep, "plan__play__mission"),
    (Run, "mission"),
    (RunStep, "mission"),
    (Artifact, "mission"),
    (Bundle, "mission"),
    (Feedback, "mission"),
    (Retrospective, "visit__mission"),
)
COPIED = frozenset(model for model, _ in PARTS)
SIZE = 500
# What is of one row only and is no id.
_OWN: dict[tuple[type[models.Model], str], str] = {
    # Far from those that the next missions get.
    (Mission, "ref"): "'MSN-' || (1000000 + t.id + d.n)",
    (Mission, "item"): "NULL",
    (Request, "number"): "t.number + d.n",
    (Request, "item"): "NULL",
    (Request, "question"): "gen_random_uuid()",
    (ToolkitConnection, "link_id"): "t.link_id || '-' || d.n",
    (Artifact, "storage_key"): "''",
    (Bundle, "storage_key"): "t.storage_key || '-' || d.n",
}


def multiply(rows: Sequence[Mission], times: int) -> None:
    """Each of them so many times more."""
    ids = [row.pk for row in rows]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET LOCAL statement_timeout = 0")
        distance = _distance()
        with _without_triggers():
            for model, path in PARTS:
                made, values = _rows(model, path, ids)
                cursor.execute(
                    f"INSERT INTO {model._meta.db_table} ({made[0]}) SELECT {made[1]}"  # noqa: S608
                    f" FROM ({values[0]}) t,"
                    " (SELECT n * %s AS n FROM generate_series(1, %s) n) d",
                    [*values[1], distance, times],
                )
            for place in range(1, times + 1, SIZE // len(ids)):
                last = min(place + SIZE // len(ids), times + 1)
                copies = [pk + number * distance for number in range(place, last) for pk in ids]
                _sign_anew(copies)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for model in COPIED:
            table = model._meta.db_table
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'),"  # noqa: S608
                f" (SELECT max(id) FROM {table}))"
            )
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(model._meta.db_table for model in COPIED)}")


def _distance() -> int:
    """More than any id there is, of anything that is copied."""
    last = [model._default_manager.order_by("-pk").values_list("pk", flat=True).first()
            for model in COPIED]  # fmt: skip
    return max(pk or 0 for pk in last) + 1


def _rows(
    model: type[models.Model], path: str, ids: list[int]
) -> tuple[tuple[str, str], tuple[str, Any]]:
    """Columns and their expressions; the rows that are copied, as a statement."""
    names, said = [], []
    for column in model._meta.concrete_fields:
        names.append(f'"{column.column}"')
        said.append(_expression(model, column))
    rows: Any = model._default_manager.filter(**{f"{path}__in": ids}).order_by()
    return (", ".join(names), ", ".join(said)), rows.query.sql_with_params()


def _expression(model: type[models.Model], column: Any) -> str:
    own = _OWN.get((model, column.name))
    if own is not None:
        return own
    if column.primary_key or column.related_model in COPIED:
        return f't."{column.column}" + d.n'
    if isinstance(column, models.UUIDField) and column.unique:
        return "gen_random_uuid()"
    return f't."{column.column}"'


@contextmanager
def _without_triggers() -> Iterator[None]:
    tables = [model._meta.db_table for model in COPIED]
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def _sign_anew(ids: list[int]) -> None:
    rows = list(Mission.objects.select_related("workspace").filter(pk__in=ids))
    with reads.together(rows):
        acks = [ack for row in rows for ack in _acks(row)]
    SafeguardAck.objects.bulk_update(acks, ["digest"])
    with reads.together(rows):
        visits = [each for row in rows for each in reads.VISITS.of(row) if each.is_open
                  or each.stage == "plan_approve"]  # fmt: skip
        hooks = [hook for visit in visits for hook in _hooks(visit)]
        asked = [_asked(visit) for visit in visits if visit.approval is not None]
    HookCheck.objects.bulk_update(hooks, ["sha256"])
    Request.objects.bulk_update(asked, ["packet_text", "sha256"])


def _acks(row: Mission) -> list[SafeguardAck]:
    found, digest = reads.ACKS.of(row), safeguards.digest(row)
    for each in found:
        each.digest = digest
    return found


def _hooks(visit: StageVisit) -> list[HookCheck]:
    found = [each for each in reads.HOOKS.of(visit.mission) if each.visit_id == visit.pk]
    for each in found:
        each.sha256 = plan_notes.plan_digest(visit)
    return found


def _asked(visit: StageVisit) -> Request:
    request = visit.approval
    assert request is not None
    request.packet_text = canonical.clean(packets.packet_of(visit))
    request.sha256 = canonical.digest(request.packet_text)
    return request
