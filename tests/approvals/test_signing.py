"""Who may sign, and the sentence that refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from controlplane.access import services as access
from controlplane.access.models import Agent
from controlplane.access.principals import actor_for_user
from controlplane.access.services.agents import change_agent
from controlplane.access.services.break_glass import open_break_glass
from controlplane.approvals import services, signing
from controlplane.approvals.models import Decision, Request
from controlplane.audit.models import AuditEvent
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from controlplane.work import services as work
from tests import make
from tests.kit import approvals
from tests.kit.approvals import ask, now_of, person, policy, sign, slot

pytestmark = pytest.mark.django_db


def refusals(actor: Actor, request: Request) -> list[str]:
    return [view.refusal for view in services.may_sign(actor, request)]


def rules(actor: Actor, request: Request) -> list[str]:
    return [view.rule for view in services.may_sign(actor, request)]


def test_role_of_the_slot__signs() -> None:
    here = make.workspace()
    manager = person(here, "release_manager")
    request = ask(here)
    [view] = services.may_sign(manager.actor, request)
    assert (view.may, view.as_role, view.refusal) == (True, "release_manager", "")
    assert sign(request, manager).status == "approved"
    decision = Decision.objects.get()
    assert (decision.person, decision.as_role, decision.instance) == (
        manager.user, "release_manager", 1,
    )  # fmt: skip
    assert decision.sha256 == request.sha256
    assert decision.factor_age_s == 0
    assert not decision.break_glass


def test_second_factor__its_age_is_kept() -> None:
    here = make.workspace()
    user = make.person(here, "release_manager")
    hour_ago = clock.now().timestamp() - 3_600
    request = sign(ask(here), actor_for_user(user, second_factor_at=hour_ago))
    assert Decision.objects.get(request=request).factor_age_s in range(3_599, 3_610)
    # A clock set back must not make an age negative.
    ahead = clock.now().timestamp() + 3_600
    other = sign(ask(here), actor_for_user(user, second_factor_at=ahead))
    assert Decision.objects.get(request=other).factor_age_s == 0


@pytest.mark.parametrize("role", ["product_manager", "viewer", "workspace_admin", "compliance"])
def test_another_role__is_refused_and_it_is_written_down(role: str) -> None:
    here = make.workspace()
    request, stranger = ask(here), person(here, role)
    assert refusals(stranger.actor, request) == ["needs Release manager, Engineering lead"]
    with pytest.raises(NotAllowed) as refused:
        sign(request, stranger)
    assert refused.value.denial is not None
    assert refused.value.denial["rule"] == "role"
    assert not Decision.objects.exists()


def test_requester__signs_only_where_the_slot_says_so() -> None:
    here = make.workspace()
    me = person(here, "release_manager")
    assert refusals(me.actor, ask(here, actor=me.actor)) == ["you asked for it"]
    with pytest.raises(NotAllowed, match="You asked for it"):
        sign(ask(here, actor=me.actor), me)
    mine = policy(here, slot("release", "release_manager", requester_may=True))
    assert sign(ask(here, actor=me.actor, policy=mine), me).status == "approved"


def test_producer__never_signs__also_where_the_requester_may() -> None:
    here = make.workspace()
    me = person(here, "release_manager")
    mine = policy(here, slot("release", "release_manager", requester_may=True))
    request = ask(here, actor=me.actor, policy=mine, producers=[me.user])
    assert refusals(me.actor, request) == ["you produced what is to be signed"]
    with pytest.raises(NotAllowed, match="You produced"):
        sign(request, me)


def test_one_person__one_signature__whatever_the_slots() -> None:
    here = make.workspace()
    both = person(here, "governance_validator", "operations_command")
    pair = policy(
        here, slot("gv", "governance_validator"), slot("oc", "operations_command"), slug="pair"
    )
    request = sign(ask(here, policy=pair), both, slot="gv")
    assert request.status == "open"
    assert refusals(both.actor, request) == ["you have signed already"] * 2
    with pytest.raises(Conflict, match="signed already"):
        sign(request, both, slot="oc")
    assert sign(request, person(here, "operations_command")).status == "approved"
    assert Decision.objects.values("person").distinct().count() == 2


def test_quorum__of_one_slot__counts_people() -> None:
    here = make.workspace()
    two = policy(here, slot("release", "release_manager", count=2))
    request = sign(ask(here, policy=two), person(here, "release_manager"))
    assert (request.status, request.slots.get().signed) == ("open", 1)
    assert sign(request, person(here, "release_manager")).status == "approved"
    assert list(request.decisions.values_list("instance", flat=True)) == [1, 2]


def test_order__the_next_slot_waits_for_the_one_before() -> None:
    here = make.workspace()
    steps = policy(
        here, slot("ta", "telemetry_analyst"), slot("gv", "governance_validator"), order="in_order"
    )
    request = ask(here, policy=steps)
    second = person(here, "governance_validator")
    assert rules(second.actor, request) == ["role", "turn"]
    with pytest.raises(Conflict, match="Ta comes first"):
        sign(request, second, slot="gv")
    sign(request, person(here, "telemetry_analyst"))
    assert approvals.told("approval.asked")[-1] == second.user.email
    assert sign(request, second).status == "approved"


@pytest.mark.parametrize("verdict", ["rejected", "changes_requested"])
def test_no__ends_it_at_once_and_says_why(verdict: str) -> None:
    here = make.workspace()
    two = policy(here, slot("release", "release_manager", count=2))
    request = ask(here, policy=two)
    manager = person(here, "release_manager")
    for comment in ("", "  \n "):
        with pytest.raises(Invalid) as refused:
            sign(request, manager, verdict, comment=comment)
        assert refused.value.details == {"comment": "Say why."}
    done = sign(request, manager, verdict, comment="Too many at once.")
    assert (done.status, done.slots.get().signed) == (verdict, 0)
    with pytest.raises(Conflict):
        sign(done, person(here, "release_manager"))
    event: Any = AuditEvent.objects.filter(action="approval.sign").latest("id")
    assert (event.reason, event.after["decision"]) == ("Too many at once.", verdict)


@pytest.mark.parametrize("role", ["release_manager", "executor", "coordinator", ""])
def test_machines__never_sign(role: str) -> None:
    """Not with a role of people's either, should somebody give them one."""
    here = make.workspace()
    request = ask(here)
    agent = make.agent(here, role="executor" if role == "release_manager" else role)
    actor = make.actor(agent)
    if role == "release_manager":
        actor = Actor(
            kind=actor.kind, ref=actor.ref, label=actor.label, agent_id=agent.pk,
            roles={here.pk: frozenset({role})},
        )  # fmt: skip
    assert refusals(actor, request) == ["only people sign"]
    with pytest.raises(NotAllowed):
        sign(request, actor)
    assert not signing.waiting_for(actor).exists()


