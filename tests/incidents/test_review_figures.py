"""How promises of reviews and updates were kept, by month."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from controlplane.lib import clock
from incidents.models import Incident, IncidentReview, MissedUpdate
from incidents.reviews import figures
from tests import make
from tests.kit import incidents as kit
from tests.kit.incidents import Caller, Watchroom

pytestmark = pytest.mark.django_db


def test_by_month__in_time_late_and_not_due_yet() -> None:
    noon = clock.now().replace(day=15, hour=12)
    with time_machine.travel(noon, tick=False):
        room = Watchroom()
        kit.reviewed(kit.over(room))  # in time
        kit.over(room)  # not due yet
        late = kit.over(room)
        Incident.objects.filter(pk=late.pk).update(review_due_at=noon - timedelta(hours=1))
        slow = kit.reviewed(kit.over(room)).incident
        Incident.objects.filter(pk=slow.pk).update(review_due_at=noon - timedelta(hours=1))
        aside = kit.over(room, origin="drill")
        Incident.objects.filter(pk=aside.pk).update(review_due_at=noon - timedelta(hours=1))
        MissedUpdate.objects.create(
            workspace=room.workspace,
            incident=late,
            due_at=noon - timedelta(hours=2),
            severity=late.severity,
            times=3,
        )
        other = kit.over(Watchroom())
        Incident.objects.filter(pk=other.pk).update(review_due_at=noon - timedelta(hours=1))
        since = noon - timedelta(days=60)
        [month] = figures.by_month([room.workspace.pk], since, noon)
        assert month == figures.Month(f"{noon:%Y-%m}", 1, 2, 0, 3)
        assert (month.reviews_percent, month.updates_percent) == (33, 0)
        assert figures.by_month([make.workspace().pk], since, noon) == []
        assert IncidentReview.objects.count() == 2
        caller = Caller(room.primary)
        [told] = caller.get("/api/v1/paging/figures")["promises"]
        assert (told["reviews_late"], told["reviews_percent"]) == (2, 33)
        page = caller.api.client.get("/admin/incidents/figures/").content.decode()
        assert "Updates and reviews by month" in page
        assert "33 %" in page


def test_nothing_due__is_no_hundred() -> None:
    assert figures.Month("2026-01", 0, 0, 0, 0).reviews_percent is None
