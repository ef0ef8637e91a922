"""What the database refuses, whoever writes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from controlplane.lib import clock
from missions.models import Brief, ChecklistTick, Mission, StageVisit
from tests.kit import settled
from tests.kit.missions import World, all_answered, visit_of

pytestmark = pytest.mark.servers


@settled.once
def world() -> World:
    return World()


def refused(write: Callable[[], Any], words: str) -> None:
    with pytest.raises(DatabaseError, match=words), transaction.atomic():
        write()


def test_missions__move_by_known_steps_only(world: World) -> None:
    draft, row = world.draft(), world.locked()
    of_draft = Mission.objects.filter(pk=draft.pk)
    rows = Mission.objects.filter(pk=row.pk)
    now = clock.now()
    refused(lambda: of_draft.update(status="completed", closed_at=now), "cannot become")
    refused(lambda: of_draft.update(stage="prepare"), "the stage moves alone")
    refused(lambda: rows.update(status="draft", started_at=None), "cannot become")
    refused(lambda: rows.update(stage="prepare"), "its stage is not completed")
    refused(lambda: rows.update(stage="plan_approve"), "a stage is skipped")
    refused(lambda: rows.update(status="completed", closed_at=now), "stages are left")
    refused(lambda: rows.update(status="paused"), "mission_paused_says_why")
    refused(lambda: rows._raw_delete("default"), "is history")
    refused(lambda: rows.update(external_ref="x"), "is history")
    rows.update(status="cancelled", closed_at=now, close_reason="x")
    refused(lambda: rows.update(status="active", closed_at=None), "it has ended")
    refused(lambda: rows.update(stage="prepare"), "it has ended")


def test_missions__begin_as_drafts(world: World) -> None:
    row = world.draft()
    row.pk, row.uid, row.ref, row.item = None, None, "MSN-999", None  # type: ignore[assignment]
    row.status, row.stage, row.started_at = "active", "prepare", clock.now()
    row.uid = Mission._meta.get_field("uid").get_default()
    refused(lambda: row.save(force_insert=True), "begins as a draft")


def test_visits__left_once_and_completed_only_when_signed(world: World) -> None:
    with all_answered():
        row = world.asked()
        visit = visit_of(row)
        visits = StageVisit.objects.filter(pk=visit.pk)
        left: dict[str, Any] = {"left_at": clock.now(), "left_by": "x"}
        refused(lambda: visits.update(outcome="completed", **left), "nobody signed")
        refused(lambda: visits.update(entered_at=clock.now()), "is history")
        refused(lambda: visits._raw_delete("default"), "is history")
        world.sign(row)
        refused(lambda: visits.update(outcome="abandoned"), "the stage was left")
        refused(lambda: visits.update(evidence=[]), "the stage was left")
        late = ChecklistTick(visit=visit, line="intent_validated", by="x")
        refused(lambda: late.save(force_insert=True), "the stage was left")
    second = StageVisit(mission=row, stage="prepare", attempt=7, entered_at=clock.now(),
                        entered_by="x")  # fmt: skip
    refused(lambda: second.save(force_insert=True), "mission_in_one_stage")
    past = StageVisit(mission=row, stage="define", attempt=9, entered_by="x", left_by="x",
                      outcome="completed", entered_at=clock.now() - timedelta(1),
                      left_at=clock.now())  # fmt: skip
    refused(lambda: past.save(force_insert=True), "entered before it is left")


def test_visits__another_visits_signature_counts_for_nothing(world: World) -> None:
    with all_answered():
        signed = world.asked()
        request = world.sign(signed)
        other = visit_of(world.locked())
    StageVisit.objects.filter(approval=request)  # stays with its own
    given: dict[str, Any] = {"left_at": clock.now(), "left_by": "x", "outcome": "completed"}
    refused(
        lambda: StageVisit.objects.filter(pk=other.pk).update(approval=request, **given),
        "nobody signed|duplicate key",
    )


def test_ticks__are_taken_back_once_and_never_rewritten(world: World) -> None:
    row = world.done(world.locked())
    ticks = ChecklistTick.objects.filter(visit=visit_of(row), line="intent_validated")
    refused(lambda: ticks.update(note="x"), "is history")
    refused(lambda: ticks._raw_delete("default"), "is history")
    ticks.update(retracted_at=clock.now(), retracted_by="x")
    refused(lambda: ticks.update(retracted_by="y"), "is history")


def test_briefs__locked__stay(world: World) -> None:
    row = world.locked()
    briefs = Brief.objects.filter(mission=row)
    refused(lambda: briefs.update(kpi_target=99), "the brief is locked")
    refused(lambda: briefs.update(kpi_unit="%"), "the brief is locked")


def test_rollup__a_mission_sent_back_counts_once_with_all_its_time(world: World) -> None:
    now = clock.now()

    def past(stage: str, begun: float, hours: float, outcome: str = "completed") -> dict[str, Any]:
        entered = now - timedelta(hours=begun)
        left = entered + timedelta(hours=hours)
        return {"stage": stage, "entered_at": entered, "left_at": left, "outcome": outcome}

    world.imported(
        stage="Plan", started_at=now - timedelta(hours=40),
        visits=[past("Intake", 40, 2), past("Data Inspect", 38, 2, "sent_back"),
                past("define", 36, 1), past("Data Inspect", 35, 1)],
    )  # fmt: skip
    world.imported(
        stage="prepare", status="cancelled", started_at=now - timedelta(hours=9),
        visits=[past("Intake", 9, 5), past("prepare", 4, 1, "abandoned")],
    )  # fmt: skip
    found = _query(
        "SELECT stage, missions_entered, missions_open, missions_completed, missions_abandoned,"
        " missions_reworked, success_rate::float, dwell_p50_s FROM mission_stage_rollup_vw"
        " WHERE workspace_id = %s ORDER BY ord",
        world.workspace.pk,
    )
    assert found == [
        ("define", 2, 0, 2, 0, 1, 1.0, 4 * 3600),
        ("prepare", 2, 0, 1, 1, 1, 0.5, 2 * 3600),
        ("plan_approve", 1, 1, 0, 0, 0, None, None),
    ]
    old = _query(
        "SELECT DISTINCT stage_legacy FROM stage_legacy WHERE workspace_id = %s ORDER BY 1",
        world.workspace.pk,
    )
    assert [name for (name,) in old] == [
        "data_inspect", "intake", "mission_brief", "plan", "toolkits_connect",
    ]  # fmt: skip
    labels = _query("SELECT DISTINCT stage_v3 FROM stage_v3 WHERE workspace_id = %s ORDER BY 1",
                    world.workspace.pk)  # fmt: skip
    assert [name for (name,) in labels] == ["Define", "Plan & Approve", "Prepare"]


def _query(sql: str, *given: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, given)
        return list(cursor.fetchall())
