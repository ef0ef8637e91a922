"""Reminders, escalation and expiry, by timers; and what clocks that were moved do to them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine

from controlplane.access.models import Workspace
from controlplane.approvals import services
from controlplane.approvals.models import Decision
from controlplane.audit.models import AuditEvent
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.notify.models import Notification
from tests import make
from tests.kit import approvals, settled
from tests.kit.approvals import ask, now_of, person, policy, ring, sign, slot

pytestmark = pytest.mark.django_db
TARGET, WEEK = timedelta(hours=4), timedelta(days=7)


@settled.once
def here() -> Workspace:
    return make.workspace()


def test_promises__are_made_with_the_request(here: Workspace) -> None:
    request = ask(here)
    promised = {name: row.due_at for name, row in approvals.timers_of(request).items()}
    assert promised == {
        "remind:50": request.requested_at + TARGET / 2,
        "escalate": request.requested_at + TARGET,
        "expire": request.requested_at + WEEK,
    }
    assert (request.due_at, request.expires_at) == (promised["escalate"], promised["expire"])


def test_policy__says_when(here: Workspace) -> None:
    own = policy(
        here, slot("release", "release_manager"), target_minutes=100, expires_minutes=600,
        remind_at=[90, 25],
    )  # fmt: skip
    request = ask(here, policy=own, due_at=clock.now() + timedelta(minutes=200))
    promised = approvals.timers_of(request)
    assert set(promised) == {"remind:25", "remind:90", "escalate", "expire"}
    assert promised["remind:25"].due_at - request.requested_at == pytest.approx(
        timedelta(minutes=50), abs=timedelta(seconds=1)
    )


def test_reminder__tells_who_could_sign_now(here: Workspace) -> None:
    asker = person(here, "release_manager")
    first, second = person(here, "release_manager"), person(here, "engineering_lead")
    two = policy(here, slot("release", "release_manager", "engineering_lead", count=2))
    request = sign(ask(here, actor=asker.actor, policy=two), first)
    ring(request, "remind:50")
    assert approvals.told("approval.reminder") == [second.user.email]


def test_reminder__with_nobody_to_sign__falls_to_the_admins_and_says_so(here: Workspace) -> None:
    admin = person(here, "workspace_admin")
    ring(ask(here), "remind:50")
    assert approvals.told("approval.reminder") == [admin.user.email]
    assert "Nobody holds" in Notification.objects.get(kind="approval.reminder").note


def test_escalation__at_the_end_of_the_target(here: Workspace) -> None:
    lead, manager = person(here, "vp_engineering"), person(here, "release_manager")
    request = ask(here)
    ring(request, "escalate")
    assert approvals.told("approval.escalated") == [lead.user.email]
    assert Notification.objects.get(kind="approval.escalated").urgency == "critical"
    assert AuditEvent.objects.filter(action="approval.escalate").count() == 1
    assert now_of(request).status == "open"
    assert sign(request, manager).status == "approved"


def test_expiry__ends_it_and_tells_both_sides(here: Workspace) -> None:
    asker, manager = person(here, "product_manager"), person(here, "release_manager")
    request = ask(here, actor=asker.actor)
    ring(request, "expire")
    done = now_of(request)
    assert (done.status, done.decided_at) == ("expired", None)
    assert done.closed_at is not None
    assert set(approvals.told("approval.ended")) == {asker.user.email, manager.user.email}
    assert not approvals.timers_of(request)


@pytest.mark.parametrize("name", ["remind:50", "escalate", "expire"])
def test_timer__that_rings_after_the_end__does_nothing(here: Workspace, name: str) -> None:
    """Taken back at the end; one that was already in some worker's hands finds it closed."""
    request = sign(ask(here), person(here, "release_manager"))
    assert not approvals.timers_of(request)
    key = f"approval:{request.uid}:{name}"
    Timer.objects.filter(key=key).update(state="waiting", finished_at=None)
    before = Notification.objects.count()
    ring(request, name)
    assert Timer.objects.get(key=key).state == "done"
    assert now_of(request).status == "approved"
    assert Notification.objects.count() == before


