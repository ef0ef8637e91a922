"""Missions that execute and say nothing: an item for Operations Command, once, closed when they are
heard again."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import DateTimeField, F, Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest

from controlplane.audit.refs import subject_ref
from controlplane.lib import clock
from controlplane.notify import wording
from controlplane.notify.services import To, notify
from controlplane.work import services as work
from controlplane.work.models import Item
from controlplane.work.services import graph
from missions import links, stages
from missions import numbers_plans as numbers
from missions.models import AgentSession, Run, RunStep, StageVisit, UndoAttempt
from missions.services.holding import hold
from missions.services.noting import PORTAL, emit
from telemetry.models import ToolSession

wording.register(
    "mission.stuck",
    "A mission executes and says nothing",
    subject="{ref} says nothing since {since}: {title}",
    body="Nothing was heard of it for {minutes} minutes while it executes.",
)
logger = logging.getLogger(__name__)
MOST = 200
KEY = "mission-stuck:"


def silent(now: datetime) -> QuerySet[StageVisit]:
    """Open visits of Execute & Observe of missions that are not held, nothing of which was heard
    for so long; `heard_at` is when it last was. What was let go on was heard of then."""
    steps = RunStep.objects.filter(mission=OuterRef("mission")).order_by().values("mission")
    runs = Run.objects.filter(mission=OuterRef("mission")).order_by().values("mission")
    sessions = (
        ToolSession.objects.filter(
            workspace=OuterRef("mission__workspace"), mission=OuterRef("mission__ref")
        )
        .order_by()
        .values("mission")
    )
    beats = AgentSession.objects.filter(mission=OuterRef("mission")).order_by().values("mission")
    tries = (
        UndoAttempt.objects.filter(run__plan__play__mission=OuterRef("mission"))
        .order_by()
        .values("run__plan__play__mission")
    )
    said = [
        Subquery(steps.annotate(at=Max("reported_at")).values("at")),
        Subquery(
            runs.annotate(at=Max(Greatest("queued_at", "started_at", "ended_at"))).values("at")
        ),
        Subquery(sessions.annotate(at=Max("last_at")).values("at")),
        Subquery(beats.annotate(at=Max("beat_at")).values("at")),
        Subquery(tries.annotate(at=Max("at")).values("at")),
    ]
    entered = F("entered_at")
    rows = StageVisit.objects.open().filter(stage="execute_observe", mission__status="active")
    found = rows.annotate(
        heard_at=Greatest(
            entered,
            F("mission__changed_at"),
            *(Coalesce(each, entered, output_field=DateTimeField()) for each in said),
        )
    )
    until = now - timedelta(minutes=numbers.STUCK_MINUTES.value)
    late: QuerySet[StageVisit] = found.filter(heard_at__lte=until).order_by("heard_at")
    return late


def heard_at(visit: StageVisit) -> datetime:
    """Of one that was found here."""
    heard: datetime = visit.heard_at  # type: ignore[attr-defined] # annotated
    return heard


def key_of(visit: StageVisit) -> str:
    """Of this silence: an item that somebody closed does not come back with the next look."""
    return f"{KEY}{visit.uid}:{int(heard_at(visit).timestamp())}"


def look_for_stuck() -> dict[str, int]:
    """One look. Each mission in its own transaction: one that cannot be told of keeps no other."""
    found = list(silent(clock.now()).select_related("mission__workspace", "mission__item"))
    keys = {key_of(visit): visit for visit in found}
    known = set(Item.objects.filter(ensure_key__in=keys).values_list("ensure_key", flat=True))
    told = 0
    for visit in [visit for key, visit in keys.items() if key not in known][:MOST]:
        try:
            told += tell_stuck(visit)
        except Exception:  # what cannot be told of one keeps no other from it
            logger.exception("of %s it could not be told that it says nothing", visit.mission.ref)
    return {"silent": len(found), "told": told, "heard_again": close_heard(set(keys))}


@transaction.atomic
def tell_stuck(visit: StageVisit) -> int:
    """Whether it is news."""
    mission = visit.mission
    graph.lock(mission.workspace_id)
    row = hold(mission)
    still = silent(clock.now()).filter(pk=visit.pk).first()
    if still is None:  # heard, held or elsewhere since we looked
        return 0
    heard = heard_at(still)
    project = work.ensure_operations_project(row.workspace, actor=PORTAL)
    minutes = round((clock.now() - heard).total_seconds() / 60)
    found = work.ensure(
        project,
        key_of(still),
        actor=PORTAL,
        title=f"{row.ref} executes and says nothing: {row.title}"[:500],
        item_type="bug",
        priority=1,
        labels=["mission", "stuck"],
        description=f"Last heard of at {heard:%Y-%m-%d %H:%M} UTC. Is its executor alive? "
        f"Is it waiting for a breaker, a limit or a person?\n\n{links.page_of(row)}",
    )
    if not found.created:
        return 0
    emit(row, "stuck", request=f"{visit.uid}:{heard.isoformat()}", minutes=minutes)
    notify(
        workspace_id=row.workspace_id,
        kind="mission.stuck",
        to=To(users=[row.owner_id], roles=[stages.kinds.OPERATIONS], channels=()),
        key=f"mission-stuck:{visit.uid}:{heard.isoformat()}",
        values={
            "ref": row.ref,
            "title": row.title,
            "since": f"{heard:%Y-%m-%d %H:%M} UTC",
            "minutes": str(minutes),
        },
        link=links.page_of(row),
        about=subject_ref(row),
    )
    return 1


def close_heard(still_silent: set[str]) -> int:
    """What is heard again, held or elsewhere by now is no more in anybody's way."""
    closed = 0
    rows = Item.objects.filter(ensure_key__startswith=KEY).unfinished().defer("search")
    for item in rows.exclude(ensure_key__in=still_silent).select_related("project")[:MOST]:
        with transaction.atomic():
            work.close_item(item, actor=PORTAL, reason="It is heard again.", force=True)
        closed += 1
    return closed
