"""Safeguards, findings and exceptions, walked at random: whatever people and agents do in whatever
order, nothing grave goes by unseen and nothing is let pass by the wrong one."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from controlplane.base.models import Signal
from controlplane.lib.errors import ControlPlaneError
from missions import guarding, services
from missions.models import Finding, Mission, Override, Violation
from missions.services import overrides, safeguards
from tests.kit.guarding import World
from tests.kit.missions import again

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
RESULTS = ["passed", "failed", "failed", "skipped", "auto_fixed"]


class Walk(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.point = transaction.atomic()
        self.point.__enter__()
        self.world = World()
        self.row = self.world.started()
        self.number = 0
        self.people = [self.world.actor, self.world.gv, self.world.oc,
                       self.world.someone("governance_validator"), self.world.someone("viewer"),
                       self.world.agent("validator")]  # fmt: skip
        self.settled: set[int] = set()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.point.__exit__(None, None, None)

    def does(self, verb: Any, *given: Any, **named: Any) -> Any:
        """What is refused changes nothing."""
        before = self.seen()
        try:
            with transaction.atomic():
                return verb(*given, **named)
        except ControlPlaneError:
            assert self.seen() == before, "a refusal left something behind"
            return None
        finally:
            self.row = again(self.row)

    def seen(self) -> Any:
        row = again(self.row)
        return (
            row.version,
            sorted(row.findings.values_list("pk", "status", "version")),
            sorted(row.overrides.values_list("pk", "status")),
            sorted(row.violations.values_list("pk", "status")),
            sorted(row.safeguards.values_list("pk", "status", "version")),
            row.safeguard_acks.count(),
        )

    def pick(self, rows: Any, place: int) -> Any:
        found = list(rows.order_by("pk"))
        return found[place % len(found)] if found else None

    @rule(result=st.sampled_from(RESULTS), severity=st.sampled_from(guarding.SEVERITIES),
          place=st.integers(0, 9), cites=st.booleans(), repeats=st.booleans())  # fmt: skip
    def report(self, result: str, severity: str, place: int, cites: bool, repeats: bool) -> None:
        self.number += not repeats
        guard = self.pick(self.row.safeguards, place) if cites else None
        tried = result == "auto_fixed"
        self.does(
            services.report_finding, self.row, actor=self.world.agent("validator"),
            external_id=f"check-{self.number}", result=result, severity=severity,
            safeguard=str(guard.uid) if guard is not None else None,
            auto_fix_attempted=tried, auto_fix_success=True if tried else None,
        )  # fmt: skip

    @rule(place=st.integers(0, 9), who=st.integers(0, 5))
    def resolve(self, place: int, who: int) -> None:
        row = self.pick(self.row.findings, place)
        if row is not None:
            self.does(services.resolve_finding, row, actor=self.people[who], reason="walk")

    @rule(place=st.integers(0, 9), who=st.integers(0, 5))
    def ask(self, place: int, who: int) -> None:
        row = self.pick(self.row.findings, place)
        if row is not None:
            self.does(services.ask_override, self.row, actor=self.people[who], kind="finding",
                      subject=str(row.uid), reason="walk")  # fmt: skip

    @rule(place=st.integers(0, 9), who=st.integers(0, 5),
          to=st.sampled_from(["granted", "granted", "denied"]))  # fmt: skip
    def decide(self, place: int, who: int, to: str) -> None:
        row = self.pick(self.row.overrides, place)
        if row is not None:
            self.does(services.decide_override, row, to, actor=self.people[who], reason="walk")

    @rule(place=st.integers(0, 9), who=st.integers(0, 5))
    def revoke(self, place: int, who: int) -> None:
        row = self.pick(self.row.overrides, place)
        if row is not None:
            self.does(services.revoke_override, row, actor=self.people[who], reason="walk")

    @rule(place=st.integers(0, 9))
    def expire(self, place: int) -> None:
        row = self.pick(self.row.overrides, place)
        if row is not None:
            assert not overrides.expire_override(row)  # its time is not over

    @rule(place=st.integers(0, 9), who=st.integers(0, 5),
          to=st.sampled_from(["accepted", "edited", "rejected"]),
          mode=st.sampled_from(["hint", "enforced"]))  # fmt: skip
    def settle(self, place: int, who: int, to: str, mode: str) -> None:
        row = self.pick(self.row.safeguards, place)
        more = {"mode": mode} if to == "edited" else {}
        self.does(services.decide_safeguard, row, to, actor=self.people[who], reason="walk",
                  **more)  # fmt: skip

    @rule(who=st.integers(0, 5))
    def acknowledge(self, who: int) -> None:
        self.does(services.acknowledge_safeguards, self.row, actor=self.people[who])

    @rule(who=st.integers(0, 5))
    def resume(self, who: int) -> None:
        self.does(services.resume_mission, self.row, actor=self.people[who], reason="walk")

    @rule()
    def pause(self) -> None:
        self.does(services.pause_mission, self.row, actor=self.world.oc, reason="walk")

    @invariant()
    def nothing_grave_goes_by(self) -> None:
        open_ = Finding.objects.filter(mission=self.row, unhandled=True, status="open")
        assert not open_.exists() or self.row.status == Mission.Status.PAUSED
        violations = Violation.objects.filter(mission=self.row)
        assert violations.filter(status="open").count() <= 1
        for each in violations.filter(status="open"):
            assert each.findings.filter(status="open").exists()
        keys = set(Signal.objects.filter(kind="mission.safeguard").values_list("key", flat=True))
        assert keys == {str(each.uid) for each in violations}

    @invariant()
    def each_failure_is_decided_or_open(self) -> None:
        for row in Finding.objects.filter(mission=self.row).prefetch_related("overrides"):
            granted = [each for each in row.overrides.all() if each.status == "granted"]
            assert (row.status == "excepted") == bool(granted) or row.status == "resolved"
            assert (row.status == "noted") == (row.result != "failed")
            assert row.unhandled == (row.violation_id is not None)

    @invariant()
    def let_pass_by_the_right_one(self) -> None:
        viewer, agent, owner = self.people[4].ref, self.people[5].ref, self.people[0].ref
        for row in Override.objects.filter(mission=self.row).exclude(status="requested"):
            assert row.decided_by not in {row.requested_by, viewer, agent, owner}
            assert row.role == guarding.VALIDATOR

    @invariant()
    def known_by_two(self) -> None:
        acks = safeguards.standing_acks(self.row)
        assert len({each.person_id for each in acks.values()}) == len(acks)
        if acks:
            assert not self.row.safeguards.undecided().exists()


def test_walk__at_random() -> None:
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
