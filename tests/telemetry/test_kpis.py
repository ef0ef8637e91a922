"""Key figures: told with their two numbers, judged against a target, honest where nothing is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from controlplane.access.models import Workspace
from controlplane.base.registries import Parts, kpis
from controlplane.lib.errors import NotAllowed, Unavailable
from controlplane.work.models import Item
from telemetry import ingest, measures, rollups
from telemetry import kpis as key_figures
from telemetry.kpis import formulas
from telemetry.kpis.periods import before, period_of
from telemetry.kpis.rows import state_of
from telemetry.models import Event, KpiValue
from tests import make
from tests.kit.telemetry import event, tell

pytestmark = pytest.mark.django_db
WEEK = timedelta(days=7)


def now() -> datetime:
    from controlplane.lib import clock

    return clock.now()


def window() -> tuple[datetime, datetime]:
    return now() - WEEK, now() + timedelta(minutes=1)


def told(workspace: Workspace, *events: dict[str, Any]) -> None:
    receipt = tell(workspace, events)
    assert receipt.accepted == len(events), receipt.verdicts
    rollups.settle()


def of(name: str, mission: str, ago: float = 1, **context: Any) -> dict[str, Any]:
    """This many hours ago."""
    return event(name, mission_id=mission, at=now() - timedelta(hours=ago), context=context)


def test_throughput__distinct_missions_and_no_data() -> None:
    workspace = make.workspace()
    assert formulas.throughput(workspace.pk, *window()).value is None
    told(workspace, of("mission_created", "A"))
    assert formulas.throughput(workspace.pk, *window()).value == 0
    told(workspace, *(of("mission_completed", name) for name in "AABC"))
    assert formulas.throughput(workspace.pk, *window()).value == 3
    assert formulas.throughput(make.workspace().pk, *window()).value is None


def test_completed_again__counts_where_it_was_first() -> None:
    workspace = make.workspace()
    told(
        workspace,
        of("mission_completed", "A", 9 * 24),
        *(of("mission_completed", name, 24) for name in "AB"),
        of("feedback_submitted", "B", 20),
    )
    begin = now() - WEEK
    assert formulas.throughput(workspace.pk, begin, now()).value == 1
    assert formulas.throughput(workspace.pk, begin - WEEK, begin).value == 1
    assert formulas.participation(workspace.pk, begin, now()) == Parts(100.0, 1, 1)


def test_approval_latency__first_rejection_or_last_approval_and_what_waits() -> None:
    workspace = make.workspace()
    told(
        workspace,
        of("approval_requested", "A", 20),
        of("approval_requested", "A", 15),  # asked again: the clock does not restart
        of("approval_delegated", "A", 14),
        of("approval_granted", "A", 12),
        of("approval_granted", "A", 10),
        of("approval_requested", "B", 9),
        of("approval_rejected", "B", 8),
        of("approval_requested", "C", 6),
    )
    found = formulas.approval_latency(workspace.pk, *window())
    assert found.value == pytest.approx(1 + 9 * 0.95, abs=0.01)
    assert found.denominator == 2
    assert found.note.startswith("1 pending, the oldest for 6.0 h")
    assert found.note.endswith("2 later than 4 h")


def test_approval_latency__what_was_asked_before_the_window_still_waits() -> None:
    """A queue that stands tells nothing new: the week in which nothing moved must say so."""
    workspace = make.workspace()
    told(
        workspace,
        of("approval_requested", "A", 20 * 24),
        of("approval_requested", "B", 20 * 24),
        of("approval_granted", "B", 19 * 24),  # decided then: neither pending nor of this week
    )
    found = formulas.approval_latency(workspace.pk, *window())
    assert found.value is None
    assert found.denominator == 0
    assert found.note == "1 pending, the oldest for 480.0 h; 1 later than 4 h"
    assert formulas.approval_latency(make.workspace().pk, *window()).note == "nothing pending"


def test_approval_latency__per_packet_and_not_per_mission() -> None:
    workspace = make.workspace()
    told(
        workspace,
        # Two plans of one mission: one was decided, the other waits.
        of("approval_requested", "A", 20, play_id="p1"),
        of("approval_granted", "A", 18, play_id="p1", approver_role="GV"),
        of("approval_requested", "A", 9, play_id="p2"),
        # Refused, and asked for again: the second asking is a packet of its own.
        of("approval_requested", "B", 12, play_id="p1"),
        of("approval_rejected", "B", 11, play_id="p1"),
        of("approval_requested", "B", 7, play_id="p1"),
        of("approval_granted", "B", 4, play_id="p1", approver_role="GV"),
        # Two have to consent: with one of them it is not decided.
        *(of("approval_requested", "C", 6, play_id="p1", approver_role=r) for r in ("GV", "OC")),
        of("approval_granted", "C", 5, play_id="p1", approver_role="GV"),
        # And here both did, the later one counts.
        *(of("approval_requested", "D", 6, play_id="p1", approver_role=r) for r in ("GV", "OC")),
        of("approval_granted", "D", 5, play_id="p1", approver_role="GV"),
        of("approval_granted", "D", 2.1, play_id="p1", approver_role="OC"),
        # Its sender's clock is behind: consent is not older than the question.
        of("approval_requested", "E", 3, play_id="p1"),
        of("approval_granted", "E", 3.01, play_id="p1", approver_role="GV"),
    )
    found = formulas.approval_latency(workspace.pk, *window())
    # 2 h, 1 h, 3 h, 3.9 h and none at all; A's second and C's wait.
    assert found.denominator == 5
    assert found.value == pytest.approx(3 + 0.8 * 0.9, abs=0.01)
    assert found.note == "2 pending, the oldest for 9.0 h; 2 later than 4 h"
    stranger = formulas.approval_latency(make.workspace().pk, *window())
    assert (stranger.denominator, stranger.note) == (0, "nothing pending")


def test_escalation__by_how_grave_a_finding_is_and_what_became_of_it() -> None:
    """Not by its status, which tells of a fix: the catalogue assumes a warning."""
    workspace = make.workspace()

    def alert(mission: str, severity: str, fix: str, ago: float = 2, **more: Any) -> dict[str, Any]:
        context = {
            "severity": severity, "safeguard_id": "s", "auto_fix_attempted": bool(fix),
            "auto_fix_status": fix,
        }  # fmt: skip
        return {**of("validator_alert_raised", mission, ago, **context), **more}

    told(
        workspace,
        *(of("execution_started", name, 3) for name in "ABCDEFGH"),
        alert("A", "critical", ""),  # nobody said how it ended: a warning by the catalogue
        alert("B", "high", "fixed", status="error"),  # it failed, and was mended
        alert("C", "low", "failed"),  # a small thing that failed
        alert("D", "HIGH", "failed"),
        alert("E", "medium", "applied"),
        of("validator_override_requested", "F", 2),
        alert("Z", "critical", ""),  # never executed here
    )
    measured = measures.read_many(
        [measures.get("safeguard.violations"), measures.get("safeguard.escalated")],
        workspace.pk, *window(),
    )  # fmt: skip
    assert formulas.escalation(workspace.pk, *window()) == Parts(37.5, 3, 8)  # A, D, F
    assert measured["safeguard.escalated"][""].value == 37.5
    assert measured["safeguard.violations"][""] == measures.Reading(37.5, 8)  # A, C, D


def test_escalation__after_the_window_counts_for_the_mission_that_began_in_it() -> None:
    workspace = make.workspace()
    told(
        workspace,
        of("execution_started", "A", 30),
        of("validator_override_requested", "A", 20),
        of("execution_started", "B", 20),
    )
    edge = now() - timedelta(hours=25)
    assert formulas.escalation(workspace.pk, edge - WEEK, edge) == Parts(100.0, 1, 1)
    assert formulas.escalation(workspace.pk, edge, now()) == Parts(0.0, 0, 1)
    violated = measures.read(measures.get("safeguard.escalated"), workspace.pk, edge - WEEK, edge)
    assert violated[""].value == 0, "a chart's step tells of its own time"
    nothing = measures.read(measures.get("safeguard.violations"), workspace.pk, now() - WEEK, edge)
    assert nothing[""].value == 0
    nobody = measures.read(measures.get("safeguard.violations"), make.workspace().pk, *window())
    assert nobody[""].value is None


def test_shares__count_missions_not_events() -> None:
    workspace = make.workspace()
    told(
        workspace,
        *(of("execution_started", name, 3) for name in "ABCD"),
        of("validator_override_requested", "A", 2),
        of("validator_override_requested", "A", 1),
        of("validator_override_requested", "Z", 1),  # never executed here
        *(of("mission_completed", name) for name in "AB"),
        of("feedback_submitted", "A", 0.5, rating=4),
        of("feedback_submitted", "A", 0.4, rating=5),
        of("planner_candidate_generated", "B", 5, library_precedent_count=2),
        of("planner_candidate_generated", "A", 5, library_precedent_count=0),
    )
    assert formulas.escalation(workspace.pk, *window()) == Parts(25.0, 1, 4)
    assert formulas.participation(workspace.pk, *window()) == Parts(50.0, 1, 2)
    assert formulas.library_reuse(workspace.pk, *window()) == Parts(50.0, 1, 2)


def test_stage_duration__beside_what_is_usual() -> None:
    workspace = make.workspace()
    assert formulas.stage_duration(workspace.pk, *window()).value is None
    events = [
        each
        for n, (days, hours) in enumerate([(20, 2), (19, 2), (18, 2), (3, 5)])
        for each in (
            of("intent_submitted", f"M{n}", days * 24),
            of("composio_discovery", f"M{n}", days * 24 - hours),
        )
    ]
    told(workspace, *(dict(each, stage=None) for each in events))
    found = formulas.stage_duration(workspace.pk, *window())
    assert found.value == pytest.approx(2.5, abs=0.01)
    assert found.note == "define took the longest"
    assert state_of(kpis.get("stages.duration"), found) == "low_sample"  # type: ignore[arg-type]
    assert formulas.stage_duration(make.workspace().pk, *window()).value is None


def test_board__holds_what_the_table_of_formulas_names() -> None:
    slugs = {kpi.slug for kpi in kpis}
    assert slugs >= {
        "uptime", "stages.duration", *(f"measure.{name}" for name in (
            "agent.p95", "agent.error_rate", "tool.rate_limits", "tool.discovery_ratio",
            "undo.rollback_ratio", "undo.coverage", "service.uptime_unplanned", "requests.p95",
        )),
    }  # fmt: skip


def test_undo_success__of_finished_runs() -> None:
    workspace = make.workspace()
    assert formulas.undo_success(workspace.pk, *window()).value is None
    told(
        workspace,
        *(of("undo_completed", name, outcome="success") for name in "ABC"),
        of("undo_completed", "D", outcome="failed"),
        of("undo_requested", "E"),
    )
    assert formulas.undo_success(workspace.pk, *window()) == Parts(75.0, 3, 4)


@pytest.mark.parametrize(
    ("slug", "parts", "state"),
    [
        ("missions.throughput", Parts(None), "no_data"),
        ("missions.throughput", Parts(30.0), "met"),
        ("missions.throughput", Parts(29.0), "missed"),
        ("approvals.latency", Parts(4.0, None, 9), "met"),
        ("approvals.latency", Parts(4.1, None, 9), "missed"),
        ("approvals.latency", Parts(90.0, None, 2), "low_sample"),
        ("undo.success_rate", Parts(97.9, 48, 49), "low_sample"),
        ("undo.success_rate", Parts(98.0, 49, 50), "met"),
        ("undo.success_rate", Parts(97.9, 979, 1000), "missed"),
        ("safeguards.escalation", Parts(5.0, 5, 100), "met"),
        ("safeguards.escalation", Parts(5.1, 51, 1000), "missed"),
        ("feedback.participation_rate", Parts(80.0, 80, 100), "met"),
        ("feedback.participation_rate", Parts(79.9, 799, 1000), "missed"),
        ("library.reuse_rate", Parts(35.0, 35, 100), "met"),
        ("library.reuse_rate", Parts(34.9, 349, 1000), "missed"),
    ],
)
def test_state__by_target_and_sample(slug: str, parts: Parts, state: str) -> None:
    kpi = kpis.get(slug)
    assert kpi is not None
    assert state_of(kpi, parts) == state


def test_periods__touch_and_hold_their_moment() -> None:
    for cadence in (timedelta(days=1), WEEK, 2 * WEEK, timedelta(days=30)):
        for days in range(0, 800, 3):
            moment = datetime(2025, 1, 1, 13, tzinfo=UTC) + timedelta(days=days)
            found = period_of(cadence, moment)
            assert found.start <= moment < found.end
            assert before(cadence, found).end == found.start
    assert period_of(WEEK, datetime(2025, 10, 16, tzinfo=UTC)).start.weekday() == 0


def test_refresh__a_row_a_period_and_the_board() -> None:
    workspace = make.workspace()
    told(workspace, of("mission_completed", "A"))
    first = key_figures.refresh(workspace, actor=make.JOB)
    assert (first["failed"], first["missed"]) == (0, 0)
    rows = KpiValue.objects.count()
    key_figures.refresh(workspace, actor=make.JOB)
    assert KpiValue.objects.count() == rows
    lines = {line.kpi.slug: line for line in key_figures.board(workspace, make.JOB)}
    assert set(lines) == {kpi.slug for kpi in kpis}
    assert next(iter(lines)) == "missions.throughput"
    assert lines["missions.throughput"].now is not None
    assert lines["library.reuse_rate"].state in {"low_sample", "no_data"}
    assert all(line.now is None for line in key_figures.board(make.workspace(), make.JOB))


def test_missed_period__told_once_with_one_item() -> None:
    """A Sunday and the Tuesday after it: the week is over by then."""
    monday = period_of(WEEK, now()).start - WEEK
    workspace = make.workspace()
    Workspace.objects.filter(pk=workspace.pk).update(created_at=monday)
    workspace.refresh_from_db()
    when = monday + timedelta(days=2)
    receipt = tell(workspace, [event("mission_completed", mission_id="A", at=when)])
    assert receipt.accepted == 1
    rollups.settle()
    with time_machine.travel(monday + timedelta(days=8), tick=False):
        assert key_figures.refresh(workspace, actor=make.JOB)["missed"] == 1
        assert key_figures.refresh(workspace, actor=make.JOB)["missed"] == 0
    row = KpiValue.objects.get(kpi="missions.throughput", start=monday)
    assert (row.state, row.value, row.target) == ("missed", 1, 30)
    item = Item.objects.get(key=row.item, project__workspace=workspace)
    assert list(item.labels) == ["kpi-miss"]
    assert Event.objects.get(event_type="kpi_missed").operation == "missions.throughput"


def test_missed_period__kept_while_no_event_can_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monday = period_of(WEEK, now()).start - WEEK
    workspace = make.workspace()
    Workspace.objects.filter(pk=workspace.pk).update(created_at=monday)
    workspace.refresh_from_db()
    when = monday + timedelta(days=2)
    tell(workspace, [event("mission_completed", mission_id="A", at=when)])
    rollups.settle()

    def full(*given: Any) -> None:
        raise Unavailable("Come back later.")

    monkeypatch.setattr(ingest, "report", full)
    with time_machine.travel(monday + timedelta(days=8), tick=False):
        counts = key_figures.refresh(workspace, actor=make.JOB)
    assert (counts["missed"], counts["failed"]) == (1, 0)
    assert KpiValue.objects.get(kpi="missions.throughput", start=monday).item


def test_strangers__may_not_refresh() -> None:
    workspace = make.workspace()
    for stranger in (
        make.actor(make.person(workspace, "viewer")),
        make.actor(make.person(make.workspace(), "telemetry_analyst")),
    ):
        with pytest.raises(NotAllowed):
            key_figures.refresh(workspace, actor=stranger)
