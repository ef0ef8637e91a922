"""The escalation engine: whom it calls, in which order, when, and what it says of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from controlplane.audit.models import AuditEvent
from controlplane.lib import clock
from controlplane.notify import outbox
from controlplane.notify.models import InboxItem, Notification, OutboxMessage
from incidents.models import EscalationRun, Incident, Page
from incidents.paging import answering, numbers, policies
from incidents.records import calling, moving
from tests import make
from tests.kit import incidents as kit
from tests.kit import settled
from tests.kit.incidents import Watchroom, role
from tests.kit.oncall import layer, schedule

pytestmark = pytest.mark.django_db


@settled.once
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


def test_sev1__calls_three_at_once_then_the_next(room: Watchroom) -> None:
    incident = room.incident("sev1")
    room.tick()
    first = {(0, 0, "Primary operator"), (0, 0, "Engineering lead"), (0, 0, "Security lead")}
    assert set(kit.pages(incident)) == first
    room.later(5 * 60 - 1)
    assert len(kit.pages(incident)) == 3
    room.later(1)
    assert kit.called(incident)[3:] == ["Secondary operator"]
    room.later(55 * 60)
    assert "Vp engineering" in kit.called(incident)


def test_levels__call_whom_the_playbooks_name(room: Watchroom) -> None:
    wanted = {
        "sev2": {"Primary operator", "Engineering lead"},
        "sev3": {"Primary operator"},
        "sev4": set(),
    }
    for level, people in wanted.items():
        incident = room.incident(level)
        room.tick()
        assert set(kit.called(incident)) == people, level


def test_level__calls_its_own_roles_by_whatever_policy_it_is_called(room: Watchroom) -> None:
    """A service's policy may name the primary alone: whom the level calls at once, it calls."""
    wanted = {
        "sev1": {"Primary operator", "Engineering lead", "Security lead"},
        "sev2": {"Primary operator", "Engineering lead"},
        "sev3": {"Primary operator"},
    }
    for level, people in wanted.items():
        incident = room.incident(level, policy_slug="sev3")
        room.tick()
        assert set(kit.called(incident)) == people, level


def test_specials__call_the_specialist_beside_the_primary(room: Watchroom) -> None:
    room.person("database_lead")
    found = {}
    for slug in ("security", "database", "data"):
        incident = room.quiet()
        room.begin(incident, slug)
        room.tick()
        found[slug] = {each for each in kit.called(incident) if not each.startswith("nobody")}
    assert found == {
        "security": {"Primary operator", "Security lead"},
        "database": {"Primary operator", "Database lead"},
        "data": {"Primary operator", "Database lead"},
    }


def test_page__is_kept_and_sent_with_one_delivery_for_each_way(room: Watchroom) -> None:
    incident = room.incident("sev3")
    room.tick()
    [page] = Page.objects.filter(incident=incident)
    assert page.why == "holds the role Primary operator (on-call)"
    assert page.notification is not None
    assert page.notification.subject == f"{incident.ref} SEV-3: Missions fail"
    assert page.notification.urgency == "critical"
    assert [each.method for each in kit.deliveries(incident)] == ["inbox", "email"]
    assert InboxItem.objects.filter(user=room.primary, notification=page.notification).exists()
    assert OutboxMessage.objects.filter(key=f"delivery:{kit.deliveries(incident)[1].uid}").exists()


def test_role__is_whoever_is_on_duty_and_only_else_who_holds_it(room: Watchroom) -> None:
    other = room.person("primary_operator", "Ada Duty")
    layer(schedule(room.workspace), [other])
    incident = room.incident("sev3")
    room.tick()
    assert kit.called(incident) == ["Ada Duty"]
    assert Page.objects.get(incident=incident).why == "on duty as Primary operator (on-call)"


