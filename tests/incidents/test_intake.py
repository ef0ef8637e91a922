"""From a message to alerts and one incident: once, whatever comes twice, late or mixed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from controlplane.access.models import Workspace
from controlplane.jobs import leases
from controlplane.lib import clock
from controlplane.work.models import Item
from incidents.intake import acting, receiving
from incidents.intake.sources import find, portal_source, renew_key, switch_source
from incidents.models import (
    Alert,
    AlertEvent,
    AlertSource,
    EscalationRun,
    InboundEvent,
    Incident,
    Silence,
)
from tests import make
from tests.kit import alerts as kit
from tests.kit import settled

pytestmark = pytest.mark.django_db


@settled.once
def here() -> Workspace:
    return make.workspace()


@pytest.fixture
def source(here: Workspace) -> AlertSource:
    return kit.source(here).source


def test_storm__of_one_group_is_one_incident_with_every_alert(source: AlertSource) -> None:
    receipt = kit.tell(source, *(kit.incoming(instance=f"i{n}") for n in range(300)))
    incident = Incident.objects.get()
    assert (receipt.new, receipt.incidents) == (300, [incident.ref])
    assert (incident.alert_count, incident.firing_count) == (300, 300)
    assert Alert.objects.filter(incident=incident).count() == 300
    assert EscalationRun.objects.filter(incident=incident).count() == 1
    item = Item.objects.get(pk=incident.item_id or 0)
    assert (item.item_type, item.priority) == ("incident", 1)
    assert {"incident", "sev2"} <= set(item.labels)


def test_same_again__counts_and_calls_nobody_anew(source: AlertSource) -> None:
    alerts = [kit.incoming(instance=f"i{n}") for n in range(5)]
    kit.tell(source, *alerts)
    receipt = kit.tell(source, *alerts)
    assert (receipt.new, receipt.repeated) == (0, 5)
    assert set(Alert.objects.values_list("repeats", flat=True)) == {1}
    incident = Incident.objects.get()
    assert (incident.alert_count, EscalationRun.objects.count()) == (5, 1)


def test_same_again__is_written_into_no_index(source: AlertSource) -> None:
    """A page keeps room for what each of its alerts becomes when all are said again."""
    minute = timedelta(minutes=1)
    for until in (None, clock.now() + 60 * minute):
        name = f"Same {until}"
        alerts = [kit.incoming(name, ends_at=until, instance=f"i{n}") for n in range(60)]
        kit.tell(source, *alerts)
        before = _updates()
        # As senders do that say until when it fires: a little later with each repeat.
        later = until + minute if until else None
        alerts = [kit.incoming(name, ends_at=later, instance=f"i{n}") for n in range(60)]
        kit.tell(source, *alerts)
        updated, in_place = (now - then for now, then in zip(_updates(), before, strict=True))
        assert updated == 60, until
        assert in_place >= 50, f"{until}: but for a page that other alerts stood on before"


def _updates() -> tuple[int, int]:
    """Of alerts by this transaction: all, and those that no index heard of."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables"
            " WHERE relname = 'incidents_alert'"
        )
        updated, in_place = cursor.fetchone()
    return updated, in_place


def test_more_of_it__joins_the_incident_that_is_open(source: AlertSource) -> None:
    kit.tell(source, kit.incoming(instance="a"))
    kit.tell(source, kit.incoming(instance="b"))
    assert Incident.objects.get().alert_count == 2
    assert EscalationRun.objects.count() == 1


def test_other_service__is_another_incident(here: Workspace, source: AlertSource) -> None:
    kit.tell(source, kit.incoming(service="one"), kit.incoming(service="two"))
    assert Incident.objects.count() == 2


def test_mixed_group__ends_what_is_over_and_fires_what_fires(source: AlertSource) -> None:
    began = clock.now() - timedelta(minutes=5)
    kit.tell(source, kit.incoming(key="a", starts_at=began), kit.incoming(key="b", starts_at=began))
    kit.tell(
        source,
        kit.incoming(key="a", starts_at=began),
        kit.incoming(key="b", status="resolved", starts_at=began, ends_at=clock.now()),
    )
    by_key = {alert.dedup_key: alert.status for alert in Alert.objects.all()}
    assert by_key == {"a": "firing", "b": "resolved"}
    assert Incident.objects.get().firing_count == 1


def test_resolved_without_annotations__keeps_those_it_had(source: AlertSource) -> None:
    fired = kit.incoming(key="a")
    fired.annotations = {"summary": "six percent"}
    kit.tell(source, fired)
    kit.tell(source, kit.incoming(key="a", status="resolved"))
    alert = Alert.objects.get()
    assert (alert.status, alert.annotations) == ("resolved", {"summary": "six percent"})


