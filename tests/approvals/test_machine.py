"""Any course of asking, signing, revising, lending, waiting: the request is what a naive model of
the rules says, history only grows, and the database agrees with itself."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from django.db import transaction
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from controlplane.approvals import services, signing
from controlplane.approvals.models import Decision, Request, RequestSlot
from controlplane.lib.errors import ControlPlaneError
from tests import make
from tests.kit import approvals
from tests.kit.approvals import now_of, person, policy, slot

ROLES = ("governance_validator", "operations_command", "telemetry_analyst")
CAST = (
    ("governance_validator",),
    ("governance_validator", "operations_command"),
    ("operations_command",),
    ("telemetry_analyst",),
    ("telemetry_analyst", "governance_validator"),
    ("viewer",),
)
SLOTS = st.lists(
    st.tuples(
        st.sets(st.sampled_from(ROLES), min_size=1, max_size=2),
        st.integers(1, 2),
        st.booleans(),
    ),
    min_size=1,
    max_size=3,
)
SOMEBODY = st.integers(0, len(CAST) - 1)
ASKERS = st.integers(0, len(CAST) - 2)  # viewers ask for nothing
REVISABLE = frozenset({"open", "changes_requested", "void"})
VERDICT = st.sampled_from(["approved"] * 5 + ["rejected", "changes_requested"])


class Walk(RuleBasedStateMachine):
    """The model: per question, who signed which revision in which slot, told from the rules."""

    @initialize(slots=SLOTS, in_order=st.booleans(), requester=ASKERS, producer=SOMEBODY)
    def begin(self, slots: Any, in_order: bool, requester: int, producer: int) -> None:
        self.point = transaction.savepoint()
        self.here = make.workspace()
        self.people = [person(self.here, *roles) for roles in CAST]
        self.slots = [
            slot(f"s{n}", *sorted(roles), count=count, requester_may=may)
            for n, (roles, count, may) in enumerate(slots)
        ]
        self.in_order = in_order
        chosen = policy(self.here, *self.slots, order="in_order" if in_order else "parallel")
        self.requester, self.producers = requester, {producer}
        self.row = approvals.ask(
            self.here, policy=chosen, actor=self.people[requester].actor,
            producers=[self.people[producer].user], packet={"n": 0},
        )  # fmt: skip
        self.first = self.row
        self.status, self.revision = "open", 1
        self.signed: list[tuple[int, int, int | None]] = []  # (person, slot, for whom)
        self.lent: dict[int, list[int]] = {}  # to -> from, in the order it was lent
        self.kept: dict[int, tuple[Any, ...]] = {}  # decisions as first seen

    # --- The model ----------------------------------------------------------------------------

    def turn(self, n: int) -> bool:
        full = [self.count(k) >= self.slots[k]["count"] for k in range(len(self.slots))]
        return not full[n] and (not self.in_order or all(full[:n]))

    def count(self, n: int) -> int:
        return sum(1 for _, place, _ in self.signed if place == n)

    def spent(self, who: int) -> bool:
        return any(who in (person, giver) for person, _, giver in self.signed)

    def eligible(self, who: int, n: int) -> bool:
        """By a role of their own, not having made or (mostly) asked for it."""
        asked = who == self.requester and not self.slots[n]["requester_may"]
        return (
            bool(set(CAST[who]) & set(self.slots[n]["roles"]))
            and who not in self.producers
            and not asked
            and not self.spent(who)
        )

    def may(self, who: int, n: int) -> tuple[bool, int | None]:
        """Whether, and for whom: oneself first, then whoever lent it."""
        if self.status != "open" or not self.turn(n):
            return False, None
        if who in self.producers or self.spent(who):
            return False, None
        if who == self.requester and not self.slots[n]["requester_may"]:
            return False, None
        if self.eligible(who, n):
            return True, None
        for giver in self.lent.get(who, []):
            if self.eligible(giver, n):
                return True, giver
        return False, None

    # --- What anybody may try -----------------------------------------------------------------

    @rule(who=SOMEBODY, verdict=VERDICT)
    def decide(self, who: int, verdict: str) -> None:
        places = [n for n in range(len(self.slots)) if self.may(who, n)[0]]
        giver = self.may(who, places[0])[1] if places else None
        try:
            with transaction.atomic():
                self.row = approvals.sign(now_of(self.row), self.people[who], verdict)
        except ControlPlaneError:
            assert not places, (who, verdict, self.signed)
            return
        assert places
        if verdict != "approved":
            self.status = verdict
            return
        self.signed.append((who, places[0], giver))
        if all(self.count(n) == self.slots[n]["count"] for n in range(len(self.slots))):
            self.status = "approved"

    @rule(who=SOMEBODY, verdict=VERDICT)
    def decide_on_another_packet(self, who: int, verdict: str) -> None:
        with pytest.raises(ControlPlaneError), transaction.atomic():
            approvals.sign(now_of(self.row), self.people[who], verdict, sha256="0" * 64)

    @precondition(lambda self: self.revision > 1)
    @rule(who=SOMEBODY)
    def decide_on_an_old_revision(self, who: int) -> None:
        with pytest.raises(ControlPlaneError), transaction.atomic():
            approvals.sign(now_of(self.first), self.people[who])

    @rule(who=SOMEBODY)
    def revise(self, who: int) -> None:
        free = self.status in REVISABLE and who == self.requester
        try:
            with transaction.atomic():
                packet = {"n": self.revision}
                self.row = services.revise(self.row, packet, actor=self.people[who].actor)
        except ControlPlaneError:
            assert not free
            return
        assert free
        self.status, self.signed = "open", []
        self.revision += 1

    @rule(who=SOMEBODY)
    def revise_for_another(self, who: int) -> None:
        """As an app does that asks: whoever changed it has made the packet."""
        if CAST[who] == ("viewer",) or self.status not in REVISABLE:
            return
        with transaction.atomic():
            self.row = services.revise(
                self.row, {"n": -self.revision}, actor=self.people[who].actor, vouched=True
            )
        if who != self.requester:
            self.producers.add(who)
        self.status, self.signed = "open", []
        self.revision += 1

    @rule(who=SOMEBODY, to=SOMEBODY)
    def lend(self, who: int, to: int) -> None:
        with contextlib.suppress(ControlPlaneError), transaction.atomic():
            services.delegate(
                None, self.people[to].user, workspace=self.here, actor=self.people[who].actor,
                reason="away", until=approvals.later(days=1),
            )  # fmt: skip
            self.lent.setdefault(to, []).append(who)

    @precondition(lambda self: self.status == "open")
    @rule(step=st.sampled_from(["withdraw", "expire", "void", "supersede"]))
    def end(self, step: str) -> None:
        asker = self.people[self.requester].actor
        with transaction.atomic():
            if step == "withdraw":
                self.row = services.withdraw(self.row, actor=asker)
            elif step == "expire":
                self.row = services.expire(self.row)
            elif step == "void":
                self.row = services.void(self.row, actor=make.JOB, reason="gone")
            else:
                self.row = services.supersede(self.row, actor=make.JOB, reason="another")
        self.status = {"withdraw": "withdrawn", "expire": "expired", "void": "void"}.get(
            step, "superseded"
        )

    # --- What always holds --------------------------------------------------------------------

    @invariant()
    def the_row_is_what_the_model_says(self) -> None:
        if not hasattr(self, "row"):
            return
        stored = now_of(self.row)
        assert (stored.status, stored.revision) == (self.status, self.revision)
        assert stored.requested_at == self.first.requested_at
        assert stored.due_at == self.first.due_at
        assert [place.signed for place in stored.slots.order_by("position")] == [
            self.count(n) for n in range(len(self.slots))
        ]
        openness = Request.objects.filter(question=self.first.question, status="open").count()
        assert openness == (self.status == "open")

    @invariant()
    def the_quorum_is_never_exceeded_and_each_signed_once(self) -> None:
        if not hasattr(self, "row"):
            return
        for place in RequestSlot.objects.filter(request__workspace=self.here):
            yes = Decision.objects.filter(slot=place, verdict="approved").count()
            assert yes == place.signed <= place.needed
        people = list(Decision.objects.filter(request=self.row).values_list("person", flat=True))
        assert len(people) == len(set(people))

    @invariant()
    def history_only_grows(self) -> None:
        if not hasattr(self, "row"):
            return
        rows = {
            row[0]: row
            for row in Decision.objects.filter(workspace=self.here).values_list(
                "id", "request_id", "slot_id", "person_id", "verdict", "sha256", "decided_at"
            )
        }
        assert self.kept.items() <= rows.items()
        self.kept = rows

    @invariant()
    def one_sees_what_one_may(self) -> None:
        """The row's page, the queue and the model say the same of everybody."""
        if not hasattr(self, "row"):
            return
        stored = now_of(self.row)
        for who, somebody in enumerate(self.people):
            views = services.may_sign(somebody.actor, stored)
            expected = [self.may(who, n)[0] for n in range(len(self.slots))]
            assert [view.may for view in views] == expected
            assert all(view.may != bool(view.refusal) for view in views)
            waits = signing.waiting_for(somebody.actor).filter(pk=stored.pk).exists()
            assert waits == any(expected), (who, expected)

    def teardown(self) -> None:
        if hasattr(self, "point"):
            transaction.savepoint_rollback(self.point)


# Looking for a shorter course of a failure takes minutes with a database: the long one will do.
WALKS = settings(
    max_examples=5,
    stateful_step_count=14,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


@pytest.mark.slow
@pytest.mark.django_db
def test_walk__the_request_machine() -> None:
    run_state_machine_as_test(Walk, settings=WALKS)
