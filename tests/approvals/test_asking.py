"""Asking, asking again, taking back; what is told to whom, and what the app that asks hears."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from controlplane.access.models import Workspace
from controlplane.approvals import owners, packets, services
from controlplane.approvals.models import Decision, Request
from controlplane.approvals.services import telling
from controlplane.audit.models import AuditEvent
from controlplane.base.models import Signal
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid, NotAllowed, NotFound
from controlplane.notify.models import OutboxMessage
from tests import make
from tests.kit import approvals, settled, work
from tests.kit.approvals import PACKET, ask, now_of, person, policy, sign, slot

pytestmark = pytest.mark.django_db


@settled.once
def here() -> Workspace:
    return make.workspace()


class Heard:
    """An app that asks, and writes down what it hears."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **hooks: Any) -> None:
        self.told: list[tuple[str, str, str]] = []
        given = {
            "on_decided": lambda request, actor: self.hear("decided", request, actor),
            "on_closed": lambda request, actor: self.hear("closed", request, actor),
            "free_packets": True,
            **hooks,
        }
        owner = owners.Owner("tests.app", "App", **given)
        monkeypatch.setitem(owners.OWNERS, owner.name, owner)

    def hear(self, how: str, request: Request, actor: Actor) -> None:
        self.told.append((how, request.status, actor.ref))


# --- Asking ------------------------------


def test_ask__keeps_what_the_policy_said_then(here: Workspace) -> None:
    chosen = policy(here, slot("release", "release_manager", count=2), slug="own")
    request = ask(here, policy="own")
    services.change_policy(
        chosen, actor=make.JOB, slots=[slot("anybody", "viewer")], target_minutes=1
    )
    stored = now_of(request)
    assert stored.policy_snapshot["slots"] == [slot("release", "release_manager", count=2)]
    assert (stored.policy_snapshot["version"], stored.policy_snapshot["slug"]) == (1, "own")
    assert [(row.slug, row.needed) for row in stored.slots.all()] == [("release", 2)]
    assert not services.may_sign(person(here, "viewer").actor, stored)[0].may
    assert (stored.ref, stored.revision, stored.status) == ("APR-1", 1, "open")


def test_ask__tells_the_signers_the_log_the_item_and_the_apps_above(here: Workspace) -> None:
    manager, lead = person(here, "release_manager"), person(here, "engineering_lead")
    person(here, "viewer")
    item = work.item(here)
    request = ask(here, actor=lead.actor, item=item)
    assert approvals.told("approval.asked") == [manager.user.email]
    approvals.speak()
    [said] = item.comments.all()
    assert (said.author, said.text) == (lead.user.email, "asked for consent, APR-1.")
    event: Any = AuditEvent.objects.get(action="approval.ask")
    assert (event.actor_ref, event.after["sha256"]) == (lead.actor.ref, request.sha256)
    assert "packet" not in event.after
    assert Signal.objects.get(kind="approvals.changed").payload["status"] == "open"
    sign(request, manager, "rejected", comment="Too early.")
    approvals.speak()
    assert [row.text for row in item.comments.order_by("id")][1:] == [
        "rejected APR-1 (Release): Too early."
    ]


def test_item__hears_once_however_often_it_is_delivered__and_nothing_when_it_is_gone(
    here: Workspace,
) -> None:
    item = work.item(here)
    request = ask(here, item=item)
    message = OutboxMessage.objects.get(topic=telling.TOPIC)
    assert [telling.say(message).kind for _ in range(2)] == ["accepted"] * 2
    assert [row.text for row in item.comments.all()] == [f"asked for consent, {request.ref}."]
    Request.objects.filter(pk=request.pk).update(item=None)
    assert telling.say(message).kind == "rejected"


def test_agent__asks_and_is_named(here: Workspace) -> None:
    agent = make.agent(here, role="planner", name="planner-1")
    request = ask(here, actor=make.actor(agent))
    assert (request.requested_by, request.requested_by_name) == (None, "planner-1")
    assert request.requested_by_ref == f"agent:{agent.pk}"
    assert sign(request, person(here, "release_manager")).status == "approved"


