"""The governance check: what it finds, what becomes of it, who may ask."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from controlplane.lib import clock
from controlplane.lib.errors import Conflict, Invalid, InvalidTransition, NotAllowed
from controlplane.work.models import Item
from missions import governance, services
from missions.gates import registry
from missions.gates.kinds import Found, failed
from missions.gates.looking import Look
from missions.governance import jobs, running
from missions.governance.gate import governance_green
from missions.governance.kinds import BOOK
from missions.models import GovernanceFinding, GovernanceRun, Mission, StageVisit
from tests import make
from tests.kit import settled
from tests.kit.missions import World, again, all_answered, request_of
from tests.missions.test_api import Api


@settled.once
def world() -> World:
    here = World()
    assert {here.gv.ref, here.oc.ref, here.ta.ref, here.kc.ref}
    return here


@settled.once
def row(world: World) -> Mission:
    with all_answered():
        return world.in_stage("execute_observe")


@pytest.fixture(autouse=True)
def answered() -> Iterator[None]:
    with all_answered():
        yield


@contextmanager
def failing(slug: str, words: str = "It does not hold.") -> Iterator[None]:
    def lacks(look: Look) -> Found:
        return failed(words)

    known = registry.PROVIDERS[slug]
    registry.PROVIDERS[slug] = lacks
    try:
        yield
    finally:
        registry.PROVIDERS[slug] = known


def of_mission(world: World, row: Mission, scope: str = "mission") -> GovernanceRun:
    mission = again(row) if scope == "mission" else None
    return governance.check(world.workspace, actor=make.JOB, scope=scope, mission=mission)


def said(run: GovernanceRun) -> dict[str, str]:
    return {line["rule"]: line["status"] for line in run.rules}


def found(run: GovernanceRun) -> dict[str, str]:
    return {each["about"] + " " + line["rule"]: each["text"]
            for line in run.rules for each in line["found"]}  # fmt: skip


def test_mission_that_executes__clean_when_everything_holds(world: World, row: Mission) -> None:
    run = of_mission(world, row)
    assert (run.result, run.missions, run.found) == ("clean", 1, 0)
    told = said(run)
    assert {told[f"G{n}"] for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 16)} == {"ok"}
    assert {told["G11"], told["G12"]} == {"not_applicable"}
    assert run.marks == [
        {"ref": row.ref, "title": row.title, "stage": "execute_observe", "marks": told}
    ]


@pytest.mark.parametrize(
    ("rule", "gate"),
    [
        ("G2", "kpi_measurable"), ("G2", "safeguards_acknowledged"), ("G3", "inspected_first"),
        ("G3", "scopes_granted"), ("G4", "data_coverage"), ("G6", "undo_ready"),
        ("G7", "hook_check"), ("G8", "duty_window"),
    ],
)  # fmt: skip
def test_gate_that_held_when_it_was_passed__is_asked_again(
    world: World, row: Mission, rule: str, gate: str
) -> None:
    with failing(gate, "It was taken back."):
        run = of_mission(world, row)
    assert run.result == "findings"
    [(about, text)] = found(run).items()
    assert about == f"{row.ref} {rule}"
    assert text.endswith("It was taken back.")


def test_rules_of_stages_not_left_yet__are_not_asked(world: World) -> None:
    draft, begun = world.draft(title="Not begun"), world.started(title="Just begun")
    told = said(of_mission(world, begun))
    assert {rule for rule, status in told.items() if status == "ok"} == {"G1", "G9", "G10", "G16"}
    run = of_mission(world, draft)
    assert set(said(run).values()) == {"not_applicable"}


def test_plan_changed_after_it_was_signed__is_found(
    world: World, row: Mission, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = registry.Part("steps", ("plan_approve",), lambda visit: ["Another step"])
    monkeypatch.setitem(registry.PARTS, "steps", part)
    run = of_mission(world, row)
    assert list(found(run)) == [f"{row.ref} G5"]
    assert "is not what APR-" in found(run)[f"{row.ref} G5"]


def test_stage_left_without_evidence__is_found(world: World, row: Mission) -> None:
    visit = StageVisit.objects.get(mission=row, stage="define")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "missions.governance.rules.way.evidence_of",
            lambda each: [] if each.pk == visit.pk else [{"label": "x", "link": "y"}],
        )
        run = of_mission(world, row)
    assert found(run) == {f"{row.ref} G1": "Define was left without define_intake_validation."}


def test_checkpoint_past_its_time__is_found_until_it_is_signed(world: World) -> None:
    row = world.asked()
    due = request_of(row).due_at
    with time_machine.travel(due - timedelta(minutes=1), tick=False):
        assert said(of_mission(world, row))["G16"] == "ok"
    with time_machine.travel(due + timedelta(minutes=1), tick=False):
        assert f"{row.ref} G16" in found(of_mission(world, row))


def test_retrospective__is_due_in_fourteen_days(world: World) -> None:
    row = world.in_stage("reflect_improve", title="Looked back upon")
    left = StageVisit.objects.get(mission=row, stage="execute_observe").left_at
    assert left is not None
    with time_machine.travel(left + timedelta(days=13), tick=False):
        assert said(of_mission(world, row))["G12"] == "ok"
    with time_machine.travel(left + timedelta(days=14, minutes=1), tick=False):
        assert list(found(of_mission(world, row))) == [f"{row.ref} G12"]


# --- What becomes of it -------------------------------------------------------------------------


def test_finding__one_row_and_one_item_however_often_and_closed_with_it(
    world: World, row: Mission
) -> None:
    with failing("data_coverage", "Half of it."):
        of_mission(world, row)
        of_mission(world, row)
        of_mission(world, row, "active")
    finding = GovernanceFinding.objects.get(rule="G4")
    item = Item.objects.get(key=finding.item)
    assert (finding.status, finding.about, item.labels) == ("open", row.ref, ["governance"])
    assert Item.objects.filter(labels__contains=["governance"], title__contains="G4").count() == 1
    of_mission(world, row)
    finding.refresh_from_db()
    item.refresh_from_db()
    assert (finding.status, item.status) == ("closed", "closed")
    with failing("data_coverage", "Half of it, again."):
        of_mission(world, row)
    finding.refresh_from_db()
    assert (finding.status, finding.closed_at) == ("open", None)
    assert finding.item != item.key


def test_check_of_some__leaves_the_findings_of_others(world: World, row: Mission) -> None:
    other = world.started(title="Early")
    with failing("data_coverage"):
        of_mission(world, row)
    of_mission(world, other)
    assert GovernanceFinding.objects.get(rule="G4").status == "open"
    of_mission(world, row, "executing")
    assert GovernanceFinding.objects.get(rule="G4").status == "closed"


def test_mission_that_ended__nobody_mends_it_any_more(world: World, row: Mission) -> None:
    with failing("data_coverage"):
        of_mission(world, row)
    services.cancel_mission(again(row), actor=world.actor, reason="Not wanted any more")
    of_mission(world, row, "active")
    assert GovernanceFinding.objects.get(rule="G4").status == "closed"


def test_rule_that_breaks__is_no_clean_check_and_closes_nothing(
    world: World, row: Mission, monkeypatch: pytest.MonkeyPatch
) -> None:
    with failing("data_coverage"):
        of_mission(world, row)

    def broken(scope: Any) -> Any:
        raise RuntimeError("the disk is gone")

    monkeypatch.setitem(BOOK.added, "G4", [broken])
    run = of_mission(world, row)
    assert (run.result, run.error) == ("failed", "Could not ask G4.")
    assert GovernanceFinding.objects.get(rule="G4").status == "open"


def test_more_missions_than_are_looked_at__is_no_clean_check(
    world: World, row: Mission, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.started(title="Newer")
    monkeypatch.setattr("missions.governance.running.MOST", type("Most", (), {"value": 1}))
    run = of_mission(world, row, "active")
    assert (run.missions, run.result) == (1, "failed")
    assert "Only the newest 1" in run.error


def test_workspace__asked_with_all_that_is_under_way(world: World, row: Mission) -> None:
    run = of_mission(world, row, "active")
    told = said(run)
    assert {told["G13"], told["G14"]} == {"ok"}
    assert (told["G15"], told["work.readiness"]) == ("ok", "ok")
    assert "G15" not in said(of_mission(world, row, "executing"))


def test_rule_of_an_app_above__is_asked(
    world: World, row: Mission, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BOOK, "providers", {})

    @BOOK.provide("G13")
    def anchored(scope: governance.Scope) -> Any:
        from controlplane.base.rulebook import Found as Finding
        from controlplane.base.rulebook import answer

        return answer([Finding("workspace", "DEP-3 rests on nothing.")])

    run = of_mission(world, row, "active")
    assert "DEP-3 rests on nothing." in found(run).values()
    with pytest.raises(ValueError, match="answered here"):
        BOOK.provide("G1")


def test_door_of_execution__asks_the_check(world: World, row: Mission) -> None:
    assert governance_green(Look(again(row))).state == "passed"
    with failing("data_coverage", "Half of it."):
        asked = governance_green(Look(again(row)))
    assert (asked.state, asked.detail[:4]) == ("failed", "G4: ")
    assert not GovernanceFinding.objects.exists()


def test_jobs__often_what_executes_weekly_all(world: World, row: Mission) -> None:
    begun = world.started(title="Early")
    jobs.executing()
    newest = GovernanceRun.objects.of(world.workspace).first()
    assert newest is not None
    assert (newest.scope, [each["ref"] for each in newest.marks]) == ("executing", [row.ref])
    jobs.weekly()
    newest = GovernanceRun.objects.of(world.workspace).first()
    assert newest is not None
    assert {each["ref"] for each in newest.marks} == {row.ref, begun.ref}


# --- Who may ask --------------------------------------------------------------------------------


def test_signature__of_the_analyst_once(world: World, row: Mission) -> None:
    run = of_mission(world, row)
    for actor in (world.actor, world.gv):
        with pytest.raises(NotAllowed):
            governance.sign(run, actor=actor)
    governance.sign(run, actor=world.ta, note="Read.")
    with pytest.raises(Conflict):
        governance.sign(run, actor=world.ta)


def test_strangers__see_and_ask_nothing(world: World, row: Mission) -> None:
    run = of_mission(world, row)
    stranger = World()
    with pytest.raises(NotAllowed):
        governance.check(world.workspace, actor=stranger.actor)
    with pytest.raises(NotAllowed):
        governance.sign(run, actor=stranger.ta)
    viewer = make.actor(make.person(world.workspace, "viewer"))
    with pytest.raises(NotAllowed):
        governance.check(world.workspace, actor=viewer)
    api = Api(stranger)
    api.refused(404, "GET", f"missions/governance-runs/{run.uid}")
    assert api.ok("GET", "missions/governance-runs")["items"] == []
    api.refused(404, "GET", f"missions/governance-check?mission={row.ref}")


def test_api__looks_without_a_trace_and_checks_with_one(world: World, row: Mission) -> None:
    api = Api(world)
    with failing("data_coverage", "Half of it."):
        looked = api.ok("GET", f"missions/governance-check?mission={row.ref}")
        assert (looked["result"], looked["found"], looked["more"]) == ("findings", 1, False)
        assert not GovernanceRun.objects.exists()
        [line] = [each for each in looked["lines"] if each["status"] == "gaps"]
        assert (line["mission"], line["stage"], line["rule"]) == (
            row.ref,
            "Execute & Observe",
            "G4",
        )
        one = api.ok("POST", "missions/governance-check", {"mission": row.ref})
        assert (one["result"], one["found"]) == ("findings", 1)
        made = api.ok("POST", "missions/governance-check", {"scope": "executing"})
        assert (made["result"], made["missions"]) == ("asked", 0)
        again_ = api.ok("POST", "missions/governance-check", {"scope": "executing"})
        assert again_["uid"] == made["uid"]
        assert jobs.asked() == {"asked": 1, "answered": 1}
    answered = api.ok("GET", f"missions/governance-runs/{made['uid']}")
    assert (answered["result"], answered["found"]) == ("findings", 1)
    [finding] = api.ok("GET", "missions/governance-findings?status=open")["items"]
    assert (finding["rule"], finding["about"]) == ("G4", row.ref)
    api.refused(403, "POST", f"missions/governance-runs/{made['uid']}/sign")
    api.refused(400, "GET", "missions/governance-check?scope=nothing")
    api.refused(400, "POST", "missions/governance-check", {"scope": "mission"})


def test_asked__answered_once_signed_after_and_never_changed(world: World, row: Mission) -> None:
    run = governance.ask(world.workspace, actor=world.ta, scope="executing")
    with pytest.raises(InvalidTransition, match="on its way"):
        governance.sign(run, actor=world.ta)
    with pytest.raises(Invalid):
        governance.ask(world.workspace, actor=world.ta, scope="mission")
    with pytest.raises(NotAllowed):
        governance.ask(make.workspace(), actor=world.ta)
    other = GovernanceRun.objects.select_related("workspace").get(pk=run.pk)
    assert running.answer_asked(run, actor=make.JOB)
    assert not running.answer_asked(other, actor=make.JOB)
    run.refresh_from_db()
    assert (run.result, run.missions, run.started_by) == ("clean", 1, world.ta.ref)
    with pytest.raises(IntegrityError), transaction.atomic():
        GovernanceRun.objects.filter(pk=run.pk).update(found=7)
    assert governance.sign(run, actor=world.ta).signed_by == world.ta.ref
    assert governance.ask(world.workspace, actor=world.ta, scope="executing").pk != run.pk


def test_asked__that_cannot_be_looked_at__has_failed(
    world: World, row: Mission, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = governance.ask(world.workspace, actor=world.ta)
    monkeypatch.setattr(running, "look", lambda *_, **__: 1 / 0)
    assert jobs.asked() == {"asked": 1, "answered": 1}
    run.refresh_from_db()
    assert (run.result, run.error) == ("failed", "Could not run: ZeroDivisionError.")


def test_findings__kept_some_missions_at_a_time(
    world: World, row: Mission, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "KEPT", 1)
    second = world.in_stage("execute_observe", title="Another")
    with failing("data_coverage"):
        of_mission(world, row, "executing")
    about = GovernanceFinding.objects.filter(status="open").values_list("about", flat=True)
    assert sorted(about) == sorted([row.ref, second.ref])
    of_mission(world, row, "executing")
    assert not GovernanceFinding.objects.filter(status="open").exists()


def _command(*args: str) -> tuple[str, int]:
    out = io.StringIO()
    try:
        call_command("governance_check", *args, stdout=out)
    except SystemExit as left:
        return out.getvalue(), int(str(left.code))
    return out.getvalue(), 0


def test_command__a_line_for_each_mission_and_rule(world: World, row: Mission) -> None:
    text, code = _command("--workspace", world.workspace.slug, "--mission", row.ref)
    assert code == 0
    assert f"{row.ref} Execute & Observe" in text
    with failing("data_coverage", "Half of it."):
        text, code = _command("--workspace", world.workspace.slug, "--active", "--json")
    assert code == 1
    [told] = json.loads(text)
    assert {"mission": row.ref, "rule": "G4", "status": "gaps"}.items() <= next(
        each for each in told["lines"] if each["status"] == "gaps"
    ).items()
    for wrong in (["--mission", "MSN-4711"], ["--workspace", "nowhere"]):
        with pytest.raises(CommandError) as refused:
            _command(*wrong)
        assert refused.value.returncode == 2


def test_clock__is_the_portals(world: World, row: Mission) -> None:
    run = of_mission(world, row)
    assert run.started_at <= run.finished_at <= clock.now()
