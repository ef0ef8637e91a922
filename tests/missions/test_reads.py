"""What is looked at together is read once, and nobody is told what stood before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.files.storage import storages
from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings

from controlplane.base.bench import Run
from missions import governance, reads, stages
from missions.benches import checks, pages
from missions.benches.team import Team
from missions.gates.looking import Look, all_checks
from missions.governance.kinds import BOOK
from missions.models import Mission
from missions.services import plan_notes
from tests.kit import settled
from tests.kit.missions import again

COPIES = 3
# Statements of one look at all gates between a mission and its next stage; with Plan & Approve the
# governance check is asked, which costs as much for many missions as for one.
GATES = {
    "define": 6,
    "prepare": 9,
    "plan_approve": 26,
    "execute_observe": 16,
    "reflect_improve": 6,
}
CHECK = 28


@settled.once
def team() -> Team:
    """A mission in each stage that came there by signatures, and copies of them."""
    with override_settings(STORAGES=checks.STORAGES):
        here = Team("bench-missions")
        assert here.agents
        checks.fill(here, COPIES * len(stages.SLUGS))
    return here


@pytest.fixture(autouse=True)
def memory() -> Iterator[None]:
    with override_settings(STORAGES=checks.STORAGES):
        storages._storages.clear()  # type: ignore[attr-defined]
        yield


def of(team: Team, stage: str) -> list[Mission]:
    return [again(row) for row in Mission.objects.of(team.workspace).in_stage(stage).order_by("pk")]


def counted(work: Callable[[], Any]) -> tuple[Any, int]:
    with CaptureQueriesContext(connection) as asked:
        found = work()
    return found, len(asked)


def test_copies__stand_where_the_first_stands(team: Team) -> None:
    """Everything but signatures holds: of the one that people brought there, and of each copy."""
    for stage in stages.SLUGS:
        rows = of(team, stage)
        assert len(rows) == COPIES
        assert len({row.ref for row in rows}) == COPIES
        for row in rows:
            open_ones = {
                each.slug for each in all_checks(Look(row))
                if not each.is_settled and each.phase == "exit"
            }  # fmt: skip
            assert open_ones == {"signed"}, (stage, row.ref)


def test_check__clean_over_all_of_them(team: Team) -> None:
    rows = list(Mission.objects.of(team.workspace).under_way())
    report = governance.look(team.workspace, rows, whole=True)
    assert not [line for line in report.lines() if line.status == "gaps" and line.rule[0] == "G"]
    assert not report.failed


def test_check__as_many_statements_for_many_as_for_one(team: Team) -> None:
    def asked(rows: list[Mission]) -> int:
        governance.look(team.workspace, rows)
        return counted(lambda: governance.look(team.workspace, rows))[1]

    every = [of(team, stage) for stage in stages.SLUGS]
    few = asked([rows[0] for rows in every])
    assert asked([row for rows in every for row in rows]) == few
    assert few <= CHECK


@pytest.mark.parametrize("stage", stages.SLUGS)
def test_gates__few_statements(team: Team, stage: str) -> None:
    row = of(team, stage)[0]
    _, asked = counted(lambda: all_checks(Look(row)))
    assert asked <= GATES[stage]


def test_look_after_a_change__sees_it(team: Team) -> None:
    """With the very same mission in hand."""
    row = of(team, "plan_approve")[0]
    before = {each.slug: each.state for each in all_checks(Look(row))}
    assert before["risk_matrix"] == "passed"
    for risk in row.risks.standing():
        plan_notes.remove_risk(risk, actor=team.owner, reason="It is none.")
    after = {each.slug: each.state for each in all_checks(Look(row))}
    assert after["risk_matrix"] == "failed"
    assert after["hook_check"] == "waiting"


def test_together__ends_with_its_block(team: Team) -> None:
    row = of(team, "define")[0]
    with reads.together([row]):
        first = reads.SAFEGUARDS.of(row)
        with reads.together([row]):
            assert reads.SAFEGUARDS.of(row) is first
        assert reads.SAFEGUARDS.of(row) is first
        assert reads.once(row, "x", lambda: 1) == reads.once(row, "x", lambda: 2) == 1
    assert reads.SAFEGUARDS.of(row) is not first
    assert reads.once(row, "x", lambda: 2) == 2


def test_rule_that_spoils_the_transaction__alone_is_not_asked(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoils(scope: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")

    monkeypatch.setitem(BOOK.added, "G4", [spoils])
    report = governance.look(team.workspace, of(team, "execute_observe"))
    assert report.failed == ["G4"]
    assert report.answers["G1"].status == "ok"


def test_batches__are_told_as_one(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row for stage in stages.SLUGS for row in of(team, stage)]
    whole = governance.look(team.workspace, rows)
    monkeypatch.setattr("missions.governance.looking.BATCH", 4)
    parts = governance.look(team.workspace, rows)
    assert whole.lines() == parts.lines()
    assert {code: each.status for code, each in whole.answers.items()} == {
        code: each.status for code, each in parts.answers.items()
    }
    assert governance.look(team.workspace, []).found == 0


@pytest.mark.slow
def test_bench__each_figure_beside_its_baseline(team: Team) -> None:
    rows = [
        *checks._gates(Run(seconds=0.05), team),
        *checks._governance(Run(seconds=0.05), team, COPIES * len(stages.SLUGS)),
        *pages.measure(Run(seconds=0.05), team, COPIES * len(stages.SLUGS)),
    ]
    assert len(rows) == 2 * len(stages.SLUGS) + 3 + 3
    assert all(row.ratio and row.baseline for row in rows)
