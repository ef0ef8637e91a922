"""What was said holds for what it was said of: another commit, another try, another person on
duty ask again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from controlplane.lib import clock
from controlplane.lib.errors import Conflict, GateNotMet, Invalid, NotAllowed
from controlplane.notify.models import InboxItem
from controlplane.oncall import services as oncall
from controlplane.oncall.models import Schedule
from controlplane.work import services as work
from deployments import jobs, services
from deployments.gates import computing
from deployments.gates.looking import Look
from deployments.models import Deployment, Gate
from deployments.services import papers
from tests import make
from tests.kit.deployments import HOTFIX, World, again, steps
from tests.kit.settled import once

pytestmark = pytest.mark.django_db
OTHER = "7f" * 20


@once
def world() -> World:
    return World()


def open_after(row: Deployment) -> set[str]:
    return set(row.gates.filter(phase="after", state="waiting").values_list("slug", flat=True))


class TestRelease:
    def test_other_commit__asks_for_its_own_proofs(self, world: World) -> None:
        row = world.prepared(kinds=("agent", "frontend"))
        world.settle(row)
        waived = world.gate(row, "telemetry-audit")
        ticked = world.gate(row, "dashboards")
        assert world.gate(row, "ci").state == "passed"
        services.change_deployment(again(row), actor=world.actor, commit_sha=OTHER)
        for slug in ("ci", "agent-tests", "ui-tests", "release-notes"):
            gate = world.gate(row, slug)
            assert (gate.state, gate.by in ("", "job:deployments")) == ("waiting", True), slug
        for gate in (waived, ticked):  # not of the commit
            before = (gate.state, gate.by)
            gate.refresh_from_db()
            assert (gate.state, gate.by) == before
        with pytest.raises(GateNotMet):
            services.declare_ready(again(row), actor=world.actor)

    def test_other_notes__are_read_again(self, world: World) -> None:
        row = world.prepared()
        world.settle(row)
        services.change_deployment(again(row), actor=world.actor, release_notes="And more.")
        assert world.gate(row, "release-notes").state == "waiting"
        assert world.gate(row, "ci").state == "passed"

    def test_other_image__stands_in_the_steps(self, world: World) -> None:
        row = world.prepared()
        own = services.set_step(steps(row)[0], actor=world.actor, command="make merge")
        services.change_deployment(again(row), actor=world.actor, image_tag="v4.2.0-2")
        found = {step.slug: step for step in steps(row)}
        assert "v4.2.0-2" in found["agent-deploy"].title
        assert found[own.slug].command == "make merge"

    def test_component_left_out__takes_its_checks_along(self, world: World) -> None:
        row = world.prepared(kinds=("agent", "frontend"))
        assert world.gate(row, "ui-tests").state == "waiting"
        agent = [world.component("agent")]
        services.change_deployment(again(row), actor=world.actor, components=agent)
        assert world.gate(row, "ui-tests").state == "not_applicable"
        both = [*agent, world.component("frontend")]
        services.change_deployment(again(row), actor=world.actor, components=both)
        assert world.gate(row, "ui-tests").state == "waiting"


class TestWords:
    def test_ci_by_hand__says_what_shows_it(self, world: World) -> None:
        gate = world.gate(world.prepared(), "ci")
        with pytest.raises(Invalid, match="what shows it"):
            services.tick_gate(gate, actor=world.actor)
        link = {"label": "run 7", "link": "https://ci.example.org/runs/7"}
        assert services.tick_gate(gate, actor=world.actor, evidence=[link]).evidence == [link]

    def test_review_of_dashboards__keeps_their_figures(self, world: World) -> None:
        row = world.verifying()
        gate = services.tick_gate(world.gate(row, "dashboards-after"), actor=world.actor)
        assert row.snapshots.filter(phase="review").count() == 1
        assert gate.evidence[0]["label"].startswith("Figures at")

    def test_watch_without_traffic__proves_nothing(self, world: World) -> None:
        row = world.watched()
        services.close(row, actor=world.actor, reason="Quiet.", early=True)
        assert world.gate(row, "watched").state == "not_applicable"


class TestTryAgain:
    def test_next_try__is_verified_by_itself(self, world: World) -> None:
        row = world.verifying()
        world.settle(row, "after")
        assert "smoke-login" not in open_after(row)
        services.give_up(again(row), actor=world.actor, reason="Memory grows.")
        services.prepare(again(row), actor=world.actor)
        assert {"smoke-login", "smoke-execute", "dashboards-after"} <= open_after(row)

    def test_giving_up__ends_what_runs(self, world: World) -> None:
        adapter = world.adapter()
        row = world.started()
        step = services.run_step(steps(row)[0], actor=world.actor, adapter=adapter)
        services.give_up(again(row), actor=world.actor, reason="The wrong one.")
        step.refresh_from_db()
        assert (step.state, step.token, step.attempts.count()) == ("failed", None, 1)
        row = services.prepare(again(row), actor=world.actor)
        assert steps(row)[0].state == "pending"

    def test_undone__is_not_tried_again(self, world: World) -> None:
        bad = world.started()
        services.give_up(bad, actor=world.actor, reason="Errors.")
        first = services.roll_back(again(bad), actor=world.actor, reason="Back.")
        with pytest.raises(Conflict, match="rolls it back"):
            services.prepare(again(bad), actor=world.actor)
        services.give_up(first, actor=world.actor, reason="The registry is down.")
        second = services.roll_back(again(bad), actor=world.actor, reason="Back, again.")
        assert second.pk != first.pk
        with pytest.raises(Conflict, match=second.ref):
            services.prepare(again(first), actor=world.actor)


class TestHotfix:
    def titles(self, row: Deployment) -> list[str]:
        """Of what it owes and is not done."""
        return [item.title for item in papers.items_of(row) if item.category != "done"]

    def test_review_is_owed_from_the_beginning__the_rest_once_it_is_live(
        self, world: World
    ) -> None:
        row = world.prepared(kind="hotfix", **HOTFIX)
        review = f"Hold the retrospective ({row.ref})"
        assert self.titles(row) == [review]
        gate = world.gate(row, "agent-tests")
        services.waive_gate(gate, actor=world.actor, reason="No time.")
        skipped = f"Make up for: Agent tests pass ({row.ref})"
        assert self.titles(row) == [review, skipped]
        services.ask_again(gate, actor=world.lead, reason="There is time.")
        assert self.titles(row) == [review]
        services.cancel(again(row), actor=world.actor, reason="It mended itself.")
        assert self.titles(row) == []

    def test_check_skipped_after_it_went__is_owed(self, world: World) -> None:
        world.on_call()
        row = world.prepared("staging", kind="hotfix", **HOTFIX)
        world.settle(row)
        services.declare_ready(again(row), actor=world.actor)
        row = world.do_steps(services.start(again(row), actor=world.actor))
        due = again(row).docs_due_at
        before = papers.items_of(row)
        assert due is not None
        assert {item.due_at for item in before} == {due}
        work.close_item(before[0], actor=make.JOB, reason="Held.")
        gate = world.gate(row, "smoke-execute")
        services.waive_gate(gate, actor=world.actor, reason="No missions run at night.")
        owed = papers.items_of(row)
        assert len(owed) == len(before) + 1  # what is done is not opened a second time
        assert owed[-1].title.startswith("Make up for: A mission executes")
        assert owed[-1].due_at == due
        with pytest.raises(GateNotMet):
            services.settle(again(row), actor=world.actor, reason="All there.")


class TestOnTop:
    @pytest.mark.slow
    def test_what_lies_beneath__is_not_pulled_out(self, world: World) -> None:
        world.completed(release="1.0")
        first = world.completed(release="1.1")
        second = world.completed(release="1.2")
        aside = world.completed(release="1.3", kinds=("frontend",))
        with pytest.raises(Conflict, match=f"{second.ref}.*on top"):
            services.roll_back(first, actor=world.actor, reason="Slow.")
        undone = services.roll_back(second, actor=world.actor, reason="Slow.")
        world.do_steps(undone)
        back = services.roll_back(again(first), actor=world.actor, reason="Slower still.")
        assert back.running_release == "1.0"
        services.give_up(back, actor=world.actor, reason="Enough.")
        assert services.roll_back(aside, actor=world.actor, reason="Broken.").reverses == aside

    def test_own_components__come_back(self, world: World) -> None:
        world.completed(release="1.0", image_tag="v1.0")
        world.completed(release="front-7", kinds=("frontend",), image_tag="")
        bad = world.started(release="1.1", image_tag="v1.1")
        undone = services.roll_back(bad, actor=world.actor, reason="Errors.")
        assert undone.running_release == "1.0"
        assert any("v1.0" in step.title for step in steps(undone))


class TestInTheWay:
    def test_half_of_a_release__stays_in_the_way_while_it_is_blocked(self, world: World) -> None:
        other = world.approved(release="2.0")
        half = world.started(release="1.9")
        services.block(half, actor=world.actor, reason="The registry is down.")
        with pytest.raises(GateNotMet) as refused:
            services.start(again(other), actor=world.actor)
        assert (refused.value.details or {})["gates"] == ["no-other"]
        services.give_up(again(half), actor=world.actor, reason="Not today.")
        assert services.start(again(other), actor=world.actor).status == "deploying"

    def test_first_of_its_kind__brings_nothing_back(self, world: World) -> None:
        adapter = world.adapter()
        row = services.roll_back(world.started(), actor=world.actor, reason="Errors.")
        first = steps(row)[0]
        assert "<release>" in first.command
        with pytest.raises(Conflict, match="by hand"):
            services.run_step(first, actor=world.actor, adapter=adapter)
        assert services.finish_step(first, actor=world.actor).state == "done"

    def test_abbreviated_commit__is_the_same(self, world: World) -> None:
        world.completed("staging")
        row = world.prepared("production", commit_sha="1f" * 5)
        assert world.gate(row, "staging").state == "passed"
        services.change_deployment(again(row), actor=world.actor, commit_sha=OTHER)
        assert world.gate(row, "staging").state == "failed"


def told(row: Deployment) -> list[str]:
    """Who has the news in the inbox, once for each time they were told."""
    rows = InboxItem.objects.filter(notification__kind="deployment.window")
    rows = rows.filter(notification__key__contains=str(row.uid))
    return sorted(rows.values_list("user__name", flat=True))


def swap(world: World, person: Any, hours: int = 48) -> None:
    schedule = Schedule.objects.get(workspace=world.workspace)
    now = clock.now()
    oncall.override(
        schedule, person, actor=make.JOB, starts=now, ends=now + timedelta(hours=hours),
        reason="Ill.",
    )  # fmt: skip


class TestOnCallTold:
    def test_who_takes_the_shift_over__is_told_before_it_goes(self, world: World) -> None:
        world.on_call()
        at = clock.now() + timedelta(hours=20)
        row = world.prepared("production", planned_at=at)
        assert told(row) == ["Olu Grant"]
        assert world.gate(row, "on-call-told").state == "passed"
        other = make.person(world.workspace, "primary_operator", name="Ines Park")
        swap(world, other)
        found = computing.on_call_told(Look(again(row)))
        assert (found.state, f"{other.name} was not told" in found.detail) == ("waiting", True)
        jobs.look_again()
        assert told(row) == ["Ines Park", "Olu Grant"]
        gate = world.gate(row, "on-call-told")
        assert (gate.state, gate.detail.startswith(f"{other.name} was told")) == ("passed", True)
        jobs.look_again()
        assert told(row) == ["Ines Park", "Olu Grant"]  # each once

    def test_start__waits_until_the_new_one_was_told(self, world: World) -> None:
        world.on_call()
        world.completed("staging")
        row = world.approved("production")
        swap(world, make.person(world.workspace, "primary_operator", name="Ines Park"))
        with pytest.raises(GateNotMet) as refused:
            services.start(row, actor=world.actor)
        assert (refused.value.details or {})["gates"] == ["on-call-told"]
        assert "Ines Park" not in told(row)
        services.look_at_gates(row)
        assert services.start(again(row), actor=world.actor).status == "deploying"

    def test_other_time__is_told_anew__staging_is_nobodys_news(self, world: World) -> None:
        world.on_call()
        at = clock.now() + timedelta(hours=2)
        row = world.prepared("production", planned_at=at)
        services.change_deployment(
            again(row), actor=world.actor, planned_at=at + timedelta(hours=1)
        )
        assert told(row) == ["Olu Grant", "Olu Grant"]
        aside = world.prepared("staging", release="9")
        before = told(aside)
        swap(world, make.person(world.workspace, "primary_operator", name="Ines Park"))
        jobs.look_again()
        assert told(aside) == before

    def test_nobody_on_duty__is_no_pass(self, world: World) -> None:
        row = world.prepared("production")
        assert (world.gate(row, "on-call-told").state, told(row)) == ("failed", [])


def test_job__gives_each_its_turn(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_MOST", 1)
    rows = [world.prepared(release=str(number)) for number in range(2)]
    begin = clock.now()
    turns = []
    for minute in range(2):
        Gate.objects.filter(deployment__in=rows).update(detail="stale")
        with time_machine.travel(begin + timedelta(minutes=minute), tick=False):
            assert (jobs.look_again() or {})["looked"] == 1
        turns.append([world.gate(row, "rollback-plan").detail != "stale" for row in rows])
    assert sorted(turns) == [[False, True], [True, False]]


def test_stranger__asks_nothing_again(world: World) -> None:
    row = world.prepared()
    gate = world.gate(row, "release-notes")
    for actor in (World().actor, world.someone("viewer")):
        with pytest.raises(NotAllowed):
            services.tick_gate(gate, actor=actor)
        with pytest.raises(NotAllowed):
            services.change_deployment(row, actor=actor, commit_sha=OTHER)
    assert again(row).commit_sha != OTHER