def test_ask__by_whom_and_where(here: Workspace) -> None:
    for actor in (person(here, "viewer").actor, person(make.workspace(), "release_manager").actor):
        with pytest.raises(NotAllowed):
            ask(here, actor=actor)
    asker = person(here, "product_manager").actor
    there = make.workspace()
    for given in ({"policy": policy(there)}, {"item": work.item(there)}):
        with pytest.raises(NotAllowed) as refused:
            ask(here, actor=asker, **given)
        assert refused.value.error_code == "WORKSPACE_MISMATCH"
    with pytest.raises(NotFound):
        ask(here, actor=asker, policy="no-such")
    assert not Request.objects.exists()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"title": " "}, "title"), ({"title": "x" * 201}, "title"), ({"title": "a\0"}, "title"),
        ({"owner": ""}, "owner"), ({"subject": ""}, "subject"), ({"packet": []}, "packet"),
        ({"producers": [None]}, "producers"), ({"producers": ["nobody"]}, "producers"),
        ({"producers": [True]}, "producers"),
    ],
    ids=str,
)  # fmt: skip
def test_bad_input__is_named(here: Workspace, given: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        ask(here, **given)
    assert list(refused.value.details) == [field]


def test_due__in_the_past__is_refused(here: Workspace) -> None:
    with pytest.raises(Invalid, match="past"):
        ask(here, due_at=clock.now() - timedelta(minutes=1))


def test_retired_policy__is_asked_no_more__what_was_asked_goes_on(here: Workspace) -> None:
    chosen = policy(here)
    request = ask(here, policy=chosen)
    services.retire_policy(chosen, actor=make.JOB)
    with pytest.raises(Conflict, match="out of use"):
        ask(here, policy=chosen.slug)
    assert sign(request, person(here, "release_manager")).status == "approved"


# --- Another packet ------------------------------


def test_revision__voids_the_last_and_shows_the_difference(here: Workspace) -> None:
    asker, manager = person(here, "product_manager"), person(here, "release_manager")
    two = policy(here, slot("release", "release_manager", count=2))
    request = sign(ask(here, actor=asker.actor, policy=two), manager)
    read = request.sha256
    revised = services.revise(request, {**PACKET, "percent": 50}, actor=asker.actor)
    assert (request.status, revised.status, revised.revision) == ("void", "open", 2)
    assert (revised.question, revised.supersedes_id) == (request.question, request.pk)
    assert request.decisions.count() == 1
    assert revised.slots.get().signed == 0
    late = person(here, "release_manager")
    for asked, sha256 in ((request, read), (revised, read), (revised, "0" * 64)):
        with pytest.raises(Conflict) as refused:
            sign(asked, late, sha256=sha256)
        assert refused.value.error_code == "PACKET_CHANGED"
        current = refused.value.details["current"]
        assert (current["ref"], current["sha256"]) == (revised.ref, revised.sha256)
        if sha256 == read:
            assert refused.value.details["diff"] == [
                {"path": "percent", "kind": "changed", "before": 10, "after": 50}
            ]
    assert Decision.objects.count() == 1
    # Whoever signed the last packet may sign this one: it is another.
    assert sign(sign(revised, manager), late).status == "approved"


def test_revision__of_the_same_packet_is_none(here: Workspace) -> None:
    asker = person(here, "product_manager")
    request = ask(here, actor=asker.actor)
    same = {"regions": ["eu"], "percent": 10.0, "summary": "Turn it on"}
    assert services.revise(request, same, actor=asker.actor).pk == request.pk
    assert Request.objects.count() == 1


def test_revision__by_another__makes_them_a_producer(here: Workspace) -> None:
    asker, manager = person(here, "product_manager"), person(here, "release_manager")
    request = ask(here, actor=asker.actor)
    with pytest.raises(NotAllowed, match="only whoever asked"):
        services.revise(request, {"a": 1}, actor=manager.actor)
    revised = services.revise(request, {"a": 1}, actor=manager.actor, vouched=True)
    assert revised.requested_by == asker.user
    assert [view.rule for view in services.may_sign(manager.actor, revised)] == ["producer"]


def test_sent_back__is_asked_again_under_the_same_question(here: Workspace) -> None:
    asker, manager = person(here, "product_manager"), person(here, "release_manager")
    request = sign(ask(here, actor=asker.actor), manager, "changes_requested", comment="Less.")
    revised = services.revise(request, {**PACKET, "percent": 5}, actor=asker.actor)
    assert (now_of(request).status, revised.requested_at) == (
        "changes_requested", request.requested_at,
    )  # fmt: skip
    with pytest.raises(Conflict, match="later revision"):
        services.revise(request, {"a": 1}, actor=asker.actor)
    assert sign(revised, manager).status == "approved"


@pytest.mark.parametrize("ended", ["approved", "rejected", "expired", "withdrawn"])
def test_answered_or_ended__is_asked_anew(here: Workspace, ended: str) -> None:
    asker, manager = person(here, "product_manager"), person(here, "release_manager")
    request = ask(here, actor=asker.actor)
    if ended in {"approved", "rejected"}:
        sign(request, manager, ended)
    elif ended == "expired":
        services.expire(request)
    else:
        services.withdraw(request, actor=asker.actor)
    with pytest.raises(Conflict, match="Ask anew"):
        services.revise(request, {"a": 1}, actor=asker.actor)


def test_approved_and_void__is_asked_anew(here: Workspace) -> None:
    asker = person(here, "product_manager")
    request = sign(ask(here, actor=asker.actor), person(here, "release_manager"))
    voided = services.void(request, actor=make.JOB, reason="Its subject moved on.")
    assert voided.decided_at is not None
    with pytest.raises(Conflict, match="Ask anew"):
        services.revise(voided, {"a": 1}, actor=asker.actor)


# --- Taking back ------------------------------


def test_withdraw__is_for_whoever_asked_and_who_manages(here: Workspace) -> None:
    asker, manager = person(here, "product_manager"), person(here, "release_manager")
    admin = person(here, "workspace_admin")
    with pytest.raises(NotAllowed, match="only whoever asked"):
        services.withdraw(ask(here, actor=asker.actor), actor=manager.actor)
    for actor in (asker.actor, admin.actor):
        done = services.withdraw(ask(here, actor=asker.actor), actor=actor, reason="Not now.")
        assert (done.status, done.reason, done.decided_at) == ("withdrawn", "Not now.", None)
        with pytest.raises(Conflict):
            services.withdraw(done, actor=actor)
    assert approvals.told("approval.ended").count(manager.user.email) == 2


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "a\0"])
def test_void__says_why(here: Workspace, reason: str) -> None:
    request = ask(here)
    for verb in (services.void, services.supersede):
        with pytest.raises(Invalid):
            verb(request, actor=make.JOB, reason=reason)
    assert now_of(request).status == "open"


