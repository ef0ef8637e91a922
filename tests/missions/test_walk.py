"""A mission's way through its stages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from controlplane.approvals import services as approvals
from controlplane.approvals.models import Request
from controlplane.audit.models import AuditEvent
from controlplane.base.models import Signal
from controlplane.lib.errors import GateNotMet, InvalidTransition, NotAllowed
from controlplane.notify.models import InboxItem, Notification
from missions import services, stages
from missions.gates import registry
from missions.models import Mission
from missions.querysets import ENDED
from telemetry.models import Event
from tests import make
from tests.kit import missions as kit
from tests.kit import settled
from tests.kit.missions import World, again, all_answered, states_of, visit_of


@settled.once
def world() -> World:
    here = World()
    assert here.gv.ref
    assert here.oc.ref
    assert here.ta.ref
    assert here.kc.ref
    return here


@pytest.fixture
def answered() -> Iterator[None]:
    with all_answered():
        yield


def test_all_five_stages__signed_one_after_the_other__completed(
    world: World, answered: None
) -> None:
    row = world.completed()
    assert (row.status, row.stage, row.closed_at is not None) == ("completed", stages.LAST, True)
    visits = list(row.visits.order_by("pk"))
    assert [(each.stage, each.attempt, each.outcome) for each in visits] == [
        (slug, 1, "completed") for slug in stages.SLUGS
    ]
    signed = Request.objects.filter(owner="missions.checkpoint").order_by("pk")
    assert [each.policy_snapshot["slug"] for each in signed] == [
        stage.checkpoint.policy for stage in stages.STAGES.values()
    ]
    assert {each.item_id for each in signed} == {row.item_id}
    kit.deliver()
    events = Event.objects.filter(mission=row.ref).values_list("event_type", flat=True)
    told = "created stage_transition brief_locked completed"
    assert {f"mission_{name}" for name in told.split()} <= set(events)
    assert {"intent_submitted", "approval_requested", "approval_granted"} <= set(events)
    assert again(row).item.category == "done"  # type: ignore[union-attr]
    # How long the change itself took, not how long the mission stood in the stage.
    moves = Event.objects.filter(mission=row.ref, event_type="mission_stage_transition")
    assert [each.duration_ms is not None for each in moves] == [True] * len(stages.SLUGS)
    spent = [each.context["from_stage"] for each in moves.order_by("occurred_at")]
    assert spent == ["draft", *stages.SLUGS[:-1]]


def test_story__every_step_is_in_the_log__in_order(world: World, answered: None) -> None:
    row = world.in_stage("prepare")
    told = AuditEvent.objects.about(row).order_by("pk").values_list("action", flat=True)
    by_itself = {"mission.tick", "mission.suggest", "mission.safeguards"}
    assert [name for name in told if name not in by_itself] == [
        "mission.create", "mission.start", "mission.lock", "mission.evidence", "mission.move",
    ]  # fmt: skip
    moved = AuditEvent.objects.about(row).get(action="mission.move")
    assert moved.reason.endswith("is approved.")
    assert (moved.details or {})["decided_by"].startswith("user:")
    news = Signal.objects.filter(kind="missions.event", payload__ref=row.ref)
    assert {each.payload["what"] for each in news} >= {"created", "started", "asked", "stage"}


def test_gates_nobody_answers__keep_it_where_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for slug in ("safeguards_justified", "safeguards_acknowledged"):
        monkeypatch.delitem(registry.PROVIDERS, slug)
    row = world.done(world.locked())
    assert states_of(row)["safeguards_justified"] == "not_there"
    with pytest.raises(GateNotMet) as caught:
        services.ask_checkpoint(row, actor=world.actor)
    found = {each["gate"]: each for each in caught.value.details["gates"]}
    assert set(found) == {"safeguards_justified", "safeguards_acknowledged"}
    assert all(each["mend"] and each["state"] == "not_there" for each in found.values())


def test_start__without_an_intent__says_who_can_mend_it(world: World) -> None:
    row = world.draft(intent="")
    with pytest.raises(GateNotMet) as caught:
        services.start_mission(row, actor=world.actor)
    assert caught.value.details["gates"][0]["gate"] == "intent_written"
    assert caught.value.details["gates"][0]["roles"] == ["mission_owner"]
    assert again(row).status == "draft"


def test_advance__before_everybody_signed__refused(world: World, answered: None) -> None:
    row = world.asked()
    world.sign(row, "mo")
    with pytest.raises(GateNotMet, match="Governance Validator"):
        services.advance_stage(row, actor=world.actor)
    with pytest.raises(InvalidTransition):
        services.advance_stage(row, actor=world.actor, to="Plan & Approve")
    assert again(row).stage == "define"


def test_advance__asked_twice__changes_nothing_the_second_time(
    world: World, answered: None
) -> None:
    row = world.in_stage("prepare")
    assert services.advance_stage(row, actor=world.actor, to="prepare").version == row.version


def test_signed_but_the_next_door_is_shut__waits_and_goes_on(world: World) -> None:
    with all_answered("duty_window"):
        row = world.in_stage("plan_approve")
        world.sign(world.asked(row))
        row = again(row)
        assert (row.stage, visit_of(row).approval.status) == ("plan_approve", "approved")  # type: ignore[union-attr]
        assert states_of(row)["duty_window"] == "failed"
    with all_answered():
        services.advance_stage(row, actor=world.actor)
    assert again(row).stage == "execute_observe"


def test_rejected__the_stage_begins_again__earlier_try_stays_to_be_read(
    world: World, answered: None
) -> None:
    row = world.asked(world.in_stage("plan_approve"))
    request = world.sign(row, "gv", verdict="rejected")
    row = again(row)
    assert (request.status, row.stage, row.status) == ("rejected", "plan_approve", "active")
    visit = visit_of(row)
    assert (visit.attempt, visit.approval, visit.evidence) == (2, None, [])
    left = row.visits.get(stage="plan_approve", attempt=1)
    assert (left.outcome, left.approval) == ("sent_back", request)
    assert "Not like this." in left.reason


def test_changes_requested__stays_and_is_asked_as_the_next_revision(
    world: World, answered: None
) -> None:
    row = world.asked()
    first = world.sign(row, "gv", verdict="changes_requested")
    services.link_evidence(row, actor=world.actor, link=f"{kit.LINK}/more")
    second = services.ask_checkpoint(row, actor=world.actor)
    assert (second.question, second.revision) == (first.question, 2)
    assert second.requested_at == first.requested_at
    assert visit_of(again(row)).attempt == 1


def test_sent_back__approvals_of_reentered_stages_are_superseded(
    world: World, answered: None
) -> None:
    row = world.in_stage("plan_approve")
    requests = list(Request.objects.filter(owner="missions.checkpoint").order_by("pk"))
    back = services.send_back(row, actor=world.gv, to="Toolkits & Connect", reason="Too wide.")
    assert (back.stage, visit_of(back).attempt) == ("prepare", 2)
    for each in requests:
        each.refresh_from_db()
    assert [each.status for each in requests] == ["approved", "superseded"]
    same = services.send_back(back, actor=world.gv, to="prepare", reason="Too wide.")
    assert same.version == back.version
    for forward in ("plan", "execute"):
        with pytest.raises(InvalidTransition):
            services.send_back(back, actor=world.gv, to=forward, reason="Forward.")
    assert Mission.objects.get(pk=row.pk).stage == "prepare"


def test_unlocked__reopens_define__everything_signed_falls(world: World, answered: None) -> None:
    row = world.in_stage("plan_approve")
    brief = services.unlock_brief(row, actor=world.actor, reason="The KPI was wrong.")
    row = again(row)
    assert (row.stage, visit_of(row).attempt, brief.revision) == ("define", 2, 2)
    assert set(Request.objects.values_list("status", flat=True)) == {"superseded"}
    services.put_brief(row, actor=world.actor, kpi_target=30)
    services.lock_brief(row, actor=world.actor)
    with pytest.raises(InvalidTransition):
        services.put_brief(row, actor=world.actor, kpi_target=40)


def test_paused__signatures_wait_for_the_resume(world: World, answered: None) -> None:
    row = world.asked()
    services.pause_mission(row, actor=world.oc, reason="Too many alerts.")
    services.pause_mission(row, actor=world.gv, reason="Another reason.")
    assert again(row).pause_reason == "Too many alerts."
    world.sign(row)
    row = again(row)
    assert (row.status, row.stage) == ("paused", "define")
    services.resume_mission(row, actor=world.oc, reason="Calm again.")
    row = again(row)
    assert (row.status, row.pause_reason) == ("paused", "Another reason.")
    services.resume_mission(row, actor=world.oc, reason="Seen to.")
    row = again(row)
    assert (row.status, row.stage, row.paused_at, row.pause_reason) == (
        "active", "prepare", None, "",
    )  # fmt: skip


def test_stopped__who_answers_for_it_and_who_watches_are_told(world: World) -> None:
    row = services.pause_mission(world.started(), actor=world.gv, reason="Look at it.")
    told = Notification.objects.get(kind="mission.event", key__contains=str(row.uid))
    people = set(InboxItem.objects.filter(notification=told).values_list("user_id", flat=True))
    assert people == {world.owner.pk, world.oc.user_id}
    assert "is paused" in told.subject
    services.resume_mission(row, actor=world.gv, reason="Looked.")
    services.cancel_mission(row, actor=world.actor, reason="Not wanted.")
    assert Notification.objects.filter(kind="mission.event").count() == 1


def test_paused_by_a_safeguard__its_owner_may_not_resume(world: World) -> None:
    row = services.pause_mission(
        world.started(), actor=make.JOB, reason="Violated.", cause="safeguard"
    )
    with pytest.raises(NotAllowed):
        services.resume_mission(row, actor=world.actor, reason="I want it.")
    assert services.resume_mission(row, actor=world.gv, reason="Settled.").status == "active"


@pytest.mark.parametrize("verb", ["cancel", "fail"])
def test_ended__stays_ended__and_takes_its_question_along(
    world: World, answered: None, verb: str
) -> None:
    row = world.asked()
    request = kit.request_of(row)
    end = getattr(services, f"{verb}_mission")
    row = end(row, actor=world.oc, reason="Not wanted.")
    assert row.status in ENDED
    assert end(row, actor=world.oc, reason="Again.").version == row.version
    request.refresh_from_db()
    assert request.status == "withdrawn"
    assert row.visits.get().outcome == "abandoned"
    for again_ in (
        lambda: services.start_mission(row, actor=world.actor),
        lambda: services.pause_mission(row, actor=world.oc, reason="x"),
        lambda: services.resume_mission(row, actor=world.oc, reason="x"),
        lambda: services.advance_stage(row, actor=world.oc),
        lambda: services.send_back(row, actor=world.oc, to="define", reason="x"),
        lambda: services.change_mission(row, actor=world.actor, title="x"),
        lambda: services.put_brief(row, actor=world.actor, objective="x"),
        lambda: services.ask_checkpoint(row, actor=world.actor),
    ):
        with pytest.raises(InvalidTransition):
            again_()
    assert services.archive_mission(row, actor=world.oc).archived_at is not None


def test_drafts__may_be_cancelled_and_nothing_else(world: World) -> None:
    row = world.draft()
    for refused in (services.fail_mission, services.pause_mission):
        with pytest.raises(InvalidTransition):
            refused(row, actor=world.oc, reason="x")
    assert services.cancel_mission(row, actor=world.oc, reason="Thought again.").visits.count() == 0


_VERBS: dict[str, dict[str, Any]] = {
    "start_mission": {},
    "pause_mission": {"reason": "x"},
    "resume_mission": {"reason": "x"},
    "cancel_mission": {"reason": "x"},
    "fail_mission": {"reason": "x"},
    "archive_mission": {},
    "advance_stage": {},
    "send_back": {"to": "define", "reason": "x"},
    "ask_checkpoint": {},
    "withdraw_checkpoint": {},
    "change_mission": {"title": "x"},
    "put_brief": {"objective": "x"},
    "lock_brief": {},
    "unlock_brief": {"reason": "x"},
    "tick_line": {"line": "intent_validated"},
    "untick_line": {"line": "intent_validated", "reason": "x"},
    "link_evidence": {"link": "/x"},
    "unlink_evidence": {"link": "/x"},
}


def test_strangers__may_nothing(world: World, answered: None) -> None:
    row = world.asked()
    before = row.version
    elsewhere = World()
    strangers = {
        "a viewer": world.someone("viewer"),
        "an owner elsewhere": elsewhere.actor,
        "a superuser elsewhere": make.actor(make.superuser()),
        "an agent that reviews": make.actor(make.agent(world.workspace, role="reviewer")),
    }
    for name, stranger in strangers.items():
        for verb, given in _VERBS.items():
            with pytest.raises(NotAllowed):
                getattr(services, verb)(row, actor=stranger, **given)
                raise AssertionError(f"{name} may {verb}")
    assert again(row).version == before
    with pytest.raises(NotAllowed):
        services.create_mission(world.workspace, actor=elsewhere.actor, title="x")


def test_signing_rules__owner_and_creator_own_slot_only__producers_and_agents_none(
    world: World, answered: None
) -> None:
    every = sorted(kit.ROLES.values())
    creator = world.someone(*every)
    writer = world.someone(*every)
    asker = world.someone(*every)
    row = world.draft(actor=creator, owner=world.owner)
    services.put_brief(row, actor=writer, timeline="Three weeks.")
    services.start_mission(row, actor=world.actor)
    services.lock_brief(row, actor=world.actor)
    world.done(row)
    request = services.ask_checkpoint(row, actor=asker)
    agent = make.actor(make.agent(world.workspace, role="coordinator"))

    def may(actor: Any) -> dict[str, bool]:
        return {view.slot.slug: view.may for view in approvals.may_sign(actor, request)}

    assert may(creator) == {"mo": True, "gv": False}
    assert may(world.actor) == {"mo": True, "gv": False}
    assert may(writer) == {"mo": False, "gv": False}
    assert may(asker) == {"mo": False, "gv": False}
    assert may(agent) == {"mo": False, "gv": False}
    assert may(world.someone("governance_validator")) == {"mo": False, "gv": True}
    signed = approvals.decide(request, "approved", actor=creator, sha256=request.sha256)
    assert may(creator) == {"mo": False, "gv": False}
    assert signed.status == "open"