def test_next_step__is_due_from_when_this_one_was(room: Watchroom) -> None:
    incident = room.incident("sev3")
    before = kit.run_of(incident).next_at
    room.later(20)  # taken twenty seconds late
    run = kit.run_of(incident)
    assert before is not None
    assert run.next_at == before - timedelta(seconds=20) + timedelta(minutes=5)


def test_standstill__whoever_comes_next_is_given_time(room: Watchroom) -> None:
    """An engine that stood for two hours calls one step, not the whole ladder at once."""
    incident = room.incident("sev3")
    room.later(2 * 3600)
    assert kit.called(incident) == ["Primary operator"]
    run = kit.run_of(incident)
    assert run.next_at is not None
    wait = run.next_at - clock.now()
    assert timedelta(seconds=50) < wait <= timedelta(seconds=numbers.CATCH_UP_S.value)


def test_nobody_behind_a_step__the_next_is_taken_at_once_and_it_is_said() -> None:
    room = Watchroom()
    room.secondary  # noqa: B018 - the only one there
    incident = room.incident("sev3")
    room.tick()
    assert kit.pages(incident) == [
        (0, 1, "Secondary operator"), (0, 0, "nobody:role:primary_operator"),
    ]  # fmt: skip
    nobody = Page.objects.get(incident=incident, user=None)
    assert nobody.status == "unreached"
    assert "Nobody is on duty as Primary operator" in nobody.why


def test_end_of_the_ladder__calls_the_catch_all_then_begins_again_then_stands_unanswered(
    room: Watchroom,
) -> None:
    incident = room.quiet()
    room.policy((60, [role("primary_operator")]), repeats=1)
    run = room.begin(incident, "own")
    room.tick()
    for wait in (60, 300, 60, 300):
        room.later(wait)
    assert kit.pages(incident) == [
        (0, 0, "Primary operator"), (0, 1, "Workspace admin"),
        (1, 0, "Primary operator"), (1, 1, "Workspace admin"),
    ]  # fmt: skip
    run.refresh_from_db()
    assert (run.status, run.ended_why) == ("unanswered", "Nobody answered in 2 rounds.")
    assert Notification.objects.filter(kind="paging.unanswered").count() == 1
    assert AuditEvent.objects.filter(action="paging.unanswered").count() == 1
    answering.answered(incident, actor=room.by(room.primary), way="console")
    run.refresh_from_db()
    assert run.status == "answered"
    assert run.ended_why == f"{room.primary.name} answered."
    assert "@" not in run.ended_why


def test_nobody_at_all__is_said_and_tried_again_without_spinning() -> None:
    room = Watchroom()
    incident = room.incident("sev3")
    room.tick()
    assert set(kit.called(incident)) == {
        "nobody:role:primary_operator", "nobody:role:secondary_operator",
        "nobody:role:engineering_lead", "nobody:role:workspace_admin",
    }  # fmt: skip
    run = kit.run_of(incident)
    assert (run.status, run.round, run.step) == ("running", 1, 0)
    assert run.next_at is not None
    assert run.next_at > clock.now()
    room.secondary  # noqa: B018 - somebody comes
    room.later(300)
    assert "Secondary operator" in kit.called(incident)


def test_answer__ends_calls_and_what_was_not_sent_yet_is_not_sent(room: Watchroom) -> None:
    incident = room.incident("sev1")
    room.tick()
    answering.answered(incident, actor=room.by(room.lead), way="link")
    by_name = {page.user.name: page for page in Page.objects.filter(incident=incident) if page.user}
    mine = by_name["Engineering lead"]
    assert (mine.status, mine.answered_by_way) == ("answered", "link")
    assert mine.answered_at is not None
    assert by_name["Primary operator"].status == "suppressed"
    states = {each.method: each.state for each in kit.deliveries(incident)}
    assert states == {"inbox": "sent", "email": "suppressed"}
    room.later(24 * 3600)
    assert len(kit.pages(incident)) == 3
    assert kit.run_of(incident).status == "answered"


