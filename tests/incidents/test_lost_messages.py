"""A message that nothing can be made of may be an alert nobody hears of: somebody is called."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from controlplane.lib import clock
from controlplane.lib.errors import Invalid
from incidents.intake import handling, lost, receiving
from incidents.models import AlertSource, InboundEvent, Incident
from incidents.records import moving
from tests.kit import alerts as kit
from tests.kit import incidents as incident_kit
from tests.kit.incidents import Watchroom

pytestmark = pytest.mark.django_db


@pytest.fixture
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


@pytest.fixture
def source(room: Watchroom) -> AlertSource:
    return kit.source(room.workspace).source


def broken(*_: Any) -> Any:
    raise RuntimeError("an error of ours")


def given_up(source: AlertSource, monkeypatch: pytest.MonkeyPatch) -> InboundEvent:
    """Taken from its sender, and tried for the last time."""
    with monkeypatch.context() as patched:
        patched.setitem(receiving.READERS, (source.format, "webhook"), broken)
        receiving.receive(source, "webhook", b"{}")
        row: InboundEvent = InboundEvent.objects.filter(source=source).latest("pk")
        InboundEvent.objects.filter(pk=row.pk).update(attempts=row.max_attempts - 1, ready_at=Now())
        receiving.work(time.monotonic() + 5)
    row.refresh_from_db()
    assert row.state == "dead"
    return row


def critical() -> bool:
    (found,) = lost.lost()
    return found.critical


def test_given_up__calls_who_is_on_call_and_is_critical_until_somebody_answers(
    room: Watchroom, source: AlertSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(lost.lost()) == []
    row = given_up(source, monkeypatch)
    incident = Incident.objects.get()
    assert (incident.severity, incident.workspace) == ("sev2", source.workspace)
    assert source.name in incident.title
    assert "an error of ours" in incident.summary
    assert f"/{row.pk}/change/" in incident.summary
    room.tick()
    assert {"Primary operator", "Engineering lead"} <= set(incident_kit.called(incident))
    assert critical()
    moving.acknowledge(incident, actor=room.by(room.primary), way="console")
    assert not critical(), "somebody is on it"
    handling.mark_seen(row, actor=room.by(room.admin))
    assert list(lost.lost()) == []


def test_more_of_the_same_sender__join_and_another_sender_has_its_own(
    room: Watchroom, source: AlertSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up(source, monkeypatch)
    given_up(source, monkeypatch)
    assert Incident.objects.count() == 1
    other = Watchroom()
    given_up(kit.source(other.workspace).source, monkeypatch)
    assert Incident.objects.filter(workspace=room.workspace).count() == 1
    assert Incident.objects.filter(workspace=other.workspace).count() == 1


def test_incident_that_is_over__is_not_opened_again_for_the_same_message(
    room: Watchroom, source: AlertSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up(source, monkeypatch)
    moving.resolve(Incident.objects.get(), actor=room.by(room.primary), reason="It was a test.")
    assert lost.call() == 0
    assert not critical()
    given_up(source, monkeypatch)
    assert Incident.objects.count() == 2, "another one is news"


def test_killed_before_it_called__the_next_look_calls(
    source: AlertSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(lost, "call", lambda: 0)
        given_up(source, monkeypatch)
    assert not Incident.objects.exists()
    assert critical(), "nobody was called"
    assert lost.call() == 1
    assert lost.call() == 0


def test_worker_that_died_with_it_each_time__calls_too(
    source: AlertSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = receiving.keep(source, "webhook", b"{}")
    InboundEvent.objects.filter(pk=row.pk).update(
        attempts=row.max_attempts, ready_at=clock.now() - timedelta(seconds=1)
    )
    receiving.work(time.monotonic() + 5)
    assert Incident.objects.get().title.startswith("A message of")


def test_what_its_sender_was_told_of__calls_nobody(source: AlertSource) -> None:
    with pytest.raises(Invalid):
        receiving.receive(source, "webhook", b"not json")
    assert InboundEvent.objects.get().state == "dead"
    assert lost.call() == 0
    assert list(lost.lost()) == []
