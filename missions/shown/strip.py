"""Around the list: how many missions stand in each stage, in one question, each number a link to
them; and what an empty answer says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Q
from django.urls import reverse

from controlplane.lib import clock
from controlplane.lib.actors import Actor
from missions import stages
from missions.models import Mission
from missions.querysets import UNDER_WAY


@dataclass(frozen=True, slots=True)
class Tally:
    label: str
    query: str
    number: int
    current: bool
    position: int = 0  # of a stage; 0: none
    paused: int = 0
    late: int = 0


def strip(actor: Actor, workspace_id: int | None, asked: Mapping[str, Any]) -> list[Tally]:
    """The five stages, and what is planned before them."""
    rows = Mission.objects.visible_to(actor)
    rows = rows if workspace_id is None else rows.of(workspace_id)
    late = Q(due_on__lt=clock.now().date())
    found = (
        rows.open()
        .order_by()
        .values("stage", "status")
        .annotate(number=Count("pk"), late=Count("pk", filter=late))
    )
    told = {(each["stage"], each["status"]): (each["number"], each["late"]) for each in found}
    planned = told.get((stages.FIRST, "draft"), (0, 0))
    counts = [_count("Planned", {"standing": "planned"}, planned[0], asked, late=planned[1])]
    for stage in stages.STAGES.values():
        here = [told.get((stage.slug, status), (0, 0)) for status in UNDER_WAY]
        counts.append(
            _count(
                stage.short,
                {"standing": "under_way", "stage__exact": stage.slug},
                sum(number for number, _ in here),
                asked,
                position=stage.position,
                paused=told.get((stage.slug, "paused"), (0, 0))[0],
                late=sum(number for _, number in here),
            )
        )
    return counts


def _count(
    label: str, query: dict[str, str], number: int, asked: Mapping[str, Any], **more: int
) -> Tally:
    current = all(asked.get(name) == value for name, value in query.items())
    return Tally(label, urlencode(query), number, current, **more)


_EMPTY = {
    "under_way": ("No mission is under way.", "Start one that is planned, or plan another."),
    "planned": ("Nothing is planned.", ""),
    "to_sign": (
        "No checkpoint waits for signatures.",
        "Asked for, it stands here at once.",
    ),
    "held": ("Nothing is paused or held at a door.", "Every mission can go on."),
    "due": ("Nothing is due within two weeks.", "Those without a day are under “Under way”."),
    "overdue": ("Nothing is overdue.", ""),
    "ended": ("No mission has ended yet.", ""),
    "mine": ("No mission of yours is open.", ""),
}
_AGENTS = "Agents plan by POST /api/v1/missions."


def emptiness(asked: Mapping[str, Any], *, may_plan: bool) -> dict[str, str]:
    """What there is none of, and what leads on."""
    key = str(asked.get("standing") or asked.get("whose") or "")
    title, hint = _EMPTY.get(key, ("No mission here yet.", ""))
    found = {"title": title, "hint": hint or _AGENTS}
    if key == "under_way":
        return {**found, "url": "?standing=planned", "label": "What is planned"}
    if may_plan and key in {"", "planned", "mine"}:
        return {**found, "url": reverse("missions:new"), "label": "New mission"}
    return {**found, "url": "?standing=under_way", "label": "What is under way"}
