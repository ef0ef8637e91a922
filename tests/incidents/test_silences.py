"""Silences and what else holds alerts back: they are kept, nobody is called, and when what held
them back is gone, what fires still is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from controlplane.access.models import Workspace
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from incidents.models import Alert, AlertEvent, AlertSource, EscalationRun, Incident, Silence
from incidents.routing import letting_go, silences
from tests import make
from tests.kit import alerts as kit
from tests.kit import catalog, settled

pytestmark = pytest.mark.django_db
LONG = float("inf")


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def source(here: Workspace) -> AlertSource:
    return kit.source(here).source


def _silence(here: Workspace, text: str = 'instance="a"', hours: float = 1, **more: Any) -> Silence:
    more.setdefault("actor", make.JOB)
    more.setdefault("comment", "known, being worked on")
    ends = clock.now() + timedelta(hours=hours)
    return silences.create_silence(here, matchers=text, ends_at=ends, **more)


def test_silenced__is_told_when_the_silence_is_over(here: Workspace, source: AlertSource) -> None:
    row = _silence(here)
    kit.tell(source, kit.incoming(instance="a"))
    assert not Incident.objects.exists()
    silences.end_silence(row, actor=make.JOB)
    letting_go.work(LONG)
    assert Incident.objects.get().alert_count == 1
    assert Alert.objects.get().incident is not None
    assert AlertEvent.objects.filter(kind="released").count() == 1
    letting_go.work(LONG)
    assert EscalationRun.objects.count() == 1


def test_silenced_and_over__is_told_to_nobody(here: Workspace, source: AlertSource) -> None:
    row = _silence(here)
    kit.tell(source, kit.incoming(key="k", instance="a"))
    kit.tell(source, kit.incoming(key="k", instance="a", status="resolved"))
    silences.end_silence(row, actor=make.JOB)
    letting_go.work(LONG)
    assert not Incident.objects.exists()


def test_two_silences__the_second_goes_on_holding(here: Workspace, source: AlertSource) -> None:
    first, second = _silence(here), _silence(here, hours=5)
    kit.tell(source, kit.incoming(instance="a"))
    silences.end_silence(first, actor=make.JOB)
    letting_go.work(LONG)
    assert Alert.objects.get().silence == second
    assert not Incident.objects.exists()


def test_silence__of_what_burns_calls_nobody_any_more(here: Workspace, source: AlertSource) -> None:
    kit.tell(source, kit.incoming(instance="a"))
    _silence(here)
    assert EscalationRun.objects.get().status == "ended"
    assert Incident.objects.get().status == "detected"


def test_silence_that_ends__calls_for_what_burns_and_nobody_took(
    here: Workspace, source: AlertSource
) -> None:
    kit.tell(source, kit.incoming(instance="a"))
    row = _silence(here)
    silences.end_silence(row, actor=make.JOB)
    letting_go.work(LONG)
    assert EscalationRun.objects.filter(status="running").count() == 1


def test_silence__of_some_leaves_the_call_for_the_rest(
    here: Workspace, source: AlertSource
) -> None:
    kit.tell(source, kit.incoming(instance="a"), kit.incoming(instance="b"))
    _silence(here)
    assert EscalationRun.objects.get().status == "running"


def test_silence__planned_holds_from_its_time_on(here: Workspace, source: AlertSource) -> None:
    with time_machine.travel(clock.now(), tick=False) as traveller:
        _silence(here, hours=3, starts_at=clock.now() + timedelta(hours=1))
        kit.tell(source, kit.incoming(instance="a", key="1"))
        assert Incident.objects.count() == 1
        traveller.shift(timedelta(hours=1, seconds=1))
        silences.begins(Timer.objects.get(kind=silences.BEGINS))
        assert Alert.objects.get().silence is not None


def test_warning__waits_behind_a_critical_alert_of_its_service(
    here: Workspace, source: AlertSource
) -> None:
    service = catalog.service(here, slug="agent")
    kit.tell(source, kit.incoming(service=service.slug, key="grave"))
    kit.tell(source, kit.incoming("ElevatedLatency", severity="warning", service="agent", key="w"))
    held = Alert.objects.get(dedup_key="w")
    assert held.inhibited_by is not None
    assert held.item is None
    kit.tell(source, kit.incoming(service="agent", key="grave", status="resolved"))
    letting_go.work(LONG)
    free = Alert.objects.get(dedup_key="w")
    assert (free.inhibited_by, free.item is not None) == (None, True)


def test_not_said_again__is_over(here: Workspace, source: AlertSource) -> None:
    now = clock.now()
    with time_machine.travel(now, tick=False) as traveller:
        kit.tell(source, kit.incoming(starts_at=now, ends_at=now + timedelta(minutes=4)))
        letting_go.work(LONG)
        assert Alert.objects.get().status == "firing"
        traveller.shift(timedelta(minutes=4, seconds=1))
        letting_go.work(LONG)
    alert = Alert.objects.get()
    assert (alert.status, alert.over_by) == ("resolved", "expired")
    assert Incident.objects.get().firing_count == 0


def test_said_again_before_its_end__is_over_at_the_later_or_earlier_one(
    source: AlertSource,
) -> None:
    now = clock.now()
    minute = timedelta(minutes=1)

    def said(ends: int) -> None:
        kit.tell(source, kit.incoming(starts_at=now, ends_at=now + ends * minute))

    with time_machine.travel(now, tick=False) as traveller:
        said(4)
        said(8)
        traveller.shift(4.5 * minute)
        letting_go.work(LONG)
        alert = Alert.objects.get()
        assert (alert.status, alert.look_at) == ("firing", now + 8 * minute)
        said(6)
        traveller.shift(2 * minute)
        letting_go.work(LONG)
        alert.refresh_from_db()
        assert (alert.status, alert.resolved_at) == ("resolved", now + 6 * minute)


def test_flapping_that_lasts__is_told(source: AlertSource) -> None:
    now = clock.now()
    with time_machine.travel(now, tick=False) as traveller:
        for _ in range(5):
            kit.tell(source, kit.incoming("ElevatedLatency", severity="warning", key="f"))
            kit.tell(source, kit.incoming("ElevatedLatency", severity="warning", key="f",
                                          status="resolved"))  # fmt: skip
        kit.tell(source, kit.incoming("ElevatedLatency", severity="warning", key="f"))
        alert = Alert.objects.firing().get()
        assert alert.item is None
        traveller.shift(timedelta(hours=1, seconds=1))
        letting_go.work(LONG)
    alert.refresh_from_db()
    assert alert.item is not None


@pytest.mark.parametrize("hours", [0, -1, 24 * 31])
def test_silence__of_an_impossible_time_is_refused(here: Workspace, hours: float) -> None:
    with pytest.raises(Invalid):
        _silence(here, hours=hours)


@pytest.mark.parametrize("text", ["", 'a=~".*"', "a", 'a=~"("'])
def test_silence__of_everything_or_nothing_is_refused(here: Workspace, text: str) -> None:
    with pytest.raises(Invalid):
        _silence(here, text)


def test_silence__needs_a_reason(here: Workspace) -> None:
    with pytest.raises(Invalid):
        _silence(here, comment=" ")


def test_ended_silence__is_not_changed(here: Workspace) -> None:
    row = _silence(here)
    silences.end_silence(row, actor=make.JOB)
    assert silences.state_of(Silence.objects.get()) == "expired"
    with pytest.raises(Conflict):
        silences.change_silence(row, actor=make.JOB, comment="longer")


def test_changed_silence__lets_go_what_it_no_longer_means(
    here: Workspace, source: AlertSource
) -> None:
    row = _silence(here)
    kit.tell(source, kit.incoming(instance="a"))
    silences.change_silence(row, actor=make.JOB, matchers='instance="b"')
    assert Incident.objects.count() == 1


def test_stranger__silences_nothing(here: Workspace, source: AlertSource) -> None:
    for actor in (
        make.actor(make.person(here, "viewer")),
        make.actor(make.person(make.workspace(), "primary_operator")),
    ):
        with pytest.raises(NotAllowed):
            _silence(here, actor=actor)
    assert not Silence.objects.exists()


def test_silence__of_another_workspace_holds_nothing_here(source: AlertSource) -> None:
    _silence(make.workspace())
    kit.tell(source, kit.incoming(instance="a"))
    assert Incident.objects.count() == 1
