"""The contact book, and an incident that calls from it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection

from controlplane.notify import answers, services
from controlplane.notify.models import (
    AnswerLink,
    Channel,
    Contact,
)
from incidents.models import Incident
from incidents.paging import replying
from tests import make
from tests.kit import incidents as kit
from tests.kit.incidents import Watchroom

DESK = {"kind": "contact", "ref": "openai_support"}


def book(room: Watchroom, purpose: str = "openai_support", **given: Any) -> Contact:
    values = {"family": "partner", "purpose": purpose, "name": "Desk", **given}
    return services.add_contact(room.workspace, actor=make.JOB, **values)


def burns(room: Watchroom) -> Incident:
    """One for which the desk is called, then the primary."""
    incident = room.quiet("sev1")
    room.begin(incident, "own")
    room.tick()
    return incident


def by(incident: Incident) -> list[str]:
    return [each.method for each in kit.deliveries(incident)]


def line(room: Watchroom, kind: str = "sms") -> Channel:
    found: Channel = Channel.objects.get(workspace=room.workspace, kind=kind)
    return found


def away() -> dict[str, str]:
    """Days of the week that today, by the clock of the database, is none of."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        today: datetime = cursor.fetchone()[0]
    return {"days": "mon_fri" if today.weekday() > 4 else "weekend"}


def address(link: AnswerLink, verb: str = replying.ACKNOWLEDGE) -> str:
    return "/" + answers.url_of(link, verb).partition("://")[2].partition("/")[2]
