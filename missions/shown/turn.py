"""What waits for somebody, on the home page: missions of theirs that stand still, that are late, or
that wait for a step of people of their role."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.db.models import Case, IntegerField, Q, Value, When

from controlplane.approvals.models import Request
from controlplane.base.registries import Waiting
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.kept import ForReader
from missions import links, stages
from missions.models import Mission
from missions.shown.glance import glance, with_now

SHOWN = 8
MOST_COUNTED = 99
_AGAIN = ("changes_requested", "rejected", "void", "expired", "withdrawn")
_WATCHES = frozenset({stages.kinds.OPERATIONS})


def here(actor: Actor, workspace_id: int | None) -> Any:
    rows = Mission.objects.visible_to(actor)
    return rows if workspace_id is None else rows.of(workspace_id)


def waiting_for(rows: Any, actor: Actor) -> Any:
    """Its checkpoint is open, and this person may fill one of its slots."""
    asked = Request.objects.visible_to(actor).waiting_for(actor).filter(owner="missions.checkpoint")
    return rows.under_way().filter(visits__left_at=None, visits__approval__in=asked)


def _turn(actor: Actor, workspace_id: int | None) -> Any:
    """In one question. Signatures have a section of their own; this is the rest: what stands still
    is for whoever owns it and for Operations Command, what is to be done for whoever owns it."""
    today = clock.now().date()
    rows = with_now(here(actor, workspace_id).open())
    mine = Q(owner_id=actor.user_id)
    still = Q(status="paused") | Q(status="active", asked="approved")
    again = Q(status="active", asked__in=_AGAIN)
    late = Q(due_on__lt=today)
    work = Q(status="draft") | Q(status="active", asked=None) | again
    wanted = mine & (still | late | work)
    places = _watched(actor)
    if places:
        wanted |= Q(workspace_id__in=places) & (still | late)
    order = Case(
        When(Q(status="paused", paused_cause="safeguard"), then=Value(0)),
        When(late, then=Value(1)),
        When(still, then=Value(2)),
        When(again, then=Value(3)),
        When(status="active", then=Value(4)),
        default=Value(5),
        output_field=IntegerField(),
    )
    return rows.filter(wanted).annotate(pressing=order).order_by("pressing", "due_on", "pk")


def _watched(actor: Actor) -> list[int]:
    return [each for each in actor.workspace_ids if actor.roles_in(each) & _WATCHES]


_FIRST: ForReader[Any] = ForReader(lambda actor, workspace_id: _turn(actor, workspace_id)[:SHOWN])


def waiting(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    today = clock.now().date()
    return [_waiting(row, actor, today) for row in _FIRST.rows(actor, workspace_id)]


def _waiting(row: Any, actor: Actor, today: Any) -> Waiting:
    seen = glance(row)
    late = row.due_on is not None and row.due_on < today
    stage = "" if row.status == "draft" else f"{stages.get(row.stage).label}: "
    due = deadline(row) if row.due_on is not None else None
    grave = row.paused_cause == Mission.Cause.SAFEGUARD
    return Waiting(
        title=f"{row.ref} {row.title}",
        url=links.page_of(row),
        text=f"{stage}{seen.text}",
        state="overdue" if late else str(row.get_status_display()).lower(),
        tone="bad" if late or grave else "warn" if seen.tone == "warn" else "info",
        since=None if late or due else seen.since,
        due=due,
        mine=row.owner_id == actor.user_id,
    )


def deadline(row: Any) -> datetime:
    """It has until the end of its day."""
    return datetime.combine(row.due_on + timedelta(days=1), time(), UTC)


def count_waiting(actor: Actor, workspace_id: int | None) -> int:
    return int(_turn(actor, workspace_id).order_by()[:MOST_COUNTED].count())
