"""`mission_approvals`, and how fast consent comes."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from controlplane.access.models import Workspace
from controlplane.approvals import kpis, services
from controlplane.base import registries
from controlplane.lib import clock
from tests import make
from tests.kit import approvals, roles, settled
from tests.kit.approvals import ask, now_of, person, policy, sign, slot

pytestmark = pytest.mark.django_db


@settled.once
def here() -> Workspace:
    return make.workspace()


def rows(*columns: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(columns)} FROM mission_approvals ORDER BY ref, slot, instance"
        )
        return list(cursor.fetchall())


# --- The view ------------------------------


def test_view__a_row_for_every_signature_that_is_wanted(here: Workspace) -> None:
    pair = policy(
        here, slot("gv", "governance_validator"), slot("oc", "operations_command", count=2),
        slug="plan_approval_packet",
    )  # fmt: skip
    packet = {
        "mission": "MIS-7", "mission_play": "play-2", "undo_plan": {"window_minutes": 15},
        "summary": "Enrich 200 contacts",
    }  # fmt: skip
    request = ask(here, policy=pair, packet=packet)
    validator = person(here, "governance_validator")
    sign(request, validator, comment="Safeguards hold.")
    assert rows("slot", "instance", "status", "approver_id", "approver_role", "rationale") == [
        ("gv", 1, "approved", validator.user.pk, "governance_validator", "Safeguards hold."),
        ("oc", 1, "requested", None, "operations_command", None),
        ("oc", 2, "requested", None, "operations_command", None),
    ]
    [first, *_] = rows(
        "mission", "mission_play", "checkpoint", "due_at", "decision_at", "packet_hash", "ref"
    )
    decision = request.decisions.get()
    assert first == (
        "MIS-7", "play-2", "plan_approval_packet", request.due_at, decision.decided_at,
        request.sha256, request.ref,
    )  # fmt: skip


def test_view__states_of_the_playbook(here: Workspace) -> None:
    manager, receiver = person(here, "release_manager"), person(here, "viewer")
    services.delegate(ask(here), receiver.user, actor=manager.actor, reason="away")
    services.expire(ask(here))
    sign(ask(here), manager, "rejected")
    services.void(sign(ask(here), manager), actor=make.JOB, reason="gone")
    assert [status for (status,) in rows("status")] == ["delegated", "expired", "rejected", "void"]


def test_view__nothing_is_counted_twice(here: Workspace) -> None:
    """Delegations, revisions and other requests beside it make no more rows."""
    manager = person(here, "release_manager")
    asker = person(here, "product_manager")
    request = ask(here, actor=asker.actor)
    for _ in range(3):
        services.delegate(request, person(here, "viewer").user, actor=manager.actor, reason="x")
    sign(services.revise(request, {"a": 1}, actor=asker.actor), manager)
    assert len(rows("id")) == 2
    assert sum(status == "approved" for (status,) in rows("status")) == 1


def test_view__any_packet__can_be_read(here: Workspace) -> None:
    ask(here, packet={})
    ask(here, packet={"mission": {"nested": [1.5, 10**18]}, "undo_plan": None, "é": '"\\'})
    assert len(rows("mission", "undo_plan", "metadata")) == 2


def test_view__is_the_portals_and_the_engineers_to_read(here: Workspace) -> None:
    ask(here)
    with roles.as_the_portal():
        assert len(rows("id")) == 1
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege(%s, 'mission_approvals', 'SELECT')", [roles.roles().reader]
        )
        assert cursor.fetchone() == (True,)


# --- Key figures ------------------------------


def queue(here: Workspace) -> kpis.Queue:
    now = clock.now() + timedelta(minutes=1)
    return kpis.queue(here.pk, now - timedelta(days=7), now)


def answered(here: Workspace, hours: float, verdict: str = "approved") -> None:
    request = approvals.rewind(ask(here), timedelta(hours=hours))
    sign(request, person(here, "release_manager"), verdict)


def test_nothing_asked__nothing_told(here: Workspace) -> None:
    assert queue(here) == kpis.Queue(0, None, None, 0, None, 0, 0)
    assert kpis.latency(here.pk, clock.now(), clock.now()).value is None


def test_latency__is_from_the_first_asking_to_the_answer(here: Workspace) -> None:
    for hours in (1, 2, 3, 4.5):
        answered(here, hours, "rejected" if hours == 3 else "approved")
    answered(make.workspace(), 100)
    found = queue(here)
    assert (found.decided, found.pending, found.breaches) == (4, 0, 1)
    assert found.p50_hours == pytest.approx(2.5, abs=0.01)
    assert found.p95_hours == pytest.approx(4.275, abs=0.01)


def test_queue_that_stands_still__is_told_beside_it(here: Workspace) -> None:
    answered(here, 0.5)
    approvals.rewind(ask(here), timedelta(hours=30))
    ask(here)
    found = queue(here)
    assert (found.decided, found.pending, found.late_pending) == (1, 2, 1)
    assert found.oldest_hours == pytest.approx(30, abs=0.1)
    now = clock.now() + timedelta(minutes=1)
    parts = kpis.latency(here.pk, now - timedelta(days=7), now)
    assert parts.note.startswith("2 pending, the oldest for 30.0 h; 1 later than 4 h")


def test_sent_back__is_no_answer__and_a_revision_goes_on_counting(here: Workspace) -> None:
    asker, manager = person(here, "product_manager"), person(here, "release_manager")
    request = approvals.rewind(ask(here, actor=asker.actor), timedelta(hours=6))
    sign(request, manager, "changes_requested")
    assert (queue(here).decided, queue(here).pending) == (0, 0)
    revised = services.revise(now_of(request), {"a": 1}, actor=asker.actor)
    assert (queue(here).decided, queue(here).pending, queue(here).late_pending) == (0, 1, 1)
    sign(revised, manager)
    found = queue(here)
    assert (found.decided, found.pending, found.late_decided) == (1, 0, 1)
    assert found.p95_hours == pytest.approx(6, abs=0.01)


@pytest.mark.parametrize("how", ["withdraw", "expire", "void"])
def test_what_was_never_answered__counts_as_neither(here: Workspace, how: str) -> None:
    request = ask(here)
    {
        "withdraw": lambda: services.withdraw(request, actor=make.JOB),
        "expire": lambda: services.expire(request),
        "void": lambda: services.void(request, actor=make.JOB, reason="gone"),
    }[how]()
    assert queue(here) == kpis.Queue(0, None, None, 0, None, 0, 0)


def test_approved_then_void__was_answered(here: Workspace) -> None:
    request = sign(ask(here), person(here, "release_manager"))
    services.void(request, actor=make.JOB, reason="gone")
    assert queue(here).decided == 1


def test_windows__each_answer_counts_in_one(here: Workspace) -> None:
    answered(here, 1)
    now = clock.now() + timedelta(minutes=1)
    days = [now - timedelta(days=n) for n in range(4)]
    counts = [kpis.queue(here.pk, start, end).decided for end, start in itertools.pairwise(days)]
    assert counts == [1, 0, 0]


def test_figures__are_on_the_board() -> None:
    for slug in ("decision_p95", "pending", "oldest", "breaches"):
        assert registries.kpis.get(f"approvals.{slug}") is not None