def test_resolved_before_it_fired__is_known_when_the_firing_comes(source: AlertSource) -> None:
    began = clock.now() - timedelta(minutes=5)
    kit.tell(source, kit.incoming(key="a", status="resolved", starts_at=began, ends_at=clock.now()))
    receipt = kit.tell(source, kit.incoming(key="a", starts_at=began))
    assert (receipt.new, receipt.late) == (0, 1)
    assert not Incident.objects.exists()
    assert Alert.objects.get().over_by == "late"


def test_fires_again_later__is_another_alert(source: AlertSource) -> None:
    began = clock.now() - timedelta(minutes=9)
    kit.tell(source, kit.incoming(key="a", starts_at=began))
    kit.tell(source, kit.incoming(key="a", status="resolved", starts_at=began, ends_at=clock.now()))
    kit.tell(source, kit.incoming(key="a", starts_at=clock.now()))
    assert list(Alert.objects.order_by("pk").values_list("status", flat=True)) == [
        "resolved", "firing",
    ]  # fmt: skip


def test_old_end__does_not_end_what_fires_anew(source: AlertSource) -> None:
    began = clock.now() - timedelta(hours=2)
    kit.tell(source, kit.incoming(key="a", starts_at=clock.now()))
    kit.tell(
        source,
        kit.incoming(
            key="a", status="resolved", starts_at=began, ends_at=began + timedelta(minutes=1)
        ),
    )
    assert Alert.objects.firing().get().dedup_key == "a"


def test_warning__opens_an_item_and_calls_nobody(source: AlertSource) -> None:
    kit.tell(source, kit.incoming("ElevatedLatency", severity="warning"))
    alert = Alert.objects.get()
    assert alert.item is not None
    assert {"alert", "warning"} <= set(alert.item.labels)
    assert not Incident.objects.exists()
    assert not EscalationRun.objects.exists()


def test_warning__is_closed_with_its_alert_when_nobody_took_it(source: AlertSource) -> None:
    kit.tell(source, kit.incoming("ElevatedLatency", severity="warning", key="w"))
    kit.tell(
        source, kit.incoming("ElevatedLatency", severity="warning", key="w", status="resolved")
    )
    assert Item.objects.get(labels__contains=["alert"]).category == "done"


def test_info__is_kept_and_no_more(source: AlertSource) -> None:
    kit.tell(source, kit.incoming("TrafficSpike", severity="info"))
    assert Alert.objects.get().severity == "info"
    assert not Incident.objects.exists()
    assert not Item.objects.filter(labels__contains=["alert"]).exists()


def test_graver__raises_the_incident(source: AlertSource) -> None:
    kit.tell(source, kit.incoming("Odd", service="agent"))
    first = Incident.objects.get()
    Incident.objects.filter(pk=first.pk).update(group_key="service-down:alertname=ServiceDown")
    kit.tell(source, kit.incoming("ServiceDown"))
    first.refresh_from_db()
    assert (first.severity, Incident.objects.count()) == ("sev1", 1)
    assert "sev1" in Item.objects.get(pk=first.item_id or 0).labels


def test_silenced__is_kept_and_opens_nothing(here: Workspace, source: AlertSource) -> None:
    now = clock.now()
    Silence.objects.create(
        workspace=here, starts_at=now - timedelta(minutes=1), ends_at=now + timedelta(hours=1),
        matchers=[{"name": "instance", "value": "a", "isRegex": False, "isEqual": True}],
        comment="known", made_by_ref="job:tests", made_by_name="tests",
    )  # fmt: skip
    receipt = kit.tell(source, kit.incoming(instance="a"))
    assert receipt.held_back == 1
    assert Alert.objects.get().silence is not None
    assert AlertEvent.objects.filter(kind="silenced").count() == 1
    assert not Incident.objects.exists()


def test_flapping__calls_once_and_says_so(source: AlertSource) -> None:
    for _ in range(8):
        kit.tell(source, kit.incoming(key="f"))
        kit.tell(source, kit.incoming(key="f", status="resolved"))
    assert Alert.objects.order_by("-pk")[0].flips >= 4
    assert AlertEvent.objects.filter(kind="flapping").exists()
    assert Incident.objects.count() == 1


def test_cut_off__the_incident_knows_that_some_were_never_seen(source: AlertSource) -> None:
    kit.tell(source, kit.incoming(key="a"), truncated=7)
    kit.tell(source, kit.incoming(key="a", status="resolved"))
    incident = Incident.objects.get()
    assert (incident.unseen_count, incident.status) == (7, "detected")


def test_acknowledged_by_the_sender__calls_nobody_any_more(here: Workspace) -> None:
    source = kit.source(here, "pagerduty").source
    kit.tell(source, kit.incoming(key="k"))
    kit.tell(source, acknowledged=["k", "unknown"])
    assert Incident.objects.get().acknowledged_at is not None
    assert EscalationRun.objects.get().status == "answered"


