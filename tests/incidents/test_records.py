"""The record of an incident: opened, answered, judged, mitigated, over; what it leaves on its item
and its clocks; what refuses it, and who."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from controlplane.audit.models import AuditEvent
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, GateNotMet, Invalid, InvalidTransition, NotAllowed
from incidents.models import Alert, EscalationRun, Incident
from incidents.paging import runs
from incidents.records import clocks, joining, moving
from incidents.reviews import writing
from tests import make
from tests.kit import alerts, racing
from tests.kit import incidents as kit
from tests.kit.deployments import deliver
from tests.kit.incidents import Watchroom

pytestmark = pytest.mark.django_db


@pytest.fixture
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


def triage(room: Watchroom, row: Incident, **more: Any) -> Incident:
    given = {
        "impact_percent": 10, "symptoms": "Missions stop.",
        "started_at": clock.now() - timedelta(minutes=9),
    }  # fmt: skip
    return moving.triage(row, **{"actor": room.by(room.primary), **given, **more})


def waits(row: Incident) -> set[str]:
    """Clocks that still run."""
    known = {clocks.key_of(kind, row): kind for kind in clocks.CLOCKS}
    rows = Timer.objects.filter(key__in=known, state="waiting").values_list("key", flat=True)
    return {known[key].removeprefix("incident.") for key in rows}


def said(row: Incident) -> str:
    deliver()
    item = row.item
    assert item is not None
    return "\n".join(item.comments.order_by("pk").values_list("text", flat=True))


def firing(row: Incident) -> Alert:
    """One alert of it, as its sender told it."""
    source = alerts.source(row.workspace, name=f"sender {Alert.objects.count()}").source
    alerts.tell(source, alerts.incoming("Quiet", severity="info"))
    alert: Alert = Alert.objects.latest("pk")
    joining.join(row, [alert.pk], clock.now())
    return alert


# --- The whole way --------------------------------------------------------------------------------


def test_incident__goes_its_whole_way_and_tells_it(room: Watchroom) -> None:
    actor = room.by(room.primary)
    row = room.incident("sev2", title="Missions fail")
    assert row.status == "detected"
    assert row.item is not None
    assert row.item.priority == 1
    assert {"incident", "sev2"} <= set(row.item.labels)
    assert waits(row) == {"ack_missed", "start_missed", "open_too_long", "prolonged"}

    row = moving.acknowledge(row, actor=actor)
    assert row.commander_id == row.acknowledged_by_id == room.primary.pk
    assert row.first_acknowledged_at == row.acknowledged_at
    assert waits(row) == {"start_missed", "open_too_long", "prolonged"}
    row = triage(room, row)
    assert row.status == "triaged"
    row = moving.mitigate(row, actor=actor)
    assert row.mitigation_started_at is not None
    assert waits(row) == {"open_too_long", "prolonged"}
    row = moving.mitigated(row, actor=actor, how="The flag is off.")
    assert not waits(row)
    row = moving.watch(row, actor=actor)
    assert row.monitor_until is not None
    assert row.restored_at is not None
    row = moving.resolve(kit.looked(row), actor=actor, reason="Quiet for two hours.")
    assert row.review_due_at == row.resolved_at + timedelta(hours=48)  # type: ignore[operator]

    with pytest.raises(GateNotMet):
        moving.close(row, actor=actor, reason="Done.")
    row = writing.plan_review(row, actor=actor)
    with pytest.raises(GateNotMet):
        moving.close(row, actor=actor, reason="Done.", root_cause="A config was wrong.")
    kit.reviewed(row, actor=actor)
    row.refresh_from_db()
    row = moving.close(row, actor=actor, reason="Reviewed.", root_cause="A config was wrong.")
    assert row.status == "closed"
    assert row.closed_at is not None
    told = said(row)
    assert row.item is not None
    row.item.refresh_from_db()
    assert row.item.category == "done"
    for words in ("is open as SEV-2", "Acknowledged.", "10 % of users", "The flag is off",
                  "is resolved", "A config was wrong"):  # fmt: skip
        assert words in told, words
    done = AuditEvent.objects.about(row).values_list("action", flat=True)
    assert {"incident.open", "incident.acknowledge", "incident.triage", "incident.mitigate",
            "incident.resolve", "incident.close"} <= set(done)  # fmt: skip


def test_reopen__begins_anew_and_calls(room: Watchroom) -> None:
    actor = room.by(room.primary)
    row = moving.resolve(kit.looked(triage(room, room.quiet("sev2"))), actor=actor, reason="Over.")
    row = moving.reopen(row, actor=actor, reason="It is back.")
    assert row.status == "mitigating"
    assert row.resolved_at is row.review_due_at is row.acknowledged_at is None
    assert row.item is not None
    row.item.refresh_from_db()
    assert row.item.category != "done"
    assert EscalationRun.objects.filter(incident=row, status="running").exists()


def test_came_back__runs_the_clock_of_what_is_open_again(room: Watchroom) -> None:
    actor = room.by(room.primary)
    row = moving.mitigated(triage(room, room.quiet("sev2")), actor=actor, how="Restarted.")
    assert "open_too_long" not in waits(row)
    row = moving.mitigate(row, actor=actor, reason="It is back.")
    assert row.mitigated_at is None
    assert "open_too_long" in waits(row)


def test_merge__moves_alerts_and_calls_nobody(room: Watchroom) -> None:
    actor = room.by(room.primary)
    row, target = room.incident("sev2"), room.quiet("sev2")
    firing(row)
    row = moving.merge(row, target, actor=actor, reason="The same database.")
    target.refresh_from_db()
    assert row.status == "merged"
    assert row.merged_into_id == target.pk
    assert (target.alert_count, target.firing_count) == (1, 1)
    assert target.alerts.count() == 1
    assert not EscalationRun.objects.filter(incident=row, status="running").exists()
    assert not waits(row)
    with pytest.raises(InvalidTransition):
        moving.acknowledge(row, actor=actor)
    other = room.quiet("sev2")
    with pytest.raises(InvalidTransition):
        moving.merge(other, row, actor=actor, reason="Into what is over.")
    with pytest.raises(Invalid):
        moving.merge(other, other, actor=actor, reason="Into itself.")


def test_merge__what_comes_later_of_its_group_goes_to_the_other(room: Watchroom) -> None:
    source = alerts.source(room.workspace).source
    alerts.tell(source, alerts.incoming("Down", service="web"))
    row = Incident.objects.get()
    target = room.quiet("sev2")
    moving.merge(row, target, actor=room.by(room.primary), reason="The same.")
    alerts.tell(source, alerts.incoming("Down", service="web", pod="2"))
    assert Incident.objects.count() == 2
    target.refresh_from_db()
    assert target.alert_count == 2


def test_cancel__ends_it_and_its_item(room: Watchroom) -> None:
    row = moving.cancel(room.incident("sev1"), actor=room.by(room.primary), reason="A drill.")
    assert row.status == "cancelled"
    assert not waits(row)
    deliver()
    assert row.item is not None
    row.item.refresh_from_db()
    assert row.item.category == "done"
    assert not EscalationRun.objects.filter(incident=row, status="running").exists()


# --- Levels ---------------------------------------------------------------------------------------


def test_severity__clocks_labels_and_calls_follow_both_ways(room: Watchroom) -> None:
    actor = room.by(room.primary)
    row = room.quiet("sev4")
    assert not waits(row)
    row = moving.change_severity(row, "SEV-1", actor=actor, reason="All are out.")
    assert waits(row) == {"ack_missed", "start_missed", "open_too_long", "prolonged"}
    assert row.item is not None
    row.item.refresh_from_db()
    assert row.item.priority == 0
    assert "sev1" in row.item.labels
    assert "sev4" not in row.item.labels
    run = EscalationRun.objects.get(incident=row)
    assert run.policy.policy.slug == "sev1"
    assert run.status == "running"

    row = moving.change_severity(row, "sev4", actor=actor, reason="It was one page.")
    run.refresh_from_db()
    assert run.status == "ended"
    assert not waits(row)
    with pytest.raises(Conflict):
        moving.change_severity(row, "sev4", actor=actor, reason="Again.")
    with pytest.raises(Invalid):
        moving.change_severity(row, "sev9", actor=actor, reason="None such.")
    with pytest.raises(Invalid):
        moving.change_severity(row, "sev2", actor=actor, reason=" ")


@pytest.mark.parametrize(("percent", "is_said"), [(24, False), (25, True)])
def test_triage__says_what_the_ladder_makes_of_a_share(
    room: Watchroom, percent: int, is_said: bool
) -> None:
    row = triage(room, room.quiet("sev3"), impact_percent=percent)
    assert (f"{percent} % of users is SEV-2" in said(row)) == is_said


def test_triage__may_say_how_grave_it_is(room: Watchroom) -> None:
    row = triage(room, room.quiet("sev3"), severity="sev2", tenants=["a", "a", "b"])
    assert (row.status, row.severity, row.tenants) == ("triaged", "sev2", ["a", "b"])


# --- What refuses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [("impact_percent", 101), ("impact_percent", "many"), ("impact_percent", True),
     ("symptoms", " "), ("started_at", "yesterday"), ("started_at", None), ("tenants", "one"),
     ("category", "weather")],
)  # fmt: skip
def test_triage__names_the_field_that_is_wrong(room: Watchroom, field: str, value: Any) -> None:
    row = room.quiet()
    with pytest.raises(Invalid) as told:
        triage(room, row, **{field: value})
    assert field in told.value.details
    row.refresh_from_db()
    assert row.status == "detected"


def test_resolve__not_while_something_fires(room: Watchroom) -> None:
    actor = room.by(room.primary)
    row = triage(room, room.quiet("sev3"))
    firing(row)
    with pytest.raises(GateNotMet, match="1 alert fires still"):
        moving.resolve(row, actor=actor, reason="Over.")


def test_moves__a_page_that_is_old_is_refused(room: Watchroom) -> None:
    row = room.quiet()
    seen = row.version
    triage(room, row)
    with pytest.raises(Conflict):
        moving.mitigate(row, actor=room.by(room.primary), version=seen)


def test_ended__nothing_moves_it(room: Watchroom) -> None:
    actor = room.by(room.primary)
    row = moving.cancel(room.quiet(), actor=actor, reason="Nothing was.")
    tries: tuple[Callable[[], Incident], ...] = (
        lambda: moving.acknowledge(row, actor=actor),
        lambda: triage(room, row),
        lambda: moving.mitigate(row, actor=actor),
        lambda: moving.reopen(row, actor=actor, reason="No."),
        lambda: moving.change_severity(row, "sev1", actor=actor, reason="No."),
        lambda: moving.close(row, actor=actor, reason="No."),
    )
    for attempt in tries:
        with pytest.raises(InvalidTransition):
            attempt()


def test_group__one_is_open_at_a_time(room: Watchroom) -> None:
    actor = room.by(room.primary)
    first = room.quiet(group_key="db")
    with pytest.raises(Conflict):
        room.quiet(group_key="db")
    moving.resolve(triage(room, first), actor=actor, reason="Over.")
    room.quiet(group_key="db")
    with pytest.raises(Conflict, match="merge"):
        moving.reopen(first, actor=actor, reason="It is back.")


def test_stranger__does_nothing_here(room: Watchroom) -> None:
    stranger = make.actor(make.person(make.workspace(), "primary_operator"))
    viewer = make.actor(make.person(room.workspace, "viewer"))
    row = room.quiet()
    tries: tuple[Callable[[Actor], Incident], ...] = (
        lambda who: moving.acknowledge(row, actor=who),
        lambda who: moving.change_severity(row, "sev1", actor=who, reason="So."),
        lambda who: moving.cancel(row, actor=who, reason="So."),
        lambda who: triage(room, row, actor=who),
    )
    for actor in (stranger, viewer):
        for attempt in tries:
            with pytest.raises(NotAllowed):
                attempt(actor)
    assert not Incident.objects.visible_to(stranger).exists()
    row.refresh_from_db()
    assert (row.status, row.version) == ("detected", 1)


# --- Clocks ---------------------------------------------------------------------------------------


def test_clocks__what_is_missed_is_told_once(room: Watchroom) -> None:
    row = room.quiet("sev1")
    room.later(61 * 60)
    room.promises()
    told = AuditEvent.objects.about(row).filter(action="incident.missed")
    assert sorted((one.details or {})["clock"] for one in told) == sorted(clocks.CLOCKS)
    assert "nobody acknowledged it in time" in said(row)
    room.promises()
    assert told.count() == 4


def test_calm__ends_what_nobody_took(room: Watchroom) -> None:
    source = alerts.source(room.workspace).source
    alerts.tell(source, alerts.incoming("Down"))
    row = Incident.objects.get()
    alerts.tell(source, alerts.incoming("Down", status="resolved"))
    row.refresh_from_db()
    assert (row.status, row.firing_count) == ("detected", 0)
    room.later(301)
    room.promises()
    row.refresh_from_db()
    assert row.status == "resolved"


# --- Several at once ------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.servers
def test_race__one_move_wins() -> None:
    room = Watchroom()
    room.everybody()
    actor = room.by(room.primary)
    row = triage(room, room.quiet("sev3"))
    target = room.quiet("sev3")
    moves: tuple[Callable[[Incident], Incident], ...] = (
        lambda one: moving.cancel(one, actor=actor, reason="False."),
        lambda one: moving.merge(one, target, actor=actor, reason="The same."),
        lambda one: moving.resolve(one, actor=actor, reason="Over."),
    )
    done = racing.race(3, lambda n: moves[n](Incident.objects.get(pk=row.pk)))
    assert sum(1 for each in done if not isinstance(each, Exception)) == 1, done


@pytest.mark.parametrize("role", ["engineering_lead", "security_lead"])
def test_open_too_long__calls_one_role_more(room: Watchroom, role: str) -> None:
    row = room.quiet("sev2")
    runs.call_role(row, role, why="late", actor=make.JOB, reason="It is open for too long.")
    room.tick()
    assert kit.called(row) == [role.replace("_", " ").capitalize()]
