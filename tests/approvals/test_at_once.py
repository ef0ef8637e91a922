"""Two in the same moment: real threads with real connections, let go together."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection

from controlplane.approvals import owners, services
from controlplane.approvals.models import Decision, Delegation, Policy, Request
from controlplane.approvals.services import closing, promises
from controlplane.audit.models import AuditEvent
from controlplane.base.models import Signal
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, ControlPlaneError, InvalidTransition
from tests import make
from tests.approvals.test_api import caller, path, yes
from tests.kit import approvals
from tests.kit.approvals import ask, now_of, person, policy, sign, slot
from tests.kit.racing import race

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.servers, pytest.mark.slow]
ROUNDS = 4


def failures(results: list[Any]) -> list[str]:
    """What was refused; anything that is no refusal is a failure of the test."""
    wrong = [
        result
        for result in results
        if isinstance(result, Exception) and not isinstance(result, ControlPlaneError)
    ]
    assert not wrong, wrong
    return [result.error_code for result in results if isinstance(result, ControlPlaneError)]


def crowd(here: Any, role: str, number: int) -> list[Actor]:
    return [person(here, role).actor for _ in range(number)]


def _signs(request: Request, people: Any, verdicts: Any, n: int) -> Request:
    return sign(request, people[n], verdicts[n])


def whole(request: Request) -> None:
    """Everything that tells of a request tells the same."""
    row = now_of(request)
    decisions = list(Decision.objects.filter(request=row))
    for place in row.slots.all():
        mine = [one for one in decisions if one.slot_id == place.pk and one.verdict == "approved"]
        assert len(mine) == place.signed <= place.needed
        assert sorted(one.instance for one in mine) == list(range(1, place.signed + 1))
    signed = AuditEvent.objects.filter(
        action="approval.sign", subject_ref=f"approvals.request:{row.pk}", outcome="done"
    )
    assert signed.count() == len(decisions)
    if row.status != "open":
        assert not approvals.timers_of(row)


@pytest.mark.parametrize("needed", [1, 2, 3])
def test_approvers_in_the_same_second__as_many_as_are_needed(needed: int) -> None:
    here = make.workspace()
    chosen = policy(here, slot("release", "release_manager", count=needed))
    people = crowd(here, "release_manager", 5)
    for _ in range(ROUNDS):
        request = ask(here, policy=chosen)
        results = race(5, partial(_signs, request, people, ("approved",) * 5))
        assert len(failures(results)) == 5 - needed
        assert now_of(request).status == "approved"
        assert Decision.objects.filter(request=request).count() == needed
        news = Signal.objects.filter(kind="approvals.changed", payload__uid=str(request.uid))
        assert [row.payload["status"] for row in news.order_by("id")] == ["open", "approved"]
        whole(request)


def test_one_person_with_many_hands__signs_once() -> None:
    here = make.workspace()
    chosen = policy(here, slot("a", "release_manager", count=2), slot("b", "release_manager"))
    me = person(here, "release_manager").actor
    request = ask(here, policy=chosen)
    results = race(6, lambda n: sign(request, me, slot="ab"[n % 2]))
    assert len(failures(results)) == 5
    assert Decision.objects.filter(request=request).count() == 1
    whole(request)


def test_yes_and_no__whoever_was_first_is_heard_and_nobody_is_lost() -> None:
    here = make.workspace()
    people = crowd(here, "release_manager", 4)
    verdicts = ("approved", "rejected", "changes_requested", "approved")
    seen: Counter[str] = Counter()
    for _ in range(ROUNDS * 2):
        request = ask(here)
        results = race(4, partial(_signs, request, people, verdicts))
        assert len(failures(results)) == 3
        row = now_of(request)
        [decision] = Decision.objects.filter(request=request)
        assert decision.verdict == row.status
        seen[row.status] += 1
        whole(request)
    assert sum(seen.values()) == ROUNDS * 2


@pytest.mark.parametrize("ending", ["withdraw", "revise", "expire", "void", "supersede"])
def test_decide_and_an_end__one_of_them_happened(ending: str) -> None:
    here = make.workspace()
    asker = person(here, "product_manager").actor
    people = crowd(here, "release_manager", 2)
    ends: dict[str, Callable[[Request], Any]] = {
        "withdraw": lambda row: services.withdraw(row, actor=asker),
        "revise": lambda row: services.revise(row, {"a": "new"}, actor=asker),
        "expire": closing.expire,
        "void": lambda row: services.void(row, actor=make.JOB, reason="moved on"),
        "supersede": lambda row: services.supersede(row, actor=make.JOB, reason="another"),
    }
    outcomes: Counter[str] = Counter()
    for _ in range(ROUNDS):
        request = ask(here, actor=asker)

        def act(n: int, request: Request = request) -> Any:
            return sign(request, people[n]) if n < 2 else ends[ending](now_of(request))

        results = race(3, act)
        failures(results)
        row = now_of(request)
        outcomes[row.status] += 1
        signed = Decision.objects.filter(request=request).count()
        # Whoever signed first was heard, also if it was ended afterwards.
        assert signed == (1 if row.status == "approved" or row.decided_at else 0)
        assert row.status != "open"
        whole(request)
        newest = Request.objects.filter(question=request.question).order_by("-revision")[0]
        if newest.pk != request.pk:
            assert (newest.status, newest.revision) == ("open", 2)
            whole(newest)
    assert sum(outcomes.values()) == ROUNDS


def test_revisers_at_once__one_chain() -> None:
    here = make.workspace()
    asker = person(here, "product_manager").actor
    request = ask(here, actor=asker)
    results = race(5, lambda n: services.revise(request, {"n": n}, actor=asker))
    assert len(failures(results)) == 4
    chain = Request.objects.filter(question=request.question).order_by("revision")
    assert [(row.revision, row.status) for row in chain] == [(1, "void"), (2, "open")]


def test_timer_and_signer__the_same_moment() -> None:
    here = make.workspace()
    manager = person(here, "release_manager").actor
    for _ in range(ROUNDS):
        request = ask(here)

        def act(n: int, request: Request = request) -> Any:
            return sign(request, manager) if n else approvals.ring(request, "expire")

        results = race(2, act)
        failures(results)
        row = now_of(request)
        assert row.status in {"approved", "expired"}
        assert Decision.objects.filter(request=row).count() == (row.status == "approved")
        whole(row)


def test_lender_and_borrower__one_right_is_used_once() -> None:
    here = make.workspace()
    chosen = policy(here, slot("release", "release_manager", count=2))
    giver, receiver = person(here, "release_manager"), person(here, "viewer")
    for _ in range(ROUNDS):
        request = ask(here, policy=chosen)
        services.delegate(request, receiver.user, actor=giver.actor, reason="in a meeting")
        pair = [giver.actor, receiver.actor]
        results = race(2, partial(_signs, request, pair, ("approved",) * 2))
        assert len(failures(results)) == 1
        assert Decision.objects.filter(request=request).count() == 1
        assert now_of(request).status == "open"
        whole(request)


def test_ended_delegation_and_signer__the_same_moment() -> None:
    here = make.workspace()
    giver, receiver = person(here, "release_manager"), person(here, "viewer")
    request = ask(here)
    row = services.delegate(request, receiver.user, actor=giver.actor, reason="in a meeting")
    results = race(
        2,
        lambda n: sign(request, receiver) if n else services.end_delegation(row, actor=giver.actor),
    )
    failures(results)
    assert Delegation.objects.get().ended_at is not None
    signed = Decision.objects.filter(request=request).count()
    assert now_of(request).status == ("approved" if signed else "open")


def test_askers_at_once__numbers_and_a_shipped_policy_once() -> None:
    here = make.workspace()
    Policy.objects.filter(workspace=here, slug="flag_change").delete()
    actor = person(here, "product_manager").actor
    results = race(4, lambda n: ask(here, actor=actor, subject=f"tests:{n}"))
    assert failures(results) == []
    assert sorted(row.number for row in results) == [1, 2, 3, 4]
    assert Policy.objects.filter(workspace=here, slug="flag_change").count() == 1


# --- The subject and its request ------------------------------


@pytest.fixture
def subject(monkeypatch: pytest.MonkeyPatch) -> Any:
    """An app with rows of its own: a policy's name stands for what is changed."""

    def hold(request: Request) -> None:
        Policy.objects.select_for_update().get(pk=int(request.subject.split(":")[1]))

    def stands(request: Request) -> dict[str, Any]:
        return {"about": Policy.objects.get(pk=int(request.subject.split(":")[1])).about}

    owner = owners.Owner("tests.things", "Things", current_packet=stands, hold=hold)
    monkeypatch.setitem(owners.OWNERS, owner.name, owner)
    return owner