def test_job__never_signs() -> None:
    request = ask(make.workspace())
    with pytest.raises(NotAllowed, match="Only people sign"):
        sign(request, make.JOB)


def test_key_of_a_person__signs_nothing() -> None:
    here = make.workspace()
    actor = person(here, "release_manager").actor
    by_key = Actor(
        kind="person", ref=actor.ref, label=actor.label, roles=actor.roles,
        user_id=actor.user_id, scopes=frozenset({"*"}), key_id=1,
    )  # fmt: skip
    request = ask(here)
    assert not services.may_sign(by_key, request)[0].may
    with pytest.raises(NotAllowed, match="not with a key"):
        sign(request, by_key)
    assert not signing.waiting_for(by_key).exists()


def test_superuser__only_by_break_glass__and_it_is_told() -> None:
    here = make.workspace()
    root = make.superuser()
    request = ask(here)
    with pytest.raises(NotAllowed):
        sign(request, make.actor(root))
    open_break_glass(here, actor=make.actor(root), reason="Nobody is awake.")
    actor = make.actor(root)
    [view] = services.may_sign(actor, request)
    assert (view.may, view.break_glass) == (True, True)
    assert sign(request, actor).status == "approved"
    decision = Decision.objects.get()
    assert (decision.break_glass, decision.as_role) == (True, "")
    event: Any = AuditEvent.objects.filter(action="approval.sign").latest("id")
    assert event.details["break_glass"] is True


def test_break_glass__opens_no_way_to_sign_what_one_made() -> None:
    here = make.workspace()
    root = make.superuser()
    open_break_glass(here, actor=make.actor(root), reason="Nobody is awake.")
    actor = make.actor(root)
    assert rules(actor, ask(here, producers=[root])) == ["producer"]
    assert rules(actor, ask(here, actor=actor)) == ["requester"]


def test_another_workspace__is_a_mismatch_and_invisible() -> None:
    here, there = make.workspace(), make.workspace()
    request, stranger = ask(here), person(there, "release_manager")
    for attempt in (
        lambda: sign(request, stranger),
        lambda: services.withdraw(request, actor=stranger.actor),
        lambda: services.revise(request, {"a": 1}, actor=stranger.actor),
        lambda: services.delegate(request, stranger.user, actor=stranger.actor, reason="x"),
    ):
        with pytest.raises(NotAllowed) as refused:
            attempt()
        assert refused.value.error_code == "WORKSPACE_MISMATCH"
    assert not Request.objects.visible_to(stranger.actor).exists()
    assert not Decision.objects.visible_to(stranger.actor).exists()
    assert now_of(request).version == request.version


