"""Messages, events, alerts and silences go in their time, and what is still needed stays."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import time_machine

from controlplane.base import retention
from controlplane.lib import clock
from controlplane.lib.errors import Invalid, NotAllowed
from incidents.intake import handling, receiving
from incidents.models import Alert, AlertEvent, InboundEvent, Silence
from incidents.routing import letting_go, silences
from tests import make
from tests.kit import alerts as kit

pytestmark = pytest.mark.django_db


def _clean(slug: str, *, dry: bool = False) -> int:
    [run] = retention.clean(actor=make.JOB, only=slug, dry_run=dry)
    assert run.error == ""
    return run.rows


def test_messages_and_events__go_and_leave_the_alert() -> None:
    source = kit.source(make.workspace()).source
    for status in ("firing", "resolved"):
        body = json.dumps(kit.group([kit.am_alert(status=status)])).encode()
        receiving.receive(source, "webhook", body)
    with time_machine.travel(clock.now() + timedelta(days=31)):
        assert _clean("alerts.messages", dry=True) == 2
        assert InboundEvent.objects.count() == 2
        assert _clean("alerts.messages") == 2
        assert AlertEvent.objects.get().inbound is None
        assert _clean("alerts.events") == 0
    with time_machine.travel(clock.now() + timedelta(days=91)):
        assert _clean("alerts.events") == 1
    assert Alert.objects.get().status == "resolved"


def test_given_up__stays_until_it_was_seen_and_a_month_longer() -> None:
    source = kit.source(make.workspace()).source
    with pytest.raises(Invalid):
        receiving.receive(source, "webhook", b"nonsense")
    with time_machine.travel(clock.now() + timedelta(days=40)):
        assert _clean("alerts.messages") == 0
        handling.mark_seen(InboundEvent.objects.get(), actor=make.JOB)
    with time_machine.travel(clock.now() + timedelta(days=71)):
        assert _clean("alerts.messages") == 1


def test_given_up_and_never_seen__stays_half_a_year() -> None:
    source = kit.source(make.workspace()).source
    with pytest.raises(Invalid):
        receiving.receive(source, "webhook", b"nonsense")
    with time_machine.travel(clock.now() + timedelta(days=179)):
        assert _clean("alerts.messages") == 0
    with time_machine.travel(clock.now() + timedelta(days=181)):
        assert _clean("alerts.messages") == 1


def test_done__is_seen_by_nobody() -> None:
    source = kit.source(make.workspace()).source
    receiving.receive(source, "webhook", json.dumps(kit.group([kit.am_alert()])).encode())
    done = InboundEvent.objects.get()
    assert (done.state, done.seen_at, done.seen_by) == ("done", None, "")


def test_alerts__go_once_they_are_over_for_long() -> None:
    source = kit.source(make.workspace()).source
    kit.tell(source, kit.incoming("Traffic", severity="info", key="a"))
    kit.tell(source, kit.incoming(key="b"), kit.incoming(key="c", instance="still"))
    for key in ("a", "b"):
        kit.tell(source, kit.incoming(key=key, status="resolved"))
    with time_machine.travel(clock.now() + timedelta(days=364)):
        assert _clean("alerts.resolved") == 0
    with time_machine.travel(clock.now() + timedelta(days=366)):
        assert _clean("alerts.resolved") == 2
    assert Alert.objects.get().dedup_key == "c"


def test_silences__go_a_year_after_they_ended() -> None:
    row = silences.create_silence(
        make.workspace(), actor=make.JOB, matchers='a="b"', comment="why",
        ends_at=clock.now() + timedelta(hours=1),
    )  # fmt: skip
    silences.end_silence(row, actor=make.JOB)
    letting_go.work(float("inf"))
    with time_machine.travel(clock.now() + timedelta(days=366)):
        assert _clean("alerts.silences") == 1
    assert not Silence.objects.exists()


def test_cleaning__is_no_role_of_one_workspace() -> None:
    person = make.person(make.workspace(), "workspace_admin")
    with pytest.raises(NotAllowed):
        retention.clean(actor=make.actor(person), only="alerts.messages")
