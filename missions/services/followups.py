"""What is to be done after a retrospective or a meeting: each with an owner, a day and an item."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.audit.services import record
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import InvalidTransition
from controlplane.work import services as work
from controlplane.work.models import Item
from controlplane.work.services import graph
from missions import links, numbers_learning, stages
from missions.models import FollowUp, Meeting, Mission
from missions.services import reading
from missions.services.checkpoints import packet_moved
from missions.services.noting import PORTAL, note, tell
from missions.services.retrospectives import hold_retrospective


@transaction.atomic
def add_followup(
    mission: Mission,
    *,
    actor: Actor,
    title: str,
    owner: User,
    due_on: date,
    version: int | None = None,
) -> FollowUp:
    """After a mission, from its retrospective. The same again, word for word, is there already."""
    policy.require(actor, "mission.retrospective", mission)
    values = _read(mission.workspace_id, title, owner, due_on)
    graph.lock(mission.workspace_id)
    row, found = hold_retrospective(mission, version=version)
    same = found.followups.standing().filter(**values).first()
    if same is not None:
        return same  # type: ignore[no-any-return]
    _require_room(found.followups.standing().count())
    made = FollowUp(workspace=row.workspace, retrospective=found, **values)
    about = f"After {row.ref} {row.title}. {links.retrospective_of(row)}"
    _open(made, actor, about, "retrospective", stages.LAST)
    note(
        row,
        "mission.retrospective",
        actor=actor,
        said=f"Follows {row.ref}: {made.title}",
        after={"followup": made.title, "due_on": made.due_on.isoformat()},
        details={"transition": "-> follows"},
    )
    said = {"task_type": "follow-up", "due_at": made.due_on.isoformat(), "owner_role": ""}
    tell(row, "followup_scheduled", said, actor=actor)
    packet_moved(row, actor=actor, why="What follows the mission was changed.")
    return made


@transaction.atomic
def add_meeting_followup(
    meeting: Meeting, *, actor: Actor, title: str, owner: User, due_on: date
) -> FollowUp:
    """From a meeting, while its notes are written."""
    policy.require(actor, "meeting.hold", meeting)
    values = _read(meeting.workspace_id, title, owner, due_on)
    graph.lock(meeting.workspace_id)
    held = Meeting.objects.select_for_update(of=("self",), no_key=True)
    row = held.select_related("series__workspace").get(pk=meeting.pk)
    require_notes_open(row)
    same = row.followups.standing().filter(**values).first()
    if same is not None:
        return same  # type: ignore[no-any-return]
    _require_room(row.followups.standing().count())
    made = FollowUp(workspace=row.series.workspace, meeting=row, **values)
    stage = row.stages[0] if len(row.stages) == 1 else ""
    _open(made, actor, f"From {row}. {links.meeting_page(row)}", "meeting", stage)
    record(actor, "meeting.hold", row, after={"followup": made.title},
           details={"transition": "-> follows"})  # fmt: skip
    return made


def require_notes_open(meeting: Meeting) -> None:
    if meeting.closed_at is not None:
        raise InvalidTransition(
            f"{meeting} is closed: its notes stay as they are.", details={"status": "closed"}
        )


def _read(workspace_id: int, title: Any, owner: Any, due_on: Any) -> dict[str, Any]:
    day = reading.day("due_on", due_on)
    today = clock.now().date()
    if day is None:
        raise reading.refuse("due_on", "Until when?")
    # A day before: it may be yesterday's date where they are.
    latest = numbers_learning.FOLLOWUP_LATEST_D.value
    if not today - timedelta(days=1) <= day <= today + timedelta(days=latest):
        raise reading.refuse("due_on", f"From today on, at most {latest} days from now.")
    return {
        "title": reading.kept_line("title", title, 200, required=True),
        "owner": reading.owner(workspace_id, owner),
        "due_on": day,
    }


def _require_room(there: int) -> None:
    most = numbers_learning.MOST_FOLLOWUPS.value
    if there >= most:
        raise reading.refuse("title", f"At most {most} follow-ups.")


def _open(made: FollowUp, actor: Actor, about: str, label: str, stage: str) -> None:
    """Callers hold the graph of work."""
    made.created_by = actor.ref[:80]
    project = work.ensure_operations_project(made.workspace, actor=PORTAL)
    by = actor if policy.can(actor, "work.create", project) else PORTAL
    due = datetime.combine(made.due_on, time(23, 59), ZoneInfo(made.workspace.time_zone))
    given: dict[str, Any] = {
        "title": made.title,
        "description": about,
        "item_type": "task",
        "priority": 2,
        "labels": ["follow-up", label],
        "assignee": made.owner.email,
        "due_at": due,
    }
    if stage:
        given["stage"] = stage
    made.item = work.ensure(project, f"followup:{made.uid}", actor=by, **given).item
    made.save(force_insert=True)


@transaction.atomic
def drop_followup(followup: FollowUp, *, actor: Actor, reason: str) -> FollowUp:
    """It is not done after all. Its item is closed, if nobody closed it yet."""
    why = reading.reason(reason)
    retrospective = followup.retrospective
    if retrospective is not None:
        policy.require(actor, "mission.retrospective", retrospective.mission)
    else:
        policy.require(actor, "meeting.hold", followup.meeting)
    graph.lock(followup.workspace_id)
    mission = None
    if retrospective is not None:
        mission, held = hold_retrospective(retrospective.mission)
        if held.pk != retrospective.pk:
            raise InvalidTransition(
                "It is of an earlier retrospective: close its work item instead.",
                details={"status": "signed"},
            )
    rows = FollowUp.objects.select_for_update(of=("self",), no_key=True)
    row: FollowUp = rows.select_related("item__project", "workspace").get(pk=followup.pk)
    if row.dropped_at is not None:
        return row
    row.dropped_at, row.dropped_by, row.dropped_reason = clock.now(), actor.ref[:80], why
    row.save(update_fields=["dropped_at", "dropped_by", "dropped_reason"])
    _close_item(row.item, actor, why)
    _note_dropped(row, mission, actor, why)
    return row


def _close_item(item: Item | None, actor: Actor, why: str) -> None:
    if item is not None and item.category != "done":
        by = actor if policy.can(actor, "work.close", item) else PORTAL
        work.close_item(item, actor=by, reason=f"Dropped: {why}")


def _note_dropped(row: FollowUp, mission: Mission | None, actor: Actor, why: str) -> None:
    said = {"before": {"followup": row.title}, "reason": why,
            "details": {"transition": "follows -> dropped"}}  # fmt: skip
    if mission is None:
        record(actor, "meeting.hold", row.meeting, **said)  # type: ignore[arg-type]
        return
    note(mission, "mission.retrospective", actor=actor, **said)  # type: ignore[arg-type]
    packet_moved(mission, actor=actor, why="What follows the mission was changed.")
