"""Drills begun and read in the console; and what becomes of critical news that reached nobody."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from controlplane.audit.models import AuditEvent
from controlplane.base import signals
from controlplane.notify.models import Delivery, Notification
from controlplane.notify.undelivered import KIND
from incidents.models import Alert, Drill, EscalationPolicy, Incident
from incidents.paging import policies
from incidents.records.moving import acknowledge
from tests import make
from tests.kit import settled
from tests.kit.incidents import Caller, Watchroom

pytestmark = pytest.mark.django_db
NEW = "/admin/incidents/drill/add/"


@settled.once
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


def page_of(drill: Drill) -> str:
    return reverse("admin:incidents_drill_change", args=[drill.uid])


def test_console__begins_a_drill_with_a_reason_and_shows_its_score(room: Watchroom) -> None:
    browser = make.client(room.lead)
    assert NEW.encode() in browser.get("/admin/incidents/drill/?view=all").content
    text = browser.get(NEW).content.decode()
    assert "SEV-1" in text
    assert "SEV-4" not in text, "it calls nobody"
    given = {"title": "Night drill", "severity": "sev3", "ladder": "", "reason": "Quarterly"}
    refused = browser.post(NEW, {**given, "reason": ""})
    assert refused.status_code in {200, 400}
    assert not Drill.objects.exists()
    assert browser.post(NEW, given).status_code == 302
    drill = Drill.objects.get()
    assert (drill.title, drill.status, drill.asked["severity"]) == (
        "Night drill",
        "running",
        "sev3",
    )
    assert AuditEvent.objects.about(drill).filter(reason="Quarterly").exists()
    room.tick()
    assert "It runs" in browser.get(page_of(drill)).content.decode()
    Delivery.objects.filter(method="email").update(state="sent", settled_at=Now())
    room.tick()
    done = browser.post(page_of(drill).replace("/change/", "/do/end/"), {"sure": "1"})
    assert done.status_code == 302
    text = browser.get(page_of(drill)).content.decode()
    for said in ("50 of 100 points", "Somebody answers", "Never", "Primary operator"):
        assert said in text, said


def test_stranger__begins_none(room: Watchroom) -> None:
    viewer = make.client(make.person(room.workspace, "viewer"))
    given = {"title": "x", "severity": "sev3", "ladder": "", "reason": "x"}
    assert viewer.post(NEW, given).status_code == 403
    other = Watchroom()
    make.client(other.lead).post(NEW, given)
    assert not Drill.objects.filter(workspace=room.workspace).exists()
    assert not Incident.objects.filter(workspace=room.workspace).exists()


def lost(room: Watchroom, number: int) -> None:
    """A critical piece of news that every way failed for."""
    news: Any = Notification.objects.create(
        workspace=room.workspace, kind="incident.opened", urgency="critical", key=f"lost:{number}",
        subject=f"Lost {number}", undelivered_at=Now(),
    )  # fmt: skip
    signals.emit(
        KIND, key=f"undelivered:{news.uid}", workspace_id=room.workspace.pk,
        payload={"notification": str(news.uid), "kind": news.kind, "subject": news.subject,
                 "about": "", "tried": 2},
    )  # fmt: skip


def test_critical_news_that_reached_nobody__is_an_alert_itself_and_once(room: Watchroom) -> None:
    lost(room, 1)
    signals.work(float("inf"))
    alert = Alert.objects.get()
    assert (alert.labels["alertname"], alert.severity) == ("CriticalNewsUndelivered", "critical")
    assert "Lost 1" in alert.description
    incident = Incident.objects.get()
    assert incident.escalations.filter(status="running").exists()
    for number in range(2, 6):
        lost(room, number)
    signals.work(float("inf"))
    assert Incident.objects.count() == 1, "a call that is lost too opens nothing anew"
    assert Alert.objects.get().repeats == 4


def test_shipped_policies__are_adopted_without_standing_in_the_way(
    room: Watchroom, django_assert_num_queries: Any
) -> None:
    EscalationPolicy.objects.filter(workspace=None, slug="sev1").update(shipped_mark="")
    with CaptureQueriesContext(
        connection,
    ) as asked:
        policies.adopt()
    held = [
        one["sql"] for one in asked if "FOR " in one["sql"] and "escalationpolicy" in one["sql"]
    ]
    assert held
    assert all("FOR NO KEY UPDATE" in sql for sql in held)


# --- Over the API -------------------------------------------------------------------------------

DRILLS = "/api/v1/paging/drills"


def test_api__begins_a_drill_reads_how_far_it_went_and_scores_it() -> None:
    room = Watchroom()
    room.everybody()
    api = Caller(room.admin)
    made = api.post(DRILLS, {"severity": "sev2", "reason": "The quarter's."})
    assert (made["status"], made["score"]) == ("running", None)
    room.tick()
    one = f"{DRILLS}/{made['uid']}"
    seen = api.get(one)["seen"]
    assert seen["calls"] >= 1
    assert seen["called_s"] is not None
    assert seen["acknowledged_s"] is None
    incident = Incident.objects.get(ref=made["incident"])
    acknowledge(incident, actor=room.by(room.primary), way="console")
    done = api.post(f"{one}/end", {"reason": "Everybody answered."})
    assert done["status"] == "done"
    assert done["score"] >= 50
    assert [each["uid"] for each in api.get(DRILLS, status="done")["items"]] == [made["uid"]]
    assert api.refused("POST", f"{one}/end", {"reason": "Again."}).status_code == 409


def test_api__refuses_strangers_and_what_is_not_there() -> None:
    room = Watchroom()
    room.everybody()
    api = Caller(room.admin)
    wrong = {"severity": "sev2", "policy": "nobody", "reason": "To see."}
    assert api.refused("POST", DRILLS, wrong).status_code == 400
    made = api.post(DRILLS, {"reason": "To see."})
    other = Caller(Watchroom().admin)
    assert other.refused("GET", f"{DRILLS}/{made['uid']}").status_code == 404
    viewer = Caller(room.person("viewer"))
    assert viewer.refused("POST", DRILLS, {"reason": "To see."}).status_code == 403
    broken = api.post(f"{DRILLS}/{made['uid']}/cancel", {"reason": "Somebody is ill."})
    assert (broken["status"], broken["seen"], broken["score"]) == ("cancelled", None, None)
