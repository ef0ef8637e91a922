"""Missions of the system before, in whichever vocabulary it named its stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Invalid
from missions import stages
from missions.models import Brief, Mission, StageVisit
from missions.querysets import ENDED
from missions.services import planning, reading
from missions.services.briefs import put_fields
from missions.services.noting import emit, note

MOST = 500
STATUSES = {
    **{status: status for status in Mission.Status.values if status != "paused"},
    "in_progress": "active",
    "ready": "active",
    "blocked": "active",
    "archived": "completed",
}
_FIELDS = frozenset(
    ["title", "intent", "mission_type", "persona", "priority", "tags", "due_on", "external_ref",
     "stage", "status", "owner", "brief", "visits", "started_at", "closed_at", "reason"]
)  # fmt: skip


@transaction.atomic
def import_missions(
    workspace: Workspace, rows: Sequence[Mapping[str, Any]], *, actor: Actor
) -> list[planning.Ensured]:
    """All of them or none. Each has its `external_ref`; one that is here already stays as it is.
    What was signed elsewhere is not known here: a mission goes on from its stage by signatures."""
    policy.require(actor, "mission.import", workspace)
    if not rows or len(rows) > MOST:
        raise reading.refuse("missions", f"1 to {MOST} at a time.")
    done = []
    for place, row in enumerate(rows):
        try:
            done.append(_import(workspace, dict(row), actor))
        except Invalid as error:
            found = {f"missions[{place}].{name}": text for name, text in error.details.items()}
            raise Invalid(f"missions[{place}]: {error.message}", details=found) from error
    return done


def _import(workspace: Workspace, given: dict[str, Any], actor: Actor) -> planning.Ensured:
    unknown = sorted(set(given) - _FIELDS)
    if unknown:
        raise reading.refuse(unknown[0], "An imported mission has no such field.")
    name = reading.line("external_ref", given.pop("external_ref", ""), 200, required=True)
    found = planning.find(workspace, name)
    if found is not None:
        return planning.Ensured(found, created=False)
    old_stage = given.pop("stage", stages.FIRST)
    old_status = reading.choice("status", given.pop("status", "active"), STATUSES)
    owner, brief = given.pop("owner", None), given.pop("brief", None) or {}
    visits, why = given.pop("visits", None) or [], given.pop("reason", "")
    began = reading.moment("started_at", given.pop("started_at", None))
    ended = reading.moment("closed_at", given.pop("closed_at", None))
    values = planning.read_fields(given)
    if "title" not in values:
        raise reading.refuse("title", "Missing.")
    status = STATUSES[old_status]
    stage = stages.normal(old_stage)
    now = clock.now()
    if status == Mission.Status.DRAFT and stage != stages.FIRST:
        raise reading.refuse("stage", "A draft is in Define.")
    began = None if status == Mission.Status.DRAFT else began or now
    ended = (ended or now) if status in ENDED else None
    if any(at is not None and at > now for at in (began, ended)):
        raise reading.refuse("started_at", "It lies in the future.")
    if began is not None and ended is not None and ended < began:
        raise reading.refuse("closed_at", "Before it began.")
    row = Mission(
        workspace=workspace,
        owner=planning.owner_for(workspace, _person(owner), actor),
        external_ref=name,
        source=Mission.Source.IMPORT,
        status=status,
        stage=stages.LAST if status == Mission.Status.COMPLETED else stage,
        stage_legacy=stages.legacy_of(old_stage),
        started_at=began,
        closed_at=ended,
        close_reason=_why(status, why),
        archived_at=now if old_status == "archived" else None,
        created_by=actor.ref[:80],
        **values,
    )
    planning.insert(row)
    put_fields(Brief.objects.create(mission=row), brief, actor=actor)
    _visits(row, visits, actor)
    if row.is_open:
        row.item = planning.open_item(row, actor=actor)
        Mission.objects.filter(pk=row.pk).update(item=row.item)
    after = {"external_ref": name, "stage": row.stage, "status": status}
    note(row, "mission.import", actor=actor, after={**after, "stage_legacy": row.stage_legacy})
    emit(row, "imported")
    return planning.Ensured(row, created=True)


def _person(owner: Any) -> User | None:
    if owner is None or isinstance(owner, User):
        return owner
    raise reading.refuse("owner", "Somebody of this workspace.")


def _why(status: str, given: Any) -> str:
    why = reading.kept_line("reason", given, reading.REASON)
    return why or ("Imported as such." if status in {"cancelled", "failed"} else "")


def _visits(row: Mission, given: Any, actor: Actor) -> None:
    """Its past as far as it is told, then where it stands."""
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) > 100:
        raise reading.refuse("visits", "A list of at most 100.")
    attempts: dict[str, int] = {}
    last: datetime | None = None
    for each in given:
        stage, entered, left, outcome = _visit(each, last)
        attempts[stage] = attempts.get(stage, 0) + 1
        last = left
        StageVisit.objects.create(
            mission=row, stage=stage, attempt=attempts[stage], entered_at=entered, left_at=left,
            outcome=outcome, entered_by=actor.ref[:80], left_by=actor.ref[:80], reason="Imported",
        )  # fmt: skip
    if row.is_under_way:
        began = max(filter(None, [last, row.started_at]))
        StageVisit.objects.create(
            mission=row, stage=row.stage, attempt=attempts.get(row.stage, 0) + 1,
            entered_at=began, entered_by=actor.ref[:80],
        )  # fmt: skip


def _visit(each: Any, last: datetime | None) -> tuple[str, datetime, datetime, str]:
    if not isinstance(each, Mapping):
        raise reading.refuse("visits", "Each with stage, entered_at, left_at and outcome.")
    entered = reading.moment("visits", each.get("entered_at"))
    left = reading.moment("visits", each.get("left_at"))
    if entered is None or left is None or left < entered or left > clock.now():
        raise reading.refuse("visits", "Each was entered and then left, both before now.")
    if last is not None and entered < last:
        raise reading.refuse("visits", "In order, one after the other.")
    known = [value for value in StageVisit.Outcome.values if value]
    outcome = reading.choice("visits", each.get("outcome", "completed"), known)
    return stages.normal(each.get("stage"), "visits"), entered, left, outcome