def test_timer__of_a_request_that_is_not_there__is_done(here: Workspace) -> None:
    request = ask(here)
    Timer.objects.filter(key=f"approval:{request.uid}:expire").update(payload={"request": 0})
    ring(request, "expire")
    assert now_of(request).status == "open"


# --- Revisions and delegation: the clock goes on ------------------------------


def test_revision__keeps_the_clock_and_gets_promises_of_its_own(here: Workspace) -> None:
    asker = person(here, "product_manager")
    request = approvals.rewind(ask(here, actor=asker.actor), timedelta(hours=3))
    revised = services.revise(request, {"a": 2}, actor=asker.actor)
    assert (revised.requested_at, revised.due_at) == (request.requested_at, request.due_at)
    assert revised.expires_at > request.expires_at
    # Half of the time was over before it was asked: nobody is reminded of that again.
    assert set(approvals.timers_of(revised)) == {"escalate", "expire"}
    assert not approvals.timers_of(request)
    assert revised.age_fraction() == pytest.approx(0.75, abs=0.01)
    assert (request.pace(), revised.pace()) == ("ageing", "ageing")


def test_late_revision__escalates_once_for_the_question(here: Workspace) -> None:
    asker, lead = person(here, "product_manager"), person(here, "vp_engineering")
    request = ask(here, actor=asker.actor)
    ring(request, "escalate")
    revised = services.revise(request, {"a": 2}, actor=asker.actor)
    ring(revised, "escalate")
    assert approvals.told("approval.escalated") == [lead.user.email]


def test_delegation__does_not_restart_the_clock(here: Workspace) -> None:
    manager, receiver = person(here, "release_manager"), person(here, "viewer")
    request = ask(here)
    before = {name: row.due_at for name, row in approvals.timers_of(request).items()}
    services.delegate(request, receiver.user, actor=manager.actor, reason="away")
    after = now_of(request)
    assert {name: row.due_at for name, row in approvals.timers_of(after).items()} == before
    assert (after.requested_at, after.due_at) == (request.requested_at, request.due_at)
    ring(request, "remind:50")
    assert receiver.user.email in approvals.told("approval.reminder")


# --- Clocks that were moved ------------------------------


def moved(by: timedelta) -> time_machine.travel:
    return time_machine.travel(datetime.now(tz=clock.now().tzinfo) + by, tick=True)


def test_clock_set_back__no_time_is_negative(here: Workspace) -> None:
    """The answer came before the question, as this machine's clock has it."""
    manager = person(here, "release_manager")
    request = ask(here)
    with moved(timedelta(hours=-2)):
        assert request.age_fraction() == 0
        assert request.pace() == "fresh"
        signed = sign(request, make.actor(manager.user))
    decision = Decision.objects.get()
    assert signed.decided_at == decision.decided_at == request.asked_at
    assert signed.closed_at == request.asked_at


def test_clock_set_back__expiry_holds_when_the_database_says_so(here: Workspace) -> None:
    """The promise rang by the database's clock; what this machine thinks does not matter."""
    request = ask(here)
    with moved(timedelta(days=-30)):
        Timer.objects.filter(key=f"approval:{request.uid}:expire").update(
            ready_at=clock.now() - timedelta(days=1)
        )
        ring(request, "expire")
    assert now_of(request).status == "expired"
    with moved(timedelta(days=-30)), pytest.raises(Exception, match="expired"):
        sign(request, person(here, "release_manager"))


def test_clock_set_forward__signing_is_refused_and_stays_refused(here: Workspace) -> None:
    manager = person(here, "release_manager")
    request = ask(here)
    with moved(timedelta(days=30)), pytest.raises(Exception, match="expired before"):
        sign(request, make.actor(manager.user))
    assert now_of(request).status == "expired"


def test_promise_of_an_earlier_time__is_made_again(here: Workspace) -> None:
    """A promise that was set for less than the row says does not end it early."""
    request = ask(here)
    key = f"approval:{request.uid}:expire"
    Timer.objects.filter(key=key).update(due_at=clock.now() - timedelta(hours=1))
    ring(request, "expire")
    assert now_of(request).status == "open"
    assert Timer.objects.get(key=key).due_at == request.expires_at
    assert Timer.objects.get(key=key).state == "waiting"