# --- Doors ----------------------------------------------------------------------------------------


def test_webhook__is_answered_with_what_became_of_it(here: Workspace) -> None:
    _, key = kit.source(here)
    said = kit.group([kit.am_alert(fingerprint="a"), kit.am_alert(fingerprint="b")])
    answer = kit.post(f"/api/v1/alerts/alertmanager/{key}", said)
    assert answer.status_code == 202
    assert answer.json()["new"] == 2
    row = InboundEvent.objects.get()
    assert (row.state, row.counts["new"]) == (leases.DONE, 2)
    assert answer.json()["incidents"] == [Incident.objects.get().ref]


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_AUTHORIZATION": "Bearer {key}"},
        {"HTTP_AUTHORIZATION": "GenieKey {key}"},
        {"HTTP_X_ALERT_KEY": "{key}"},
    ],
)
def test_key__is_found_where_senders_put_it(here: Workspace, headers: dict[str, str]) -> None:
    _, key = kit.source(here, "generic")
    given: Any = {name: value.format(key=key) for name, value in headers.items()}
    assert kit.post("/api/v1/alerts/generic", {"title": "Broken"}, **given).status_code == 202


@pytest.mark.parametrize("key", ["", "x" * 32, "short", "ö" * 32, "a" * 5_000])
def test_stranger__without_a_key_leaves_nothing(here: Workspace, key: str) -> None:
    answer = kit.post("/api/v1/alerts/generic", {"title": "B"}, HTTP_X_ALERT_KEY=key)
    assert answer.status_code == 401
    assert not InboundEvent.objects.exists()


def test_key_of_another_format__opens_no_other_door(here: Workspace) -> None:
    _, key = kit.source(here, "generic")
    answer = kit.post(f"/api/v1/alerts/alertmanager/{key}", kit.group([]))
    assert answer.status_code == 403


def test_alerts__stay_in_the_workspace_of_their_source(here: Workspace) -> None:
    other = make.workspace()
    _, key = kit.source(other)
    kit.post(f"/api/v1/alerts/alertmanager/{key}", kit.group([kit.am_alert()]))
    assert Incident.objects.get().workspace_id == other.pk
    stranger = make.actor(make.person(here, "primary_operator"))
    assert not Alert.objects.visible_to(stranger).exists()
    assert not Incident.objects.visible_to(stranger).exists()


def test_broken_message__is_refused_and_kept(here: Workspace) -> None:
    source, key = kit.source(here)
    answer = kit.post(f"/api/v1/alerts/alertmanager/{key}", b'{"alerts": 5}')
    assert answer.status_code == 400
    row = InboundEvent.objects.get()
    assert row.state == leases.DEAD
    source.refresh_from_db()
    assert (source.refused, source.calls) == (1, 1)


def test_message_that_a_fault_of_ours_breaks__is_taken_and_done_later(
    here: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, key = kit.source(here)

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(acting, "settle", broken)
        answer = kit.post(f"/api/v1/alerts/alertmanager/{key}", kit.group([kit.am_alert()]))
    assert answer.status_code == 202
    assert not Alert.objects.exists()
    InboundEvent.objects.update(ready_at=clock.now() - timedelta(seconds=1))
    assert receiving.work(float("inf")) == 1
    assert Incident.objects.get().alert_count == 1


def test_pagerduty__is_answered_as_its_clients_expect(here: Workspace) -> None:
    _, key = kit.source(here, "pagerduty")
    event = {"routing_key": key, "event_action": "trigger", "dedup_key": "d1",
             "payload": {"summary": "s", "source": "x", "severity": "critical"}}  # fmt: skip
    answer = kit.post("/v2/enqueue", event)
    assert (answer.status_code, answer.json()) == (
        202, {"status": "success", "message": "Event processed", "dedup_key": "d1"},
    )  # fmt: skip
    wrong = kit.post("/v2/enqueue", {**event, "event_action": "explode"})
    assert (wrong.status_code, wrong.json()["status"]) == (400, "invalid event")
    assert kit.post("/v2/enqueue", {**event, "routing_key": "no"}).status_code == 400
    change = {"routing_key": key, "payload": {"summary": "c"}}
    assert kit.post("/v2/change/enqueue", change).status_code == 202


def test_key__that_was_renewed_opens_nothing(here: Workspace) -> None:
    source, key = kit.source(here)
    _, newer = renew_key(source, actor=make.JOB, reason="it leaked")
    assert find(key) is None
    assert find(newer) is not None
    switch_source(source, actor=make.JOB, on=False, reason="gone")
    assert find(newer) is None


def test_portals_own_source__is_one_for_each_workspace(here: Workspace) -> None:
    assert portal_source(here).pk == portal_source(here.pk).pk