def test_resolved_incident__calls_nobody(room: Watchroom) -> None:
    incident = room.incident("sev3")
    Incident.objects.filter(pk=incident.pk).update(status="resolved", resolved_at=clock.now())
    room.tick()
    assert kit.called(incident) == []
    assert kit.run_of(incident).status == "ended"


def test_policy__a_run_keeps_the_version_it_began_with(room: Watchroom) -> None:
    room.policy((60, [role("primary_operator")]), (60, [role("secondary_operator")]))
    incident = room.quiet()
    room.begin(incident, "own")
    room.tick()
    room.policy((60, [role("vp_engineering")]), (60, [role("vp_engineering")]))
    room.later(60)
    assert kit.called(incident) == ["Primary operator", "Secondary operator"]


def test_begin__same_policy_twice_calls_nobody_twice_but_goes_on_when_asked_by_hand(
    room: Watchroom,
) -> None:
    incident = room.incident("sev3")
    room.tick()
    again = room.begin(incident, "sev3", why="more")
    room.tick()
    assert again.pk == kit.run_of(incident).pk
    assert kit.called(incident) == ["Primary operator"]
    room.begin(incident, "sev3", why="hand", reason="Mitigation failed.")
    room.tick()
    assert kit.called(incident) == ["Primary operator", "Secondary operator"]


def test_begin__others_asked_for_are_called_with_the_step_and_nobody_twice(
    room: Watchroom,
) -> None:
    incident = room.quiet()
    room.begin(incident, "sev3", also=("security_lead", "primary_operator"))
    room.tick()
    assert sorted(kit.called(incident)) == ["Primary operator", "Security lead"]
    room.begin(incident, "sev3", why="more", also=("security_lead", "vp_engineering"))
    room.later(300)
    assert sorted(kit.called(incident)[2:]) == ["Secondary operator", "Vp engineering"]


def test_graver__others_are_called_in_place_of_those_before(room: Watchroom) -> None:
    incident = room.incident("sev3")
    room.tick()
    room.begin(incident, "sev1", why="raised")
    room.tick()
    states = dict(EscalationRun.objects.values_list("policy__policy__slug", "status"))
    assert states == {"sev3": "ended", "sev1": "running"}


def test_policy_that_is_gone__somebody_is_called_all_the_same(room: Watchroom) -> None:
    incident = room.quiet()
    run = room.begin(incident, "not-there", reason="It burns.")
    room.tick()
    assert run.policy.policy.slug == "everybody"
    assert run.reason == "It burns. There is no policy not-there."
    assert set(kit.called(incident)) == {"Primary operator", "Secondary operator"}


