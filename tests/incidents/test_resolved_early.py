"""An incident that is resolved before its watch is over: said on the form and on the timeline."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from controlplane.lib import clock
from controlplane.notify.models import OutboxMessage
from incidents.models import Incident
from incidents.records import moving
from tests import make
from tests.kit.incidents import Watchroom

pytestmark = pytest.mark.django_db
SAID = "Its watch is not over"


@pytest.fixture
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


@pytest.fixture
def watched(room: Watchroom) -> Incident:
    row, actor = room.quiet("sev3"), room.by(room.primary)
    row = moving.triage(row, actor=actor, impact_percent=3, symptoms="Slow.",
                        started_at=clock.now() - timedelta(minutes=1))  # fmt: skip
    moving.mitigate(row, actor=actor)
    moving.mitigated(row, actor=actor, how="Rolled back.")
    return moving.watch(row, actor=actor)


def told(row: Incident) -> str:
    """What its work item will be told."""
    rows = OutboxMessage.objects.filter(payload__item=row.item_id).order_by("pk")
    return "\n".join(str(each.payload["text"]) for each in rows)


def test_resolve__while_it_is_watched__is_told(room: Watchroom, watched: Incident) -> None:
    client = make.client(room.admin)
    url = reverse("burning:move", args=(watched.uid, "resolve"))
    assert SAID in client.get(url).content.decode()
    moving.resolve(watched, actor=room.by(room.primary), reason="Quiet enough.")
    assert watched.monitor_until is not None
    said = f"before its watch was over at {watched.monitor_until:%Y-%m-%d %H:%M} UTC: Quiet enough."
    assert said in told(watched)


def test_resolve__after_its_watch__says_nothing_of_it(room: Watchroom, watched: Incident) -> None:
    Incident.objects.filter(pk=watched.pk).update(monitor_until=clock.now() - timedelta(minutes=1))
    url = reverse("burning:move", args=(watched.uid, "resolve"))
    assert SAID not in make.client(room.admin).get(url).content.decode()
    watched.refresh_from_db()
    moving.resolve(watched, actor=room.by(room.primary), reason="Quiet.")
    assert "is resolved: Quiet." in told(watched)
    assert "its watch" not in told(watched)
    stranger = make.client(make.person(make.workspace(), "workspace_admin"))
    assert stranger.get(url).status_code == 404
