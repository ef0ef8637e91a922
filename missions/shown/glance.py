"""A mission in one line, of a list or of the home page: what it waits for, and for whom. Told from
its own columns and its open visit; its gates are looked at on its page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, F, FilteredRelation, Func, IntegerField, OuterRef, Q, Subquery

from controlplane.approvals.models import RequestSlot
from controlplane.lib.text import short
from missions import stages
from missions.models import ChecklistTick, Mission

_AGAIN = {
    "changes_requested": "changes are asked for",
    "rejected": "it was rejected",
    "void": "what was signed changed",
    "expired": "nobody answered in time",
    "withdrawn": "the question was taken back",
    "superseded": "it was sent back",
}


def with_now(rows: Any) -> Any:
    """With what a line tells, in the same question. Of a mission in no stage it is all empty."""
    ticks = ChecklistTick.objects.standing().filter(visit=OuterRef("now__pk")).order_by()
    counted = ticks.values("visit").annotate(number=Count("pk")).values("number")
    slots = RequestSlot.objects.filter(
        request=OuterRef("now__approval__pk"), signed__lt=F("needed")
    )
    return rows.annotate(
        now=FilteredRelation("visits", condition=Q(visits__left_at=None)),
        now_entered_at=F("now__entered_at"),
        now_evidence=Func(
            F("now__evidence"), function="jsonb_array_length", output_field=IntegerField()
        ),
        now_ticked=Subquery(counted),
        asked=F("now__approval__status"),
        asked_number=F("now__approval__number"),
        asked_at=F("now__approval__requested_at"),
        asked_due=F("now__approval__due_at"),
        asked_of=ArraySubquery(slots.order_by("position").values("title")),
        brief_locked=F("brief__locked_at"),
    )


@dataclass(frozen=True, slots=True)
class Glance:
    text: str
    tone: str = "neutral"
    due: datetime | None = None
    since: datetime | None = None


def glance(row: Any) -> Glance:
    """Of a mission that was read `with_now`."""
    if row.status == Mission.Status.DRAFT:
        return Glance("To be started", since=row.created_at)
    if row.status == Mission.Status.PAUSED:
        return Glance(f"Paused: {short(row.pause_reason, 90)}", "warn", since=row.paused_at)
    if not row.is_under_way:
        return Glance(short(row.close_reason, 120), since=row.closed_at)
    if row.asked == "open":
        people = ", ".join(row.asked_of or ()) or "its people"
        return Glance(
            f"APR-{row.asked_number} waits for {people}", "info", row.asked_due, row.asked_at
        )
    if row.asked == "approved":
        following = stages.after(row.stage)
        door = f"the door of {following.label}" if following is not None else "its end"
        return Glance(f"Signed; held at {door}", "warn", since=row.now_entered_at)
    return Glance(_work(row), "neutral", since=row.now_entered_at)


def _work(row: Any) -> str:
    """What is there to do before people can be asked, as far as its own columns say."""
    stage = stages.get(row.stage)
    point = stage.checkpoint.label
    if row.asked in _AGAIN:
        return f"Ask again for {point}: {_AGAIN[row.asked]}"
    missing = []
    if row.stage == stages.FIRST and row.brief_locked is None:
        missing.append("the brief is open")
    lines = sum(1 for line in stage.checklist if not line.gate)
    left = lines - (row.now_ticked or 0)
    if left > 0:
        missing.append(f"{left} of {lines} line{'s' if lines != 1 else ''} to tick")
    if not row.now_evidence:
        missing.append("no evidence")
    if not missing:
        return f"{point} can be asked for, once its gates hold"
    text = ", ".join(missing)
    return text[0].upper() + text[1:]
