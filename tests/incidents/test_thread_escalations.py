"""Threads that are stuck, where a rule of escalation calls that urgent: an incident, once, until it
goes on. What no rule calls urgent opens none."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from controlplane.access.models import Workspace
from controlplane.base import signals
from controlplane.base.models import Signal
from controlplane.lib import clock
from controlplane.notify.models import Notification
from incidents.models import Alert, Incident
from incidents.records.opening import open_incident
from missions.threads import services
from missions.threads.models import Thread
from missions.threads.services.calling import call_due
from missions.threads.services.escalating import add_rule
from missions.threads.services.raising import ESCALATED, SETTLED
from tests import make
from tests.kit import settled
from tests.kit.threads import Talk

pytestmark = pytest.mark.django_db
LONG = float("inf")


@settled.once
def talk() -> Talk:
    found = Talk()
    assert found.thread.last_seq == 0
    assert found.operator.kind == "person"
    return found


def _urgent(talk: Talk, what: str = "blocked", **given: Any) -> None:
    values: dict[str, Any] = {"whom": "role", "role": "operations_command", "pages": True, **given}
    add_rule(talk.workspace, actor=talk.operator, what=what, **values)


def _move(talk: Talk, to: str, reason: str = "The migration is disputed.") -> Thread:
    return services.update_status(talk.thread, to, actor=talk.operator, reason=reason)


def _hear() -> None:
    call_due()
    signals.work(LONG)


def test_urgent__opens_an_incident_once_and_is_over_when_it_goes_on(talk: Talk) -> None:
    _urgent(talk)
    _urgent(talk, role="engineering_lead")
    _move(talk, "blocked")
    for _ in range(2):
        _hear()
    incident, alert = Incident.objects.get(), Alert.objects.get()
    assert (incident.workspace, incident.severity) == (talk.workspace, "sev3")
    assert incident.runbook == "escalation_flood"
    assert (alert.labels["alertname"], alert.severity) == ("ThreadEscalated", "critical")
    assert alert.labels["thread"] == talk.thread.ref
    assert (alert.status, alert.description) == ("firing", "The migration is disputed.")
    _move(talk, "active", "It was settled.")
    _hear()
    alert.refresh_from_db()
    assert alert.status == "resolved"


def test_urgent__closed_is_over_too__and_blocked_anew_is_told_anew(talk: Talk) -> None:
    _urgent(talk)
    _move(talk, "blocked")
    _hear()
    _move(talk, "active", "On.")
    _hear()
    _move(talk, "blocked", "Again.")
    _hear()
    assert Alert.objects.filter(status="firing").count() == 1
    _move(talk, "closed", "human_override: nobody needs it.")
    _hear()
    assert not Alert.objects.filter(status="firing").exists()


def test_guard__by_a_rule_that_is_urgent__is_raised_at_once(talk: Talk) -> None:
    _urgent(talk, "repeated_finding", opens_item=True)
    for _ in range(3):
        talk.event("reviewer", "finding_reported", metadata={"finding_id": "F-1"})
    assert Thread.objects.get(pk=talk.thread.pk).status == "blocked"
    signals.work(LONG)
    signals.work(LONG)
    assert Incident.objects.get().title.startswith(f"{talk.thread.ref} goes round in circles")
    assert Alert.objects.get().labels["item"]


def test_not_urgent__calls_people_and_raises_nothing(talk: Talk) -> None:
    _urgent(talk, pages=False)
    _move(talk, "blocked")
    _hear()
    _move(talk, "active", "On.")
    _hear()
    assert Notification.objects.filter(kind="thread.escalated").exists()
    assert not Signal.objects.filter(kind__in=[ESCALATED, SETTLED]).exists()
    assert not Incident.objects.exists()


def test_shipped_rules__raise_nothing(talk: Talk) -> None:
    _move(talk, "blocked")
    _hear()
    assert not Signal.objects.filter(kind=ESCALATED).exists()


def test_later__only_what_is_due_is_raised(talk: Talk) -> None:
    _urgent(talk, after_minutes=30)
    _move(talk, "blocked")
    _hear()
    assert not Incident.objects.exists()
    Thread.objects.filter(pk=talk.thread.pk).update(status_at=clock.now() - timedelta(minutes=31))
    _hear()
    assert Incident.objects.count() == 1


def test_backlog__of_a_thread_that_goes_on_opens_nothing(talk: Talk) -> None:
    _urgent(talk)
    _move(talk, "blocked")
    call_due()
    long_ago = clock.now() - timedelta(hours=2)
    Signal.objects.filter(kind=ESCALATED).update(created_at=long_ago)
    _move(talk, "active", "On.")
    signals.work(LONG)
    assert not Incident.objects.exists()


def test_thread_of_an_incident__opens_no_second_one(talk: Talk) -> None:
    _urgent(talk)
    first = open_incident(
        talk.workspace, actor=talk.operator, severity="sev2", title="Search is slow"
    )
    services.change_thread(talk.thread, actor=talk.operator, item=first.item)
    _move(talk, "blocked")
    _hear()
    assert Incident.objects.get() == first
    assert Alert.objects.get().status == "firing"


def test_stranger__another_workspace_has_no_part_in_it(talk: Talk) -> None:
    other: Workspace = make.workspace()
    _urgent(Talk(other))
    _move(talk, "blocked")
    _hear()
    assert not Incident.objects.exists()
    assert not Signal.objects.filter(kind=ESCALATED).exists()