def test_subject_changed_while_signing__nobody_signs_what_does_not_stand(subject: Any) -> None:
    """An edit takes the subject's lock and then voids the request; a signer takes them in the
    same order. Neither waits for the other for ever, and an approval is of what stands."""
    from django.db import transaction

    here = make.workspace()
    thing = policy(here, slug="thing")
    actor = person(here, "product_manager").actor
    managers = crowd(here, "release_manager", 2)
    words = itertools.count()
    for _ in range(ROUNDS * 2):
        about = f"v{next(words)}"
        Policy.objects.filter(pk=thing.pk).update(about=about)
        request = ask(
            here, actor=actor, owner=subject.name, subject=f"tests:{thing.pk}",
            packet={"about": about},
        )  # fmt: skip

        def act(n: int, request: Request = request) -> Any:
            if n:
                return sign(request, managers[n - 1])
            with transaction.atomic():
                row = Policy.objects.select_for_update().get(pk=thing.pk)
                Policy.objects.filter(pk=row.pk).update(about="changed")
                stored = Request.objects.get(pk=request.pk)
                if stored.status == "open":
                    services.void(stored, actor=make.JOB, reason="edited")
            return None

        results = race(3, act)
        codes = failures(results)
        assert not [result for result in results if isinstance(result, InvalidTransition)]
        row = now_of(request)
        assert row.status in {"approved", "void"}
        assert codes.count("CONFLICT") + codes.count("PACKET_CHANGED") == len(codes)
        assert Decision.objects.filter(request=row).count() == (row.status == "approved")
        whole(row)
    assert connection.vendor == "postgresql"


