"""How soon calls are answered, and which nobody answered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import F

from controlplane.lib import clock
from incidents.models import Incident, Page
from incidents.paging import figures
from incidents.records.moving import acknowledge, cancel
from tests import make
from tests.kit import settled
from tests.kit.api import Api
from tests.kit.incidents import Watchroom

pytestmark = pytest.mark.django_db
URL = "/admin/incidents/figures/"


@settled.once
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


def told(room: Watchroom, actor: Any = make.JOB, after: int = 3_000) -> figures.Figures:
    """As it is told so many seconds later."""
    return figures.figures(
        actor, room.workspace.pk, clock.now() + timedelta(seconds=after), months=2
    )


def called(room: Watchroom, severity: str, answered: int | None = None, **given: Any) -> Incident:
    """An incident whose first page was answered after so many seconds."""
    incident = room.incident(severity, **given)
    room.tick()
    if answered is not None:
        acknowledge(incident, actor=room.by(room.primary), way="console")
        Incident.objects.filter(pk=incident.pk).update(
            first_acknowledged_at=F("opened_at") + timedelta(seconds=answered)
        )
    Incident.objects.filter(pk=incident.pk).update(
        detected_at=F("opened_at") - timedelta(seconds=30)
    )
    return incident


def test_figures__by_severity_and_month_against_their_goal(room: Watchroom) -> None:
    called(room, "sev3", 60)
    called(room, "sev3", 120)
    called(room, "sev3", 900)
    called(room, "sev1")
    cancel(called(room, "sev3"), actor=make.JOB, reason="A false alarm")
    found = told(room)
    sev1, sev3 = found.by_severity
    assert (sev3.incidents, sev3.mtta_s, sev3.median_s, sev3.longest_s) == (3, 360, 120, 900)
    assert (sev3.goal_s, sev3.meets, sev3.in_time, sev3.late) == (300, False, 2, 1)
    assert (sev3.in_time_percent, sev3.mttd_s) == (67, 30)
    assert (sev1.mtta_s, sev1.in_time_percent, sev1.late) == (None, 0, 1)
    assert [(one.key, one.incidents) for one in found.by_month] == [(f"{clock.now():%Y-%m}", 4)]
    assert told(room, after=10).by_severity[0].late == 0, "there is time left"


def test_missed__called_and_nobody_answered_in_time_or_reached_nobody(room: Watchroom) -> None:
    missed = called(room, "sev3")
    called(room, "sev3", 60)
    unreached = called(room, "sev3")
    Page.objects.filter(incident=unreached).update(status="unreached")
    called(room, "sev3", origin="drill")
    assert {page.incident_id for page in told(room, after=10).latest} == {unreached.pk}
    found = told(room)
    assert {page.incident_id for page in found.latest} == {missed.pk, unreached.pk}
    assert (found.missed, found.by_severity[0].missed) == (2, 2)
    text = make.client(room.lead).get(URL).content.decode()
    [page] = Page.objects.filter(incident=unreached)
    assert f"/admin/incidents/page/{page.uid}/change/" in text
    assert "By severity" in text


def test_months__begin_with_their_first_day(room: Watchroom) -> None:
    at = datetime(2026, 1, 31, 23, tzinfo=UTC)
    assert figures.figures(make.JOB, None, at).since == datetime(2025, 2, 1, tzinfo=UTC)
    assert figures.figures(make.JOB, None, at, 1).since == datetime(2026, 1, 1, tzinfo=UTC)


def test_api__tells_the_same(room: Watchroom) -> None:
    called(room, "sev3", 60)
    Page.objects.filter(incident=called(room, "sev3")).update(status="unreached")
    agent = Api(browser=make.client(room.lead))
    answer = agent.get("/api/v1/paging/figures?months=3")
    assert answer.status_code == 200, answer.content
    found = answer.json()
    assert found["by_severity"][0]["mtta_s"] == 60
    assert found["missed"] == len(found["latest_missed"]) == 1
    assert agent.get("/api/v1/paging/figures?months=0").status_code == 400


def test_stranger__sees_none_of_it(room: Watchroom) -> None:
    called(room, "sev3")
    other = Watchroom()
    assert told(room, other.by(other.lead)).by_severity == []
    page = make.client(other.lead).get(URL)
    assert b"No incident yet" in page.content
    outside = make.person(room.workspace, "product_partner")
    assert make.client(outside).get(URL).status_code == 302