def test_run_that_cannot_be_stepped__keeps_no_other_from_it(
    room: Watchroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    from incidents.paging import stepping

    broken, well = room.incident("sev3"), room.incident("sev3")
    ill = kit.run_of(broken).pk
    real = stepping.take

    def take(run: EscalationRun, *rest: object) -> object:
        if run.pk == ill:
            raise ValueError("no such ladder")
        return real(run, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(stepping, "take", take)
    room.tick()
    assert kit.called(well) == ["Primary operator"]
    run = kit.run_of(broken)
    assert run.status == "running"
    assert "no such ladder" in run.trouble
    monkeypatch.setattr(stepping, "take", real)
    room.later(31)
    assert kit.called(broken) == ["Primary operator"]
    run.refresh_from_db()
    assert run.trouble == ""


def test_strangers__of_another_workspace_are_never_called(room: Watchroom) -> None:
    other = Watchroom()
    other.everybody()
    policies.in_force(other.workspace.pk)
    incident = room.incident("sev1")
    room.tick()
    people = set(Page.objects.filter(incident=incident).values_list("user_id", flat=True))
    assert not people & {each.pk for each in other.everybody()}


def test_acknowledged_and_silent__is_reminded_then_others_are_called(room: Watchroom) -> None:
    from incidents.records.moving import acknowledge

    incident = room.incident("sev3")
    room.tick()
    acknowledge(incident, actor=room.by(room.primary))
    room.later(55 * 60)
    room.promises()
    assert Notification.objects.filter(kind="paging.silence_near").count() == 1
    room.later(5 * 60)
    room.promises()
    incident.refresh_from_db()
    assert incident.acknowledged_at is None
    run = kit.run_of(incident)
    assert (run.why, run.status) == ("silent", "running")
    room.tick()
    assert kit.called(incident) == ["Primary operator", "Primary operator"]


@pytest.mark.parametrize("level", ["sev4", "sev3"])
def test_acknowledged_and_silent__of_a_level_that_calls_nobody(room: Watchroom, level: str) -> None:
    """Whether it was so from the beginning or became so."""
    from incidents.records.moving import acknowledge, change_severity

    incident = room.incident(level)
    room.tick()
    acknowledge(incident, actor=room.by(room.primary))
    if level != "sev4":
        change_severity(incident, "sev4", actor=room.by(room.primary), reason="Cosmetic.")
    before = Page.objects.filter(incident=incident).count()
    room.later(24 * 3600)
    room.promises()
    room.tick()
    incident.refresh_from_db()
    assert incident.acknowledged_at is not None
    assert Page.objects.filter(incident=incident).count() == before


def test_agent_without_the_right__may_not_change_policies(room: Watchroom) -> None:
    from controlplane.lib.errors import NotAllowed

    with pytest.raises(NotAllowed):
        policies.save_policy(
            room.workspace, "own", actor=make.actor(room.primary), title="Mine",
            steps=[{"wait_s": 60, "targets": [role("primary_operator")]}],
        )  # fmt: skip


@pytest.mark.parametrize("hours", [-5, 5])
def test_clock_of_a_process_steps__people_are_called_when_they_were_to_be(
    room: Watchroom, hours: int
) -> None:
    """Only the database's clock says what is due; this machine's may be set anew at any moment."""
    incident = room.incident("sev3")
    with time_machine.travel(clock.now() + timedelta(hours=hours)):
        room.tick()
        assert kit.called(incident) == [room.primary.name]
        room.later(299)
        assert len(kit.called(incident)) == 1
        room.later(2)
        assert kit.called(incident) == [room.primary.name, room.secondary.name]
        assert outbox.send_due() > 0
    assert {each.state for each in kit.deliveries(incident)} == {"sent"}


def test_mitigated__whom_its_level_calls_sleeps_on__whom_somebody_asked_for_does_not(
    room: Watchroom,
) -> None:
    actor = room.by(room.primary)
    row = moving.acknowledge(room.incident("sev3"), actor=actor)
    moving.change_severity(row, "sev2", actor=actor, reason="More are touched.")
    calling.escalate(
        row, actor=actor, because="too_slow", role="vp_engineering", reason="Look at it."
    )
    running = EscalationRun.objects.filter(incident=row, status="running")
    assert {run.why for run in running} == {"raised", "hand"}
    moving.triage(row, actor=actor, impact_percent=1, symptoms="x", started_at=clock.now())
    moving.mitigated(row, actor=actor, how="Rolled back.")
    assert {run.why for run in running.all()} == {"hand"}
    [ended] = EscalationRun.objects.filter(incident=row, why="raised")
    assert (ended.status, ended.ended_why) == ("ended", "It is mitigated.")


def test_mitigated__where_nobody_said_they_are_on_it__calls_go_on(room: Watchroom) -> None:
    row = room.incident("sev2")
    actor = room.by(room.lead)
    moving.triage(row, actor=actor, impact_percent=1, symptoms="x", started_at=clock.now())
    moving.mitigated(row, actor=actor, how="Rolled back.")
    assert EscalationRun.objects.filter(incident=row, status="running").exists()
