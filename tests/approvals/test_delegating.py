"""Signing for somebody: one request, or all that comes while they are away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from controlplane.access.models import Workspace
from controlplane.access.services import people as access
from controlplane.approvals import services, signing
from controlplane.approvals.models import Decision, Delegation
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from tests import make
from tests.kit import approvals, settled
from tests.kit.approvals import Person, ask, person, policy, sign, slot

pytestmark = pytest.mark.django_db


@settled.once
def here() -> Workspace:
    return make.workspace()


def away(here: Workspace, giver: Person, to: Person, **given: Any) -> Delegation:
    given.setdefault("until", approvals.later(days=3))
    return services.delegate(
        None, to.user, workspace=here, actor=giver.actor, reason="On leave", **given
    )


def test_one_request__is_signed_for_somebody(here: Workspace) -> None:
    giver, receiver = person(here, "release_manager"), person(here, "viewer", name="Vera")
    request, other = ask(here), ask(here, subject="tests:2")
    services.delegate(request, receiver.user.email, actor=giver.actor, reason="In the air")
    assert list(signing.waiting_for(receiver.actor)) == [request]
    [view] = services.may_sign(receiver.actor, request)
    assert (view.may, view.as_role, view.on_behalf_of) == (True, "release_manager", giver.user)
    assert not services.may_sign(receiver.actor, other)[0].may
    assert sign(request, receiver).status == "approved"
    decision = Decision.objects.get()
    assert (decision.person, decision.delegated_from) == (receiver.user, giver.user)
    assert approvals.told("approval.delegated") == [receiver.user.email]


def test_absence__counts_between_its_dates(here: Workspace) -> None:
    giver, receiver = person(here, "release_manager"), person(here, "viewer")
    row = away(here, giver, receiver, starts=approvals.later(days=1), until=approvals.later(days=2))
    request = ask(here)
    assert not signing.waiting_for(receiver.actor).exists()
    with time_machine.travel(row.starts + timedelta(minutes=1), tick=True):
        assert list(signing.waiting_for(receiver.actor)) == [request]
        assert services.may_sign(receiver.actor, request)[0].may
    assert row.until is not None
    with time_machine.travel(row.until + timedelta(seconds=1), tick=True):
        assert not signing.waiting_for(receiver.actor).exists()
        assert not services.may_sign(receiver.actor, request)[0].may
    assert approvals.told("approval.absence") == [receiver.user.email]


def test_absence__who_is_there_instead_is_told_of_what_is_asked(here: Workspace) -> None:
    giver, receiver = person(here, "release_manager"), person(here, "viewer")
    away(here, giver, receiver)
    ask(here)
    assert set(approvals.told("approval.asked")) == {giver.user.email, receiver.user.email}


def test_role__narrows_what_is_lent(here: Workspace) -> None:
    giver = person(here, "governance_validator", "operations_command")
    receiver = person(here, "viewer")
    away(here, giver, receiver, role="operations_command")
    pair = policy(here, slot("gv", "governance_validator"), slot("oc", "operations_command"))
    views = services.may_sign(receiver.actor, ask(here, policy=pair))
    assert [view.may for view in views] == [False, True]


def test_right_one_has_not__is_not_lent(here: Workspace) -> None:
    receiver = person(here, "viewer")
    made, asked, stranger = (person(here, "release_manager") for _ in range(3))
    request = ask(here, actor=asked.actor, producers=[made.user])
    for giver, why in ((made, "you produced"), (asked, "you asked"), (receiver, "needs")):
        with pytest.raises(NotAllowed, match=why):
            services.delegate(request, stranger.user, actor=giver.actor, reason="x")
    # Nor by being away: what the giver may not sign, nobody signs for them.
    for giver in (made, asked):
        away(here, giver, receiver)
    assert [view.rule for view in services.may_sign(receiver.actor, request)] == ["role"]
    assert not signing.waiting_for(receiver.actor).exists()


def test_receiver__who_made_or_asked_for_it__still_may_not(here: Workspace) -> None:
    giver, made = person(here, "release_manager"), person(here, "product_manager")
    request = ask(here, actor=made.actor)
    services.delegate(request, made.user, actor=giver.actor, reason="x")
    assert [view.rule for view in services.may_sign(made.actor, request)] == ["requester"]
    other = ask(here, producers=[made.user])
    with pytest.raises(Invalid, match="produced"):
        services.delegate(other, made.user, actor=giver.actor, reason="x")


def test_lent_right__is_not_lent_on(here: Workspace) -> None:
    giver, second, third = person(here, "release_manager"), person(here, "ux"), person(here, "ux")
    request = ask(here)
    services.delegate(request, second.user, actor=giver.actor, reason="x")
    with pytest.raises(NotAllowed, match="not yours"):
        services.delegate(request, third.user, actor=second.actor, reason="x")
    away(here, second, third)
    assert not services.may_sign(third.actor, request)[0].may


def test_right__is_used_once_by_whomever(here: Workspace) -> None:
    two = policy(here, slot("release", "release_manager", count=3))
    giver, first, second = person(here, "release_manager"), person(here, "ux"), person(here, "ux")
    for receiver in (first, second):
        away(here, giver, receiver)
    request = sign(ask(here, policy=two), first)
    for somebody, rule in ((second, "role"), (giver, "signed"), (first, "signed")):
        assert services.may_sign(somebody.actor, request)[0].rule == rule
        assert not signing.waiting_for(somebody.actor).exists()
    with pytest.raises(Conflict, match="signed for you"):
        sign(request, giver)


def test_giver__who_lost_the_role_or_the_account__lends_nothing(here: Workspace) -> None:
    giver, receiver = person(here, "release_manager"), person(here, "viewer")
    away(here, giver, receiver)
    request = ask(here)
    assert services.may_sign(receiver.actor, request)[0].may
    access.deactivate_user(giver.user, actor=make.JOB)
    assert not services.may_sign(receiver.actor, request)[0].may
    with pytest.raises(NotAllowed):
        sign(request, receiver)


@pytest.mark.parametrize("by", ["giver", "receiver", "admin"])
def test_end__by_either_of_them_or_an_admin(here: Workspace, by: str) -> None:
    cast = {
        "giver": person(here, "release_manager"),
        "receiver": person(here, "viewer"),
        "admin": person(here, "workspace_admin"),
    }
    row = away(here, cast["giver"], cast["receiver"])
    stranger = person(here, "engineering_lead")
    with pytest.raises(NotAllowed):
        services.end_delegation(row, actor=stranger.actor)
    ended = services.end_delegation(row, actor=cast[by].actor)
    assert (ended.ended_by_ref, ended.ended_at is None) == (cast[by].actor.ref, False)
    assert services.end_delegation(row, actor=cast[by].actor).ended_at == ended.ended_at
    assert not services.may_sign(cast["receiver"].actor, ask(here))[0].may


def test_strangers__neither_give_nor_receive(here: Workspace) -> None:
    giver = person(here, "release_manager")
    elsewhere = person(make.workspace(), "release_manager")
    request = ask(here)
    said = []
    for name in (elsewhere.user, elsewhere.user.email, str(elsewhere.user.uid), "x@example.org"):
        with pytest.raises(Invalid) as refused:
            services.delegate(request, name, actor=giver.actor, reason="x")
        said.append(refused.value.message)
    assert set(said) == {"to: Nobody here is called so."}
    with pytest.raises(NotAllowed) as denied:
        away(here, elsewhere, giver)
    assert denied.value.error_code == "WORKSPACE_MISMATCH"
    agent = make.actor(make.agent(here, role="coordinator"))
    with pytest.raises(NotAllowed):
        services.delegate(request, giver.user, actor=agent, reason="x")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"until": None}, "until"),
        ({"until": timedelta(hours=-1)}, "until"),
        ({"until": timedelta(days=200)}, "until"),
        ({"starts": timedelta(days=5), "until": timedelta(days=4)}, "until"),
        ({"starts": timedelta(days=400), "until": timedelta(days=401)}, "starts"),
        ({"role": "engineering_lead"}, "role"),
        ({"reason": "  "}, "reason"),
        ({"reason": "a\0"}, "reason"),
    ],
    ids=str,
)
def test_bad_input__is_named(here: Workspace, given: dict[str, Any], field: str) -> None:
    giver, receiver = person(here, "release_manager"), person(here, "viewer")
    values: dict[str, Any] = {"until": timedelta(days=1), "reason": "x", **given}
    now = clock.now()
    times = {
        name: now + values.pop(name) for name in ("starts", "until") if values.get(name) is not None
    }
    values.pop("until", None)
    with pytest.raises(Invalid) as refused:
        services.delegate(None, receiver.user, workspace=here, actor=giver.actor, **times, **values)
    assert list(refused.value.details) == [field]
    with pytest.raises(Invalid, match="Somebody else"):
        away(here, giver, giver)
    assert not Delegation.objects.exists()