def test_subject_changed_by_one_who_tells_nobody__refused_with_the_difference_and_void(
    subject: Any,
) -> None:
    here = make.workspace()
    thing = policy(here, slug="thing", about="as asked")
    managers = crowd(here, "release_manager", 3)
    request = ask(
        here, owner=subject.name, subject=f"tests:{thing.pk}", packet={"about": "as asked"}
    )
    Policy.objects.filter(pk=thing.pk).update(about="by hand")
    results = race(3, lambda n: sign(request, managers[n]))
    assert len(failures(results)) == 3
    changed = [error for error in results if error.error_code == "PACKET_CHANGED"]
    assert len(changed) == 1
    assert isinstance(changed[0], Conflict)
    assert changed[0].details["diff"] == [
        {"path": "about", "kind": "changed", "before": "as asked", "after": "by hand"}
    ]
    row = now_of(request)
    assert (row.status, row.reason) == ("void", "Its subject changed meanwhile.")
    assert not Decision.objects.filter(request=row).exists()
    assert not approvals.timers_of(row)
    assert promises.EXPIRE


def test_two_approvers__in_the_same_second__over_http() -> None:
    here = make.workspace()
    request = ask(here)
    callers = [caller(here, "release_manager") for _ in range(3)]
    answers = race(3, lambda n: callers[n].post(path(request, "/decide"), yes(request)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert Decision.objects.filter(request=request).count() == 1