# --- The app that asks ------------------------------


@pytest.mark.parametrize("verdict", ["approved", "rejected", "changes_requested"])
def test_owner__hears_an_answer_once_it_is_one(
    here: Workspace, monkeypatch: pytest.MonkeyPatch, verdict: str
) -> None:
    app = Heard(monkeypatch)
    two = policy(here, slot("release", "release_manager", count=2))
    request = sign(ask(here, policy=two, owner="tests.app"), person(here, "release_manager"))
    assert app.told == []
    last = person(here, "release_manager")
    sign(request, last, verdict)
    assert app.told == [("decided", verdict, last.actor.ref)]


def test_owner__hears_of_other_ends(here: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    app = Heard(monkeypatch)
    asker = person(here, "product_manager").actor
    services.withdraw(ask(here, owner="tests.app", actor=asker), actor=asker)
    services.expire(ask(here, owner="tests.app"))
    services.void(ask(here, owner="tests.app"), actor=make.JOB, reason="gone")
    services.supersede(ask(here, owner="tests.app"), actor=make.JOB, reason="gone")
    # A revision is the owner's own doing, or its packet's alone.
    services.revise(ask(here, owner="tests.app", actor=asker), {"a": 1}, actor=asker)
    assert [status for _, status, _ in app.told] == ["withdrawn", "expired", "void", "superseded"]
    assert {how for how, _, _ in app.told} == {"closed"}


def test_owner__that_fails__undoes_the_answer(
    here: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(request: Request, actor: Actor) -> None:
        raise Conflict("The flag is gone.")

    Heard(monkeypatch, on_decided=fail)
    manager = person(here, "release_manager")
    request = ask(here, owner="tests.app")
    with pytest.raises(Conflict, match="The flag is gone"):
        sign(request, manager)
    stored = now_of(request)
    assert (stored.status, stored.version, stored.decisions.count()) == ("open", 1, 0)
    assert stored.slots.get().signed == 0
    assert set(approvals.timers_of(stored)) == {"remind:50", "escalate", "expire"}
    assert not AuditEvent.objects.filter(action="approval.sign").exists()


@pytest.mark.parametrize(
    ("stands", "reason"),
    [
        ({**PACKET, "percent": 11}, "Its subject changed meanwhile."),
        (None, "What was asked about is gone."),
    ],
    ids=["changed", "gone"],
)
def test_subject_that_moved_on__cannot_be_approved_and_the_request_is_void(
    here: Workspace, monkeypatch: pytest.MonkeyPatch, stands: Any, reason: str
) -> None:
    app = Heard(monkeypatch, current_packet=lambda request: stands)
    manager = person(here, "release_manager")
    request = ask(here, owner="tests.app")
    with pytest.raises(Conflict) as refused:
        sign(request, manager)
    assert refused.value.error_code == "PACKET_CHANGED"
    assert refused.value.details["diff"]
    stored = now_of(request)
    assert (stored.status, stored.reason) == ("void", reason)
    assert not stored.decisions.exists()
    assert [status for _, status, _ in app.told] == ["void"]
    # Whoever says no need not know that it moved on.
    other = ask(here, owner="tests.app")
    assert sign(other, manager, "rejected").status == "rejected"


def test_subject__spelt_otherwise_is_the_same(
    here: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = {"regions": ("eu",), "summary": "Turn it on", "percent": 10.0}
    Heard(monkeypatch, current_packet=lambda request: same)
    done = sign(ask(here, owner="tests.app"), person(here, "release_manager"))
    assert done.status == "approved"


def test_packet_of_an_app__is_changed_by_changing_its_subject(
    here: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    Heard(monkeypatch, free_packets=False)
    asker = person(here, "product_manager").actor
    request = ask(here, owner="tests.app", actor=asker)
    with pytest.raises(Conflict, match="its packet follows"):
        services.revise(request, {"a": 1}, actor=asker)
    assert services.revise(request, {"a": 1}, actor=asker, vouched=True).revision == 2


def test_owner__that_this_release_lost__can_still_be_answered(here: Workspace) -> None:
    request = ask(here, owner="of.another.release")
    assert owners.link(request) == ""
    assert sign(request, person(here, "release_manager")).status == "approved"
    assert packets.digest(request.packet_text) == request.sha256


def test_owner__registers_once() -> None:
    with pytest.raises(ValueError, match="two owners"):
        owners.register("by_hand", label="Another")


def test_behind__whose_it_is__counts_as_who_asked__whoever_asked(here: Workspace) -> None:
    roles = ("release_manager", "engineering_lead")
    owner, other = person(here, *roles), person(here, *roles)
    agent = make.agent(here, role="coordinator", owner=other.user)
    own = slot("own", "release_manager", requester_may=True)
    chosen = policy(here, own, slot("lead", "engineering_lead"))
    request = ask(here, policy=chosen, behind=[owner.user, f"agent:{agent.pk}"])

    def may(actor: Actor) -> list[bool]:
        return [view.may for view in services.may_sign(actor, request)]

    assert may(owner.actor) == may(other.actor) == [True, False]
    # The owner asks again: it is theirs, and they have made nothing they may not sign.
    request = services.revise(
        request, {"n": 2}, actor=owner.actor, vouched=True, behind=[owner.user]
    )
    assert may(owner.actor) == [True, False]
    stranger = person(here, *roles)
    request = services.revise(request, {"n": 3}, actor=stranger.actor, vouched=True)
    assert may(stranger.actor) == [False, False]
    with pytest.raises(Invalid):
        ask(here, policy=chosen, behind=["somebody"])
