"""Whatever happens in whatever order: no wake is lost, none is told twice within a lease, what
waits is no try, and each ends as something."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from controlplane.jobs import leases
from missions.threads import numbers
from missions.threads.models import RuntimeSession, WakeAttempt, WakeTrigger
from missions.threads.waking import reconciling
from missions.threads.waking.asking import acknowledge_wake, ask_wake
from missions.threads.waking.deciding import Facts, Step, decide
from missions.threads.waking.delivering import deliver
from tests.kit.waking import Night

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

_SMALL = st.integers(0, 4)
_FACTS = st.builds(
    Facts,
    asked=st.booleans(), forced=st.booleans(), gone=st.sampled_from(["", "THREAD_CLOSED"]),
    acked=st.booleans(), sent=st.booleans(), alive_since=st.booleans(), awake=st.booleans(),
    run=st.sampled_from(["", "running", "completed", "failed", "timed_out", "orphaned", "killed"]),
    live_tries=_SMALL, resume_tries=_SMALL, spawn_tries=_SMALL,
    deferred_for=st.one_of(st.none(), st.floats(0, 120)), live=st.booleans(), busy=st.booleans(),
    resumable=st.booleans(), spawnable=st.booleans(), known=st.booleans(), crashes=_SMALL,
    paced=st.integers(0, 12), ahead=st.integers(0, 60),
)  # fmt: skip


@given(_FACTS)
@settings(max_examples=500, deadline=None)
def test_next_step__is_one_that_may_be_taken(facts: Facts) -> None:
    step = decide(facts)
    match step.kind:
        case "live":
            assert facts.live
            assert facts.live_tries <= numbers.RETRIES.value
            assert facts.forced or not facts.busy
            assert not facts.resume_tries
            assert not facts.spawn_tries
        case "resume":
            assert facts.resumable
            assert facts.resume_tries < numbers.RESUMES.value
            assert facts.crashes < numbers.CRASHES.value
            assert not facts.spawn_tries
        case "spawn":
            assert facts.spawnable
            assert facts.spawn_tries < numbers.SPAWNS.value
        case "defer":
            assert facts.busy
            assert not facts.forced
            assert (facts.deferred_for or 0) < numbers.DEFER_SECONDS.value
        case "hold":
            assert not facts.forced
        case "wait":
            assert facts.run == "running"
    if step.kind in {"live", "resume", "spawn", "defer", "hold", "dead"}:
        assert not any([facts.gone, facts.acked, facts.sent]), "nobody is told twice"
    assert step.seconds >= 0


@given(_FACTS)
@settings(max_examples=300, deadline=None)
def test_nobody_ever_answers__it_ends(facts: Facts) -> None:
    """Each step uses something up: there is no way round and round."""
    state = vars_of(facts) | {"gone": "", "acked": False, "alive_since": False, "awake": False}
    for _ in range(40):
        step = decide(Facts(**state))
        if step.kind == "dead":
            return
        state |= _after(step, state)
    raise AssertionError(f"still at {state}")


def vars_of(facts: Facts) -> dict[str, Any]:
    return {name: getattr(facts, name) for name in Facts.__slots__}


def _after(step: Step, state: dict[str, Any]) -> dict[str, Any]:
    if step.kind in {"live", "resume", "spawn"}:
        name = f"{step.kind}_tries"
        return {name: state[name] + 1, "sent": True, "run": ""}
    if step.kind == "defer":
        return {"deferred_for": (state["deferred_for"] or 0.0) + step.seconds}
    if step.kind == "hold":
        return {"paced": 0, "ahead": 0}
    if step.kind == "wait":
        return {"run": "completed"}
    if step.kind == "untried":  # once: its next supervisor stays
        return {"sent": False, "run": ""}
    assert step.kind == "unanswered", step
    return {"sent": False}


class Waking(RuleBasedStateMachine):
    """One agent, its session, its supervisors; messages, answers, typing, pauses, deaths."""

    @initialize()
    def begin(self) -> None:
        self.night = Night()
        self.session = self.night.session("s1")
        self.posted = 0
        self.told_within: dict[int, Any] = {}

    @property
    def open(self) -> list[WakeTrigger]:
        return list(WakeTrigger.objects.open().filter(agent=self.night.talk.reviewer))

    @rule()
    def somebody_writes(self) -> None:
        self.night.talk.post("executioner", to={"role": "reviewer"})
        self.posted += 1

    @rule(force=st.booleans())
    def somebody_asks(self, force: bool) -> None:
        talk = self.night.talk
        ask_wake(talk.thread, talk.reviewer, actor=talk.operator, reason="Please.", force=force)

    @rule(seconds=st.sampled_from([0.5, 2.5, 5.5, 8.5, 31, 61, 400]))
    def time_passes(self, seconds: float) -> None:
        self.night.later(seconds)

    @rule()
    def a_supervisor_turns(self) -> None:
        for row in self.night.claim():
            before = WakeAttempt.objects.filter(trigger=row).count()
            deliver(row, self.night.place)
            assert WakeAttempt.objects.filter(trigger=row).count() <= before + 1

    @rule()
    def a_supervisor_dies_with_it_in_hand(self) -> None:
        for row in self.night.claim():
            assert row.state == leases.LEASED
            assert self.night.claim() == [], "nobody else has it within the lease"

    @rule()
    def leases_end(self) -> None:
        WakeTrigger.objects.filter(state=leases.LEASED).update(
            ready_at=Now() - timedelta(seconds=1)
        )

    @rule()
    def the_agent_beats(self) -> None:
        self.night.beat()

    @precondition(lambda self: self.posted)
    @rule()
    def the_agent_reads(self) -> None:
        thread = self.night.talk.thread
        thread.refresh_from_db()
        self.night.ack(thread.last_seq)

    @precondition(lambda self: self.open)
    @rule()
    def the_agent_acknowledges(self) -> None:
        acknowledge_wake(self.open[0].uid, actor=self.night.talk.by("reviewer"))

    @rule(busy=st.booleans())
    def a_person_types(self, busy: bool) -> None:
        until = Now() + timedelta(hours=1) if busy else None
        RuntimeSession.objects.filter(pk=self.session.pk).update(operator_busy_until=until)

    @rule(paused=st.booleans())
    def the_session_is_paused(self, paused: bool) -> None:
        RuntimeSession.objects.filter(pk=self.session.pk).update(paused=paused)

    @rule()
    def what_was_missed_is_looked_for(self) -> None:
        reconciling.work(0.0)

    @invariant()
    def one_is_open_at_most(self) -> None:
        assert len(self.open) <= 1 if hasattr(self, "night") else True

    @invariant()
    def what_ended_says_how(self) -> None:
        if not hasattr(self, "night"):
            return
        for row in WakeTrigger.objects.filter(agent=self.night.talk.reviewer):
            tries = row.live_tries + row.resume_tries + row.spawn_tries
            assert tries <= numbers.RETRIES.value + 1
            assert WakeAttempt.objects.filter(trigger=row).count() == tries
            if row.state in leases.OPEN:
                assert row.status not in {"delivered", "dead", "cancelled"}
            else:
                assert row.status == {"done": "delivered", "dead": "dead"}.get(
                    row.state, "cancelled"
                )
                assert row.finished_at is not None
                assert row.result or row.state == "cancelled"

    def teardown(self) -> None:
        """Nothing is lost: with everybody back at work each open one ends."""
        if not hasattr(self, "night"):
            return
        RuntimeSession.objects.filter(pk=self.session.pk).update(
            operator_busy_until=None, paused=False
        )
        for _ in range(12):
            self.night.later(61)
            self.night.turn()
            if not self.open:
                return
        left = [(row.status, row.error_code, row.live_tries) for row in self.open]
        raise AssertionError(f"still open: {left}")


def test_waking__in_any_order() -> None:
    run_state_machine_as_test(
        Waking, settings=settings(max_examples=8, stateful_step_count=20, deadline=None)
    )  # fmt: skip


def test_storm__is_spaced() -> None:
    """However often somebody writes to one who never reads: few wakes in five minutes."""
    night = Night()
    night.session()
    for _ in range(20):
        night.talk.post("executioner", to={"role": "reviewer"})
        night.turn()
        reconciling.missed()
        night.later(15)
    rows = WakeTrigger.objects.filter(agent=night.talk.reviewer, live_tries__gt=0)
    assert rows.count() <= numbers.AUTO_MOST.value + 1
