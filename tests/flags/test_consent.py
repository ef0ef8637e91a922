"""What was consented to is what comes into force: no way leads round consent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta, timezone
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.approvals import services as approvals
from controlplane.approvals.models import Policy, Request
from controlplane.audit.models import AuditEvent
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, GateNotMet, Invalid, NotAllowed
from deployments.flags import services
from deployments.flags.models import ChangeRequest, Flag, Segment
from deployments.flags.services import gates
from tests import make
from tests.flags.forms import Form
from tests.kit import settled
from tests.kit.flags import World, on, rule

pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    return World()


def only(*users: str) -> list[dict[str, Any]]:
    return [{"contextName": "userId", "operator": "IN", "values": list(users)}]


@pytest.fixture
def guarded(world: World) -> World:
    world.guard()
    return world


@pytest.fixture
def beta(guarded: World) -> Segment:
    return services.create_segment(
        guarded.workspace, "beta", actor=guarded.actor, constraints=only("u1")
    )


def ask(world: World, settings: dict[str, Any], flag: Flag | None = None, **more: Any) -> Any:
    state = world.state("production", flag)
    more = {"actor": world.actor, "version": state.version, "reason": "A day of quiet.", **more}
    return services.propose(state, settings, **more)


def ask_beta(world: World, **more: Any) -> ChangeRequest:
    asked: ChangeRequest = ask(world, on(rule(segments=["beta"])), **more)
    return asked


def sign(world: World, asked: ChangeRequest) -> Request:
    assert asked.approval
    return approvals.decide(
        asked.approval, "approved", actor=world.lead, sha256=asked.approval.sha256
    )


def due(asked: ChangeRequest) -> str:
    timer = Timer.objects.get(key=f"flag-request:{asked.uid}")
    timers.HANDLERS[timer.kind](timer)
    asked.refresh_from_db()
    return asked.status


def unguarded(world: World, change: Callable[[], Any]) -> None:
    """Done while nobody wants consent there."""
    world.guard(needed=False)
    change()
    world.guard()


def widen(world: World, segment: Segment) -> Segment:
    return services.change_segment(
        segment, actor=world.actor, version=None, constraints=only("u1", "u2")
    )


def is_on(world: World, flag: Flag | None = None) -> bool:
    return bool(world.state("production", flag).settings["on"])


# --- Through segments ---------------------------------------------------------------------------


def test_segment__changed_before_the_signature__is_void(guarded: World, beta: Segment) -> None:
    asked = ask_beta(guarded)
    assert asked.approval
    assert asked.approval.packet["segments"]["beta"][0]["values"] == ["u1"]
    unguarded(guarded, lambda: widen(guarded, beta))
    with pytest.raises(Conflict) as refused:
        sign(guarded, asked)
    assert "u2" in str(refused.value.details["diff"])
    assert not is_on(guarded)


def test_segment__changed_after_the_signature__is_void(guarded: World, beta: Segment) -> None:
    asked = ask_beta(guarded, apply_at=clock.now() + timedelta(hours=1))
    sign(guarded, asked)
    unguarded(guarded, lambda: widen(guarded, beta))
    assert due(asked) == "void"
    assert "segments.beta" in asked.outcome
    assert not is_on(guarded)


def test_segment__as_it_was_signed__is_applied(guarded: World, beta: Segment) -> None:
    asked = ask_beta(guarded, apply_at=clock.now() + timedelta(hours=1))
    sign(guarded, asked)
    assert due(asked) == "applied"
    assert is_on(guarded)


@pytest.mark.parametrize("signed", [False, True])
def test_segment__asked_for_where_consent_is_needed__stays(
    guarded: World, beta: Segment, signed: bool
) -> None:
    asked = ask_beta(guarded, apply_at=clock.now() + timedelta(hours=1))
    if signed:
        sign(guarded, asked)
    with pytest.raises(GateNotMet, match="asked to use it in production"):
        widen(guarded, beta)
    services.withdraw_request(ChangeRequest.objects.get(pk=asked.pk), actor=guarded.actor)
    assert widen(guarded, beta).version == 2


def test_segment__of_an_archived_flag__stays(guarded: World, beta: Segment) -> None:
    sign(guarded, ask_beta(guarded))
    services.archive(guarded.flag, actor=guarded.actor, reason="Done with it.")
    with pytest.raises(GateNotMet, match="archived, uses it in production"):
        widen(guarded, beta)
    services.remove_segment(beta, actor=guarded.actor)
    with pytest.raises(GateNotMet, match="archived, uses it in production"):
        services.create_segment(
            guarded.workspace, "beta", actor=guarded.actor, constraints=only("u2")
        )
    assert not Segment.objects.filter(slug="beta").exists()


def test_segment__asked_for__is_not_removed(guarded: World, beta: Segment) -> None:
    asked = ask_beta(guarded)
    with pytest.raises(Conflict, match="new-planner in production") as refused:
        services.remove_segment(beta, actor=guarded.actor)
    assert refused.value.details["asked_by"] == [str(asked.uid)]
    services.withdraw_request(asked, actor=guarded.actor)
    services.remove_segment(beta, actor=guarded.actor)


# --- Through values -----------------------------------------------------------------------------


@pytest.fixture
def limit(world: World) -> Flag:
    return world.make("limit", value_type="integer", off_value=1, on_value=10)


@pytest.mark.parametrize("killed", [False, True])
def test_values__on_where_consent_is_needed__stay(world: World, limit: Flag, killed: bool) -> None:
    world.put(on(), "production", limit)
    services.change_flag(limit, actor=world.actor, on_value=20)
    raised = world.changes(limit)[-1]
    world.guard()
    if killed:
        services.kill(limit, actor=world.actor)
    for attempt in (
        lambda: services.change_flag(limit, actor=world.lead, on_value=99, override=True),
        lambda: services.change_flag(limit, actor=world.actor, off_value=99),
        lambda: services.undo(raised, actor=world.actor),
    ):
        with pytest.raises(GateNotMet, match="on in Production"):
            attempt()
    limit.refresh_from_db()
    assert (limit.off_value, limit.on_value) == (1, 20)
    services.change_flag(limit, actor=world.actor, description="How many at once.")


def test_values__off_where_consent_is_needed__are_free(guarded: World, limit: Flag) -> None:
    guarded.put(on(), "staging", limit)
    assert services.change_flag(limit, actor=guarded.actor, on_value=20).on_value == 20


def test_values__in_a_freeze__only_by_who_overrides(
    world: World, limit: Flag, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put(on(), "staging", limit)
    monkeypatch.setattr(gates, "FREEZES", [lambda flag, place: "Frozen until Monday."])
    manager = make.actor(make.person(world.workspace, "product_manager"))
    with pytest.raises(GateNotMet, match="Frozen until Monday"):
        services.change_flag(limit, actor=world.actor, on_value=20)
    with pytest.raises(NotAllowed):
        services.change_flag(limit, actor=manager, on_value=20, override=True)
    services.change_flag(limit, actor=world.actor, on_value=20, override=True, reason="Asked for.")
    event = AuditEvent.objects.filter(action="flag.change").latest("id")
    assert (event.details or {})["overrode"] == "Frozen until Monday."
    with pytest.raises(GateNotMet, match="Frozen until Monday"):
        services.undo(world.changes(limit)[-1], actor=world.actor)
    with pytest.raises(Invalid, match="Say why"):
        services.undo(world.changes(limit)[-1], actor=world.actor, override=True)
    services.undo(
        world.changes(limit)[-1], actor=world.actor, override=True, reason="Too much at once."
    )
    limit.refresh_from_db()
    assert limit.on_value == 10


def test_values__changed_after_the_signature__is_void(guarded: World, limit: Flag) -> None:
    asked = ask(guarded, on(), limit, apply_at=clock.now() + timedelta(hours=1))
    assert asked.approval.packet["on_value"] == 10
    sign(guarded, asked)
    services.change_flag(limit, actor=guarded.actor, on_value=99)
    assert due(asked) == "void"
    assert "on_value" in asked.outcome
    assert not is_on(guarded, limit)


def test_values__changed_before_the_signature__is_void(guarded: World, limit: Flag) -> None:
    asked = ask(guarded, on(), limit)
    services.change_flag(limit, actor=guarded.actor, off_value=5)
    with pytest.raises(Conflict):
        sign(guarded, asked)
    assert not is_on(guarded, limit)


# --- Through the zone of its time ---------------------------------------------------------------


def test_time__in_another_zone__is_what_was_signed(guarded: World) -> None:
    at = (clock.now() + timedelta(hours=3)).astimezone(timezone(timedelta(hours=2)))
    asked = ask(guarded, on(rule(10)), apply_at=at)
    assert asked.approval.packet["apply_at"].endswith("+00:00")
    sign(guarded, asked)
    assert due(asked) == "applied"


# --- By its author ------------------------------------------------------------------------------


def test_author__never_signs__whatever_the_policy_says(guarded: World) -> None:
    chosen = Policy.objects.get(workspace=guarded.workspace, slug="flag_change")
    slots = [{**slot, "requester_may": True} for slot in chosen.slots]
    admin = make.actor(make.person(guarded.workspace, "workspace_admin"))
    approvals.change_policy(chosen, actor=admin, slots=slots)
    asked = ask(guarded, on(rule(10)))
    again = ask(guarded, on(rule(20)), actor=guarded.lead, instead_of=asked)
    for request in (asked, again):
        assert guarded.actor.ref in request.approval.producers
    for author in (guarded.actor, guarded.lead):
        with pytest.raises(NotAllowed):
            approvals.decide(again.approval, "approved", actor=author, sha256=again.approval.sha256)
    other = make.actor(make.person(guarded.workspace, "engineering_lead"))
    approvals.decide(again.approval, "approved", actor=other, sha256=again.approval.sha256)
    assert is_on(guarded)


# --- Asked again, in pages ----------------------------------------------------------------------


@pytest.fixture
def browser(guarded: World) -> Client:
    return make.client(guarded.person)


def save(world: World, browser: Client, **typed: str) -> None:
    where = reverse("flags:edit", args=(world.flag.uid, "production"))
    answer = Form(browser, where).press("save", on="1", **typed)
    assert answer.status_code == 302


def switch_on(world: World, browser: Client) -> None:
    where = reverse("flags:switch", args=(world.flag.uid, "production"))
    fields = Form(browser, where, "card").fields
    assert browser.post(where, {**fields, "reason": "On at last."}).status_code == 302


@pytest.mark.parametrize("returned", [False, True])
@pytest.mark.parametrize("by_switch", [False, True])
def test_pages__what_is_not_answered__is_asked_once_more(
    guarded: World, browser: Client, returned: bool, by_switch: bool
) -> None:
    first = ask(guarded, on(rule(10)))
    if returned:
        approvals.decide(
            first.approval,
            "changes_requested",
            actor=guarded.lead,
            sha256=first.approval.sha256,
            comment="Fewer first.",
        )
    if by_switch:
        switch_on(guarded, browser)
    else:
        save(guarded, browser, reason="Another try.")
    [again] = ChangeRequest.objects.exclude(pk=first.pk)
    assert again.approval
    assert again.approval.question == first.approval.question
    assert again.approval.revision == 2
    first.refresh_from_db()
    assert first.status == ("returned" if returned else "void")


def test_pages__word_for_word_the_same__is_the_same_request(
    guarded: World, browser: Client
) -> None:
    for _ in range(2):
        save(guarded, browser, reason="All is well.")
    assert ChangeRequest.objects.get().status == "waiting"


def test_pages__answered_or_elsewhere__is_another_question(guarded: World, browser: Client) -> None:
    other = ask(guarded, on(), guarded.make("other"))
    done = ask(guarded, on(rule(10)))
    services.withdraw_request(done, actor=guarded.actor)
    save(guarded, browser, reason="All is well.")
    asked = ChangeRequest.objects.latest("id")
    assert asked.approval
    assert asked.approval.question not in {other.approval.question, done.approval.question}
