"""Above the list: how many missions stand in each stage, in one question. Each number is a link to
them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Q

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
