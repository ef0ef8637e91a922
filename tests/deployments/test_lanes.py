"""Hotfixes and their papers, rollbacks, freezes, the watch, what CI reports."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.test import Client

from controlplane.audit.models import AuditEvent
from controlplane.base.models import Signal
from controlplane.lib import clock, signatures
from controlplane.lib.errors import Conflict, GateNotMet, Invalid, NotAllowed
from controlplane.notify.models import Notification
from controlplane.work import services as work
from controlplane.work.models import CheckResult
from deployments import services
from deployments.flags import services as flags
from deployments.flags.models import FlagState
from deployments.models import Deployment, Snapshot
from deployments.services import papers
from deployments.watch import snapshots
from deployments.watch.verdicts import judge
from tests import make
from tests.kit import settled
from tests.kit.deployments import FACTS, HOTFIX, SHA, World, again, deliver, fire, steps, there

pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    return World()


class TestHotfix:
    def test_lane__skips_staging__and_owes_papers(self, world: World) -> None:
        watcher = world.on_call()
        row = world.prepared("production", kind="hotfix", watcher=watcher, **HOTFIX)
        slugs = set(row.gates.values_list("slug", flat=True))
        assert "staging" not in slugs
        assert {"hotfix-scope", "watcher", "backup"} <= slugs
        tester = world.someone("secondary_operator")
        services.waive_gate(world.gate(row, "agent-tests"), actor=tester, reason="No time.")
        world.settle(row)
        row = services.declare_ready(again(row), actor=world.actor)
        assert there(row.item).priority == 0
        assert "hotfix" in there(row.item).labels
        assert there(row.approval).policy.slug == "deployment_hotfix"
        world.sign(row)
        row = world.do_steps(services.start(again(row), actor=world.actor))
        assert row.docs_due_at == there(row.deployed_at) + timedelta(hours=24)
        titles = " ".join(item.title for item in papers.items_of(row))
        for words in ("evidence", "retrospective", "timeline", "Agent tests"):
            assert words in titles
        world.settle(row, "after")
        row = services.begin_watch(again(row), actor=world.actor)
        with pytest.raises(GateNotMet, match="documentation"):
            services.close(row, actor=world.actor, reason="Done.", early=True)
        with pytest.raises(GateNotMet, match="owed"):
            services.settle(row, actor=world.actor, reason="All there.")
        for item in papers.items_of(row):
            work.close_item(item, actor=make.JOB, reason="Written.")
        services.settle(again(row), actor=world.actor, reason="All there.")
        row = services.close(again(row), actor=world.actor, reason="Mitigated.", early=True)
        assert row.status == "completed"

    def test_papers__nag_until_they_are_there(self, world: World) -> None:
        row = world.verifying("staging", kind="hotfix", watcher=world.on_call(), **HOTFIX)
        with time_machine.travel(clock.now() + timedelta(hours=25), tick=False):
            fire()
        assert Notification.objects.filter(kind="deployment.papers").exists()
        assert Signal.objects.filter(kind="deployments.papers_overdue", key=str(row.uid)).exists()

    @pytest.mark.parametrize("field", sorted(HOTFIX))
    def test_what_it_says__is_required(self, world: World, field: str) -> None:
        given: dict[str, Any] = {**HOTFIX, field: ""}
        if field == "hotfix_trigger":
            with pytest.raises(Invalid):
                world.draft("production", kind="hotfix", **given)
            return
        row = world.prepared("production", kind="hotfix", **given)
        assert world.gate(row, "hotfix-scope").state == "failed"

    def test_agent_tests__mandatory_otherwise(self, world: World) -> None:
        row = world.prepared()
        with pytest.raises(Conflict, match="mandatory otherwise"):
            services.waive_gate(world.gate(row, "agent-tests"), actor=world.lead, reason="No time.")

    def test_minimal__not_by_whoever_opened_it(self, world: World) -> None:
        row = world.prepared("production", kind="hotfix", **HOTFIX)
        gate = world.gate(row, "hotfix-minimal")
        with pytest.raises(NotAllowed):
            services.tick_gate(gate, actor=world.actor)
        assert services.tick_gate(gate, actor=world.lead).state == "passed"


class TestRollback:
    def test_one_click__brings_back_what_was(self, world: World) -> None:
        first = world.completed(release="4.1.0")
        bad = world.watched(release="4.2.0")
        undo = services.roll_back(bad, actor=world.actor, reason="Errors tripled.")
        assert (undo.kind, undo.reverses_id, undo.status) == ("rollback", bad.pk, "deploying")
        assert again(undo).running_release == first.release
        assert any("4.1.0" in step.command for step in steps(undo))
        assert services.roll_back(again(bad), actor=world.lead, reason="Again!").pk == undo.pk
        world.do_steps(undo)
        assert again(bad).status == "rolled_back"
        assert there(services.running_in(world.place("staging"))).running_release == "4.1.0"
        assert AuditEvent.objects.about(bad).filter(action="deployment.rollback").exists()

    def test_from_production__without_consent_and_in_a_freeze(self, world: World) -> None:
        world.on_call()
        world.completed("staging")
        bad = services.start(world.approved("production"), actor=world.actor)
        freeze(world)
        undo = services.roll_back(again(bad), actor=world.actor, reason="It does not start.")
        assert undo.status == "deploying"

    def test_what_brought_nothing__is_cancelled(self, world: World) -> None:
        with pytest.raises(Conflict, match="cancel"):
            services.roll_back(world.ready(), actor=world.actor, reason="Oh.")

    def test_viewer__undoes_nothing(self, world: World) -> None:
        bad = world.started()
        with pytest.raises(NotAllowed):
            services.roll_back(bad, actor=world.someone("viewer"), reason="For fun.")


def freeze(world: World, where: str = "production", **given: Any) -> Any:
    now = clock.now()
    values: dict[str, Any] = {
        "title": "Year's end", "reason": "Nobody is there.", "environments": [world.place(where)],
        "starts_at": now - timedelta(hours=1), "ends_at": now + timedelta(days=9), **given,
    }  # fmt: skip
    return services.make_freeze(world.workspace, actor=world.actor, **values)


class TestFreeze:
    def test_start__is_held__but_for_those_who_may(self, world: World) -> None:
        row = world.approved()
        freeze(world, "staging")
        with pytest.raises(GateNotMet, match="freeze"):
            services.start(row, actor=world.actor)
        operator = world.someone("primary_operator")
        with pytest.raises(NotAllowed):
            services.start(row, actor=operator, override=True, reason="Must go.")
        started = services.start(again(row), actor=world.lead, override=True, reason="Must go.")
        assert started.status == "deploying"
        assert world.gate(started, "no-freeze").state == "waived"

    def test_elsewhere_over_and_ended__hold_nothing(self, world: World) -> None:
        row = world.approved()
        freeze(world, "production")
        ended = freeze(world, "staging")
        services.end_freeze(ended, actor=world.actor, reason="Back early.")
        assert services.start(row, actor=world.actor).status == "deploying"

    def test_flags__go_down_but_not_up(self, world: World) -> None:
        flag = flags.create_flag(world.workspace, "new-planner", actor=world.actor)
        state = FlagState.objects.select_related("flag", "environment").get(
            flag=flag, environment__slug="staging"
        )
        freeze(world, "staging")
        with pytest.raises(GateNotMet, match="Year's end"):
            flags.change_settings(
                state, {"on": True}, actor=world.actor, version=1, reason="As planned."
            )
        assert flags.kill(flag, actor=world.actor, reason="It misbehaves.").enabled is False

    def test_times__in_order(self, world: World) -> None:
        with pytest.raises(Invalid):
            freeze(world, ends_at=clock.now() - timedelta(days=2))
        with pytest.raises(NotAllowed):
            services.make_freeze(
                world.workspace, actor=world.someone("viewer"), title="x", reason="why not",
                starts_at=clock.now(), ends_at=clock.now() + timedelta(hours=1),
            )  # fmt: skip


class TestWatch:
    def test_breach__is_told_at_once_and_proposes_the_rollback(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = world.watched()
        bad = {"requests": 400, "error_rate": 0.09, "p95_ms": 200.0, "safeguard_violations": 0}
        monkeypatch.setattr(snapshots, "figures", lambda *args, **kwargs: bad)
        with time_machine.travel(clock.now() + timedelta(minutes=6), tick=False):
            fire()
        row = again(row)
        assert (row.status, row.verdict) == ("monitoring", "degraded")
        assert Notification.objects.filter(kind="deployment.breach", urgency="critical").exists()
        assert Signal.objects.filter(kind="deployments.event", payload__what="breach").exists()
        with pytest.raises(GateNotMet):
            services.close(row, actor=world.actor, reason="Fine.", early=True)

    def test_worse__is_announced_once_somebody_takes_it_on(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.on_call()
        world.completed("staging")
        row = world.watched("production")
        bad = {"requests": 400, "error_rate": 0.03, "p95_ms": 200.0, "safeguard_violations": 0}
        monkeypatch.setattr(snapshots, "figures", lambda *args, **kwargs: bad)
        with time_machine.travel(there(row.monitor_until) + timedelta(seconds=1), tick=False):
            fire()
            announced = Notification.objects.filter(kind="deployment.announced")
            assert not announced.exists()
            services.look_at_gates(row)
            watched = world.gate(row, "watched")
            assert watched.state == "failed"
            services.waive_gate(watched, actor=world.lead, reason="The old clients; it is known.")
            services.close(again(row), actor=world.actor, reason="Live, and known to be slower.")
        assert announced.count() == 1
        assert again(row).status == "completed"

    @pytest.mark.parametrize(
        ("before", "after", "verdict"),
        [
            ({}, {"requests": 0}, "unknown"),
            ({}, {"requests": 49, "error_rate": 0.5}, "unknown"),
            ({}, {"requests": 50, "error_rate": 0.02}, "healthy"),
            ({}, {"requests": 50, "error_rate": 0.021}, "degraded"),
            ({"p95_ms": 100}, {"requests": 99, "error_rate": 0, "p95_ms": 200}, "healthy"),
            ({"p95_ms": 100}, {"requests": 99, "error_rate": 0, "p95_ms": 201}, "degraded"),
            ({"p95_ms": None}, {"requests": 99, "error_rate": 0, "p95_ms": 900}, "healthy"),
            ({}, {"requests": 0, "safeguard_violations": 1}, "degraded"),
        ],
    )
    def test_verdict__by_the_playbooks_numbers(self, before: Any, after: Any, verdict: str) -> None:
        assert judge(before, after).verdict == verdict

    def test_snapshots__stay_as_they_are(self, world: World) -> None:
        made = services.take_snapshot(world.started(), actor=world.actor, note="At the review.")
        assert set(made.figures) >= {"error_rate", "p95_ms", "requests", "ready"}
        with pytest.raises(IntegrityError), transaction.atomic():
            Snapshot.objects.filter(pk=made.pk).update(note="Otherwise.")


class TestDatabase:
    def test_production__never_starts_unsigned(self, world: World) -> None:
        row = world.draft("production")
        Deployment.objects.filter(pk=row.pk).update(status="approved")
        with pytest.raises(IntegrityError, match="consented"), transaction.atomic():
            Deployment.objects.filter(pk=row.pk).update(status="deploying")

    def test_rows__are_not_deleted_nor_moved(self, world: World) -> None:
        row = world.draft()
        changes: list[dict[str, Any]] = [
            {"environment": world.place("local")},
            {"kind": "hotfix"},
            {"image_tag": "x:latest"},
        ]
        for change in changes:
            with pytest.raises(IntegrityError), transaction.atomic():
                Deployment.objects.filter(pk=row.pk).update(**change)


class TestCi:
    def report(self, secret: str, body: Any, *, at: Any = None) -> Any:
        data = json.dumps(body).encode()
        headers = signatures.sign(secret.encode(), data, at or clock.now())
        return Client().generic(
            "POST", "/api/v1/ci/results", data, content_type="application/json", headers=headers
        )

    def body(self, **given: Any) -> dict[str, Any]:
        return {
            "repository": "acme/portal", "name": "test-agent", "sha": SHA, "status": "completed",
            "conclusion": "success", "url": "https://ci.example.org/7", **given,
        }  # fmt: skip

    def test_result__opens_the_gates(self, world: World) -> None:
        made = world.repository()
        row = world.prepared()
        assert world.gate(row, "ci").state == "waiting"
        answer = self.report(made.secret, self.body())
        assert (answer.status_code, answer.json()["repeated"]) == (200, False)
        services.look_at_gates(row)
        assert world.gate(row, "ci").state == "passed"
        assert world.gate(row, "agent-tests").state == "passed"
        self.report(made.secret, self.body(name="lint", conclusion="failure"))
        services.look_at_gates(row)
        assert world.gate(row, "ci").state == "failed"

    def test_replayed_or_unsigned__does_nothing(self, world: World) -> None:
        made = world.repository()
        assert self.report(made.secret, self.body()).status_code == 200
        assert self.report(made.secret, self.body()).json()["repeated"] is True
        old = clock.now() - timedelta(minutes=10)
        refused = self.report(made.secret, self.body(name="other"), at=old)
        assert refused.status_code == 401
        assert self.report("not the secret", self.body(name="other")).status_code == 401
        assert self.report("x", self.body(repository="no/body")).status_code == 401
        assert CheckResult.objects.count() == 1

    @pytest.mark.parametrize(
        "given",
        [
            {"sha": ""}, {"sha": "xyz"}, {"status": "done"}, {"conclusion": "great"}, {"name": ""},
            {"completed_at": "yesterday"}, {"step": "7"}, {"more": 1}, {"url": "javascript:x"},
            {"name": 7}, {"branch": None}, {"url": ["x"]},
        ],
    )  # fmt: skip
    def test_bad_report__is_400(self, world: World, given: Any) -> None:
        made = world.repository()
        assert self.report(made.secret, self.body(**given)).status_code == 400


def test_evidence__of_every_gate_is_shown(world: World) -> None:
    row = world.prepared("production")
    gates = {gate.slug: gate for gate in services.look_at_gates(row)}
    assert gates["staging"].state == "failed"
    assert gates["item-unblocked"].state == "passed"
    assert gates["item-unblocked"].evidence[0]["label"] == there(row.item).key
    assert gates["on-call-told"].state in {"waiting", "failed"}  # nobody is on duty
    assert gates["telemetry-audit"].state == "failed"
    assert all(gate.detail for gate in gates.values() if gate.computed and gate.phase == "before")


def test_gate__ticked_with_hostile_evidence__is_refused(world: World) -> None:
    gate = world.gate(world.prepared(), "release-notes")
    for link in ("javascript:alert(1)", "//evil.example.org", "data:text/html,x"):
        with pytest.raises(Invalid):
            services.tick_gate(gate, actor=world.actor, evidence=[{"label": "x", "link": link}])
    ticked = services.tick_gate(
        gate, actor=world.actor, detail="key=sk-live-abcdefgh12345678",
        evidence=[{"label": "<b>notes</b>", "link": "https://example.org/notes"}],
    )  # fmt: skip
    assert "abcdefgh" not in ticked.detail


def test_computed_gate__nobody_ticks(world: World) -> None:
    row = world.prepared()
    with pytest.raises(Conflict, match="computes itself"):
        services.tick_gate(world.gate(row, "rollback-plan"), actor=world.lead)
    with pytest.raises(NotAllowed):
        services.waive_gate(
            world.gate(row, "telemetry-audit"),
            actor=world.someone("primary_operator"),
            reason="No time.",
        )


def test_closed_item__is_told_by_the_gate(world: World) -> None:
    row = world.prepared()
    work.close_item(there(row.item), actor=make.JOB, reason="By mistake.", force=True)
    services.look_at_gates(row)
    assert world.gate(row, "item-unblocked").state == "failed"
    deliver()
    assert FACTS["rollback_plan"]
