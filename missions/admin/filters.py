"""What is asked of the list of missions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from controlplane.base.admin.questions import question
from controlplane.base.web import actor_of
from controlplane.lib import clock
from missions.services.stuck import silent
from missions.shown.turn import waiting_for


def just(**wanted: Any) -> Callable[[Any], Any]:
    """Rows of which this holds."""
    return lambda rows: rows.filter(**wanted)


def _stuck() -> Any:
    """Missions of which nothing is heard while they execute, as the job that tells of them finds
    them."""
    return silent(clock.now()).order_by().values("mission")


STANDING = question(
    "Standing",
    "standing",
    {
        "under_way": ("Under way", lambda rows: rows.under_way()),
        "planned": ("Planned", lambda rows: rows.filter(status="draft")),
        "to_sign": ("To sign", lambda rows: rows.to_sign()),
        "held": ("Paused, or held at a door", lambda rows: rows.stopped()),
        "due": ("Due within two weeks", lambda rows: rows.due_soon()),
        "stuck": ("Stuck in execution", lambda rows: rows.filter(pk__in=_stuck())),
        "overdue": ("Overdue", lambda rows: rows.overdue()),
        "ended": ("Ended", lambda rows: rows.ended().kept_in_sight()),
        "archived": ("Archived", lambda rows: rows.exclude(archived_at=None)),
    },
)


class ByPerson(admin.SimpleListFilter):
    """Whose it is, and whose turn: asked of whoever looks."""

    title = "Whose"
    parameter_name = "whose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("mine", "Mine"), ("to_sign", "Waiting for my signature")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        actor = actor_of(request)
        match self.value():
            case "mine":
                return queryset.of_person(actor.user_id).open()
            case "to_sign":
                return waiting_for(queryset, actor)
        return queryset


BY_PERSON = ByPerson
