"""The state machine, walked at random: whatever people do in whatever order, a mission is in one
place, passes no stage unsigned, and what has ended stays so."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from controlplane.approvals.models import Request
from controlplane.lib.errors import ControlPlaneError, InvalidTransition
from missions import packets, services, stages
from missions.models import Mission
from missions.querysets import ENDED
from missions.services.holding import open_visit
from tests.kit.missions import LINK, World, again, all_answered

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


class Walk(RuleBasedStateMachine):
    """Every verb of a mission, by whoever may, at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.point = transaction.atomic()
        self.point.__enter__()
        self.world = World()
        self.row = self.world.draft()
        self.ended = ""
        self.links = 0

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.point.__exit__(None, None, None)

    def does(self, verb: Any, *given: Any, **named: Any) -> None:
        """What is refused is refused with a reason and changes nothing."""
        before, refused = self.seen(), False
        try:
            with transaction.atomic():
                verb(self.row, *given, **named)
        except ControlPlaneError:
            refused = True
        assert not refused or self.seen() == before, "a refusal left something behind"
        self.row = again(self.row)

    def seen(self) -> Any:
        row = again(self.row)
        return row.version, row.status, row.stage, row.visits.count()

    @rule()
    def start(self) -> None:
        self.does(services.start_mission, actor=self.world.actor)

    @rule()
    def lock(self) -> None:
        self.does(services.lock_brief, actor=self.world.actor)

    @rule()
    def unlock(self) -> None:
        self.does(services.unlock_brief, actor=self.world.actor, reason="walk")

    @rule()
    def write(self) -> None:
        self.does(services.put_brief, actor=self.world.actor, timeline=f"{self.links} weeks")

    @rule()
    def work(self) -> None:
        for line in stages.get(self.row.stage).checklist:
            if not line.gate:
                person = self.world.of_role(line.roles[0])
                self.does(services.tick_line, line.slug, actor=person)
        self.does(services.link_evidence, actor=self.world.actor, link=LINK)

    @rule()
    def find_more(self) -> None:
        self.links += 1
        self.does(services.link_evidence, actor=self.world.oc, link=f"{LINK}/{self.links}")

    @rule()
    def ask(self) -> None:
        self.does(services.ask_checkpoint, actor=self.world.actor)

    @rule()
    def withdraw(self) -> None:
        self.does(services.withdraw_checkpoint, actor=self.world.actor)

    @rule(verdict=st.sampled_from(["approved", "approved", "rejected", "changes_requested"]))
    def sign(self, verdict: str) -> None:
        visit = open_visit(self.row)
        if visit is not None and visit.approval is not None and visit.approval.status == "open":
            self.world.sign(self.row, verdict=verdict)
        self.row = again(self.row)

    @rule()
    def carry_on(self) -> None:
        """A stage as it should go, so that walks come far."""
        self.start()
        self.lock()
        self.work()
        self.ask()
        self.sign("approved")

    @rule()
    def advance(self) -> None:
        self.does(services.advance_stage, actor=self.world.oc)

    @rule(to=st.sampled_from(stages.SLUGS))
    def leap(self, to: str) -> None:
        """Any stage, by name: only the next one ever works."""
        before = self.row.stage
        self.does(services.advance_stage, actor=self.world.oc, to=to)
        assert stages.SLUGS.index(self.row.stage) - stages.SLUGS.index(before) in (0, 1)

    @rule(to=st.sampled_from(stages.SLUGS))
    def back(self, to: str) -> None:
        self.does(services.send_back, actor=self.world.gv, to=to, reason="walk")

    @rule()
    def pause(self) -> None:
        self.does(services.pause_mission, actor=self.world.oc, reason="walk")

    @rule()
    def resume(self) -> None:
        self.does(services.resume_mission, actor=self.world.oc, reason="walk")

    @rule(end=st.sampled_from(["cancel_mission", "fail_mission", "archive_mission"]))
    def end(self, end: str) -> None:
        given = {} if end == "archive_mission" else {"reason": "walk"}
        if self.links % 3 == 2 or end == "archive_mission":
            self.does(getattr(services, end), actor=self.world.oc, **given)

    @invariant()
    def in_one_place(self) -> None:
        visits = list(self.row.visits.order_by("pk"))
        here = [each for each in visits if each.is_open]
        assert len(here) == (1 if self.row.is_under_way else 0)
        assert all(each.stage == self.row.stage for each in here)
        for before, after in itertools.pairwise(visits):
            assert before.left_at == after.entered_at
            onward = stages.SLUGS.index(after.stage) - stages.SLUGS.index(before.stage)
            assert onward == 1 if before.outcome == "completed" else onward <= 0

    @invariant()
    def nothing_is_passed_unsigned(self) -> None:
        for visit in self.row.visits.filter(outcome="completed").select_related("approval"):
            assert visit.approval is not None
            slots = list(visit.approval.slots.all())
            assert all(slot.is_full for slot in slots)
            signers = visit.approval.decisions.values_list("person_id", flat=True)
            assert len(set(signers)) == len(slots)

    @invariant()
    def what_is_asked_is_what_stands(self) -> None:
        visit = open_visit(self.row)
        asked = Request.objects.filter(owner="missions.checkpoint", status="open")
        assert set(asked) <= {visit.approval if visit is not None else None}
        request = visit.approval if visit is not None else None
        if visit is not None and request is not None and request.status in {"open", "approved"}:
            assert packets.stands(visit, request)

    @invariant()
    def what_ended_stays(self) -> None:
        assert not self.ended or self.row.status == self.ended
        self.ended = self.row.status if self.row.status in ENDED else ""


def test_walk__at_random() -> None:
    with all_answered():
        run_state_machine_as_test(
            Walk,
            settings=settings(
                max_examples=12,
                stateful_step_count=30,
                deadline=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            ),
        )


def test_every_pair_of_stages__only_the_next_and_those_before() -> None:
    """The table, without a database."""
    from missions.transitions import check_stage

    for status in Mission.Status.values:
        for source in stages.SLUGS:
            for to in stages.SLUGS:
                step = stages.SLUGS.index(to) - stages.SLUGS.index(source)
                legal = (status == "active" and step <= 1) or (status == "paused" and step <= 0)
                if legal:
                    check_stage(status, source, to)
                    continue
                with pytest.raises(InvalidTransition):
                    check_stage(status, source, to)