def test_role_revoked_a_moment_ago__counts_no_more() -> None:
    """What the actor carries was read when the request for it began."""
    here = make.workspace()
    manager = person(here, "release_manager", "viewer")
    request = ask(here)
    member = make.membership(manager.user, here)
    grant = member.grants.get(role="release_manager", revoked_at=None)
    access.revoke_role(grant, actor=make.JOB)
    assert services.may_sign(manager.actor, request)[0].may
    with pytest.raises(NotAllowed, match="no longer held"):
        sign(request, manager)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"verdict": "maybe"}, "verdict"),
        ({"sha256": ""}, "sha256"),
        ({"sha256": "a" * 65}, "sha256"),
        ({"slot": "no-such"}, "slot"),
        ({"comment": "a\0b"}, "comment"),
        ({"comment": "\ud800"}, "comment"),
        ({"comment": "x" * 5_001}, "comment"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_bad_input__is_named(given: dict[str, Any], field: str) -> None:
    here = make.workspace()
    request, manager = ask(here), person(here, "release_manager")
    with pytest.raises(Invalid) as refused:
        sign(request, manager, given.pop("verdict", "approved"), **given)
    assert list(refused.value.details) == [field]
    assert now_of(request).status == "open"


def test_expired__before_the_timer_rang__is_expired_by_the_attempt() -> None:
    here = make.workspace()
    request, manager = ask(here), person(here, "release_manager")
    request = approvals.rewind(request, timedelta(days=8))
    assert refusals(manager.actor, request) == ["it has expired"]
    with pytest.raises(Conflict, match="expired before"):
        sign(request, manager)
    assert now_of(request).status == "expired"
    assert not Decision.objects.exists()


# --- Whose agent asked --------------------------------------------------------------------------


def test_owner_of_the_agent__counts_as_who_asked() -> None:
    here = make.workspace()
    owner, other = person(here, "release_manager"), person(here, "release_manager")
    agent = make.agent(here, role="planner", owner=owner.user)
    asked = ask(here, actor=make.actor(agent))
    assert refusals(owner.actor, asked) == ["your agent asked for it"]
    assert rules(owner.actor, asked) == ["requester"]
    assert asked not in services.waiting_for(owner.actor)
    assert signing.people_asked(asked) == [other.user.pk]
    with pytest.raises(NotAllowed, match="Your agent asked for it"):
        sign(asked, owner)
    services.delegate(
        None, other.user, actor=owner.actor, workspace=here, reason="Away", role="release_manager",
        until=clock.now() + timedelta(days=1),
    )  # fmt: skip
    assert sign(asked, other).status == "approved"
    assert Decision.objects.get().delegated_from is None
    mine = policy(here, slot("release", "release_manager", requester_may=True))
    assert sign(ask(here, actor=make.actor(agent), policy=mine), owner).status == "approved"


def test_owner_of_the_agent__that_made_or_revised_it__counts_too() -> None:
    here = make.workspace()
    owner = person(here, "release_manager")
    agent = make.agent(here, role="planner", owner=owner.user)
    assert rules(owner.actor, ask(here, producers=[agent])) == ["requester"]
    mine = policy(here, slot("release", "release_manager", requester_may=True), slug="own")
    by_another = ask(here, policy=mine)
    assert rules(owner.actor, by_another) == [""]
    first = ask(here)
    revised = services.revise(first, {"a": 1}, actor=make.actor(agent), vouched=True)
    assert rules(owner.actor, revised) == ["requester"]
    agent.owner = None
    agent.save()
    assert rules(owner.actor, revised) == ["requester"]  # giving it away changes nothing


def test_agent__handed_on_before_it_asks__still_made_it_for_who_had_it() -> None:
    here = make.workspace()
    before, after = person(here, "release_manager"), person(here, "release_manager")
    long_ago = person(here, "release_manager")
    agent = make.agent(here, role="planner", owner=long_ago.user)
    change_agent(agent, actor=make.JOB, owner=before.user)
    item = work.create_item(work.ensure_operations_project(here, actor=make.JOB),
                            actor=make.JOB, title="Ship it")  # fmt: skip
    change_agent(agent, actor=make.JOB, owner=after.user)
    for asked in (ask(here, actor=make.actor(agent), item=item),
                  ask(here, producers=[agent], item=item)):  # fmt: skip
        assert rules(before.actor, asked) == rules(after.actor, asked) == ["requester"]
        assert rules(long_ago.actor, asked) == [""]
    other = make.workspace()
    assert rules(person(other, "release_manager").actor, asked) == ["policy"]


def test_agent__who_had_it_is_kept_by_the_database__whoever_writes() -> None:
    here = make.workspace()
    owner, later = person(here, "release_manager"), person(here, "release_manager")
    agent = make.agent(here, role="planner", owner=owner.user)
    Agent.objects.filter(pk=agent.pk).update(owner=later.user, owners_before=[])
    Agent.objects.filter(pk=agent.pk).update(owners_before=[])
    agent.refresh_from_db()
    assert [each["user"] for each in agent.owners_before] == [owner.user.pk]
    agent.save()  # nobody else: nothing is added
    since = clock.now() - timedelta(hours=1)
    rows = Agent.objects.filter(pk=agent.pk)
    assert rows.answered_for_by(since) == sorted([owner.user.pk, later.user.pk])
    assert rows.answered_for_by(clock.now() + timedelta(hours=1)) == [later.user.pk]
