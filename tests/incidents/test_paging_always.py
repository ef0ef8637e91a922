"""Whatever happens in whatever order: no due step is left, nobody is called twice in a step or
after somebody answered, and every run goes on or has ended as something."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import F
from django.db.models.functions import Now
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from controlplane.access.models import User
from controlplane.notify.models import Delivery, DeliveryAttempt
from incidents.models import EscalationRun, Incident, Page
from incidents.paging import answering
from tests import make
from tests.kit.incidents import Watchroom
from tests.kit.incidents import role as target

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
_ROLES = ("primary_operator", "secondary_operator", "engineering_lead", "workspace_admin")
_STEPS = st.lists(
    st.tuples(st.sampled_from([60, 300, 900]), st.lists(st.sampled_from(_ROLES), min_size=1,
                                                        max_size=3, unique=True)),
    min_size=1, max_size=4,
)  # fmt: skip


_WHICH, _WHO = st.integers(0, 9), st.integers(0, len(_ROLES) - 1)


class Paging(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.room = Watchroom()
        self.incidents: list[Incident] = []
        self.ended: dict[int, int] = {}  # run -> its pages when it ended

    @initialize(steps=_STEPS, repeats=st.integers(0, 2))
    def begin(self, steps: Any, repeats: int) -> None:
        self.people: list[User] = [self.room.person(role) for role in _ROLES]
        self.room.policy(
            *((wait, [target(each) for each in roles]) for wait, roles in steps), repeats=repeats
        )

    @rule()
    def opened(self) -> None:
        incident = self.room.quiet("sev3", title=f"It fails {len(self.incidents)}")
        self.incidents.append(incident)
        self.room.begin(incident, "own", why="opened")

    @precondition(lambda self: self.incidents)
    @rule(which=_WHICH, why=st.sampled_from(["hand", "more", "late"]))
    def called_again(self, which: int, why: str) -> None:
        incident = self._one(which)
        self.room.begin(incident, "own", why=why, also=("engineering_lead",))

    @rule(seconds=st.sampled_from([0, 1, 59, 60, 299, 300, 901, 86_400]))
    def time_passes(self, seconds: int) -> None:
        self.room.later(seconds)
        # Whom nobody can reach makes the next step due: that is the next tick's.
        due = self.runs.filter(status="running", next_at__lte=Now())
        assert any(not due.exists() or not self.room.tick() for _ in range(10)), "it spins"
        assert not due.exists(), "a due step was left"

    @precondition(lambda self: self.incidents)
    @rule(which=_WHICH, who=_WHO)
    def somebody_answers(self, which: int, who: int) -> None:
        incident, person = self._one(which), self.people[who]
        answering.answered(incident, actor=make.actor(person), way="link")
        self._is_quiet(incident)

    @precondition(lambda self: self.incidents)
    @rule(which=_WHICH)
    def it_is_over(self, which: int) -> None:
        incident = self._one(which)
        answering.call_off(incident, actor=make.JOB, reason="It is over.")
        self._is_quiet(incident)

    @rule(who=_WHO)
    def somebody_leaves_or_returns(self, who: int) -> None:
        person = self.people[who]
        person.refresh_from_db()
        User.objects.filter(pk=person.pk).update(is_active=not person.is_active)

    @rule(state=st.sampled_from(["sent", "rejected", "retry"]))
    def something_comes_of_what_was_sent(self, state: str) -> None:
        here = Delivery.objects.filter(notification__workspace=self.room.workspace)
        rows = here.filter(state="waiting", method="email").order_by("pk")[:2]
        for row in rows:
            DeliveryAttempt.objects.create(delivery=row, outcome=state)
            if state != "retry":
                Delivery.objects.filter(pk=row.pk).update(state=state, settled_at=Now())

    @property
    def runs(self) -> Any:
        return EscalationRun.objects.filter(workspace=self.room.workspace)

    @property
    def pages(self) -> Any:
        return Page.objects.filter(workspace=self.room.workspace)

    def _one(self, which: int) -> Incident:
        return self.incidents[which % len(self.incidents)]

    def teardown(self) -> None:
        for incident in self.incidents:
            answering.call_off(incident, actor=make.JOB, reason="The example is over.")

    def _is_quiet(self, incident: Incident) -> None:
        news = Page.objects.filter(incident=incident).values("notification")
        assert not Delivery.objects.filter(notification__in=news, state="waiting").exists()
        assert not incident.escalations.filter(status="running").exists()
        for run in incident.escalations.all():
            self.ended.setdefault(run.pk, run.pages.count())

    @invariant()
    def runs_that_ended_call_nobody(self) -> None:
        for pk, count in self.ended.items():
            assert Page.objects.filter(run=pk).count() == count

    @invariant()
    def every_call_has_what_is_sent_for_it(self) -> None:
        calls = self.pages.exclude(user=None)
        assert not calls.filter(notification=None).exists()
        assert not calls.exclude(notification__deliveries__method="email").exists()

    @invariant()
    def rounds_and_steps_only_grow(self) -> None:
        for run in self.runs:
            places = list(run.pages.exclude(user=None).order_by("pk").values_list("round", "step"))
            assert places == sorted(places)

    @invariant()
    def unanswered_is_said_only_after_all_rounds(self) -> None:
        rows = self.runs.filter(status="unanswered")
        assert not rows.filter(round__lte=F("policy__repeats")).exists()


def test_paging__always_holds() -> None:
    run_state_machine_as_test(
        Paging, settings=settings(max_examples=12, stateful_step_count=14, deadline=None)
    )
