"""Key figures, panels and audit rules that rest on rows of missions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from controlplane.base.registries import PanelQuestion, Parts, kpis
from controlplane.base.registries import panels as registry
from controlplane.lib import clock
from controlplane.notify.models import OutboxMessage
from missions import services
from missions.kpis import audits, panels, rows
from missions.models import AssetUse, Play, StageVisit
from missions.services import feedback, library
from telemetry import rollups
from telemetry.audits import Window
from telemetry.models import Event
from tests import make
from tests.kit import missions as kit
from tests.kit import settled
from tests.kit.missions import World, all_answered
from tests.kit.telemetry import event, tell

pytestmark = pytest.mark.django_db


@settled.once
def scene() -> Any:
    world = World()
    with all_answered():
        done = world.completed(title="Signed all the way")
        sent = world.in_stage("prepare", title="Sent back")
        services.send_back(sent, to="define", actor=world.actor, reason="Too wide.")
    return SimpleNamespace(world=world, done=done, other=world.imported(status="archived"))


def told(tell_: Callable[..., Parts], workspace: Any) -> Parts:
    now = clock.now()
    return tell_(workspace.pk, now - timedelta(days=7), now + timedelta(minutes=1))


def test_the_board__asks_rows(scene: Any) -> None:
    for slug in ("missions.throughput", "undo.success_rate", "library.reuse_rate"):
        kpi = kpis.get(slug)
        assert kpi is not None
        assert kpi.version >= 2
        assert kpi.parts is not None
        assert told(kpi.parts, scene.world.workspace) is not None
    through = kpis.get("missions.throughput")
    assert through is not None
    assert through.parts is not None
    assert told(through.parts, scene.world.workspace).value == 2


def test_throughput__adds_missions_that_only_report(scene: Any) -> None:
    where = scene.world.workspace
    elsewhere = [event("mission_completed", mission_id="MIS-ELSEWHERE")]
    mine = [event("mission_completed", mission_id=scene.done.ref)]
    tell(where, elsewhere + mine)
    rollups.settle()
    found = told(rows.throughput, where)
    assert (found.value, found.note) == (3, "1 of them known by what they reported")
    assert told(rows.throughput, make.workspace()).value is None


def test_participation__of_the_completed_and_declining_is_none(scene: Any) -> None:
    world = scene.world
    assert told(rows.participation, world.workspace).value == 0
    feedback.decline_feedback(scene.other, actor=world.actor, reason="Away.")
    assert told(rows.participation, world.workspace).value == 0
    feedback.give_feedback(scene.done, actor=world.actor, rating=4, effort_saved_minutes=90)
    feedback.give_feedback(scene.done, actor=world.gv, rating=2)
    found = told(rows.participation, world.workspace)
    assert (found.value, found.numerator, found.denominator) == (50, 1, 2)
    assert told(rows.rating, world.workspace).value == 3
    assert told(rows.effort_saved, world.workspace).value == 1.5


def test_reuse__counts_the_selected_play_and_no_asset_of_its_own(scene: Any) -> None:
    world, row = scene.world, scene.done
    asset = library.create_asset(
        world.workspace, actor=world.kc, title="Win-back mails", body="Ask.", source=scene.other
    )
    version = library.publish_asset(asset, actor=world.kc)
    play = Play.objects.create(
        mission=row, key="p", rank=1, title="Mail them", digest="0" * 64, proposed_by="agent:1"
    )
    AssetUse.objects.create(asset=asset, used=version, mission=row, play=play, by="agent:1")
    assert told(rows.library_reuse, world.workspace).value == 0
    Play.objects.filter(pk=play.pk).update(
        status="selected", selected_at=clock.now(), selected_by="user:1"
    )
    assert told(rows.library_reuse, world.workspace).value == 50
    assert told(rows.published, world.workspace).value == 1


def test_latency_and_completion__of_checkpoints_and_visits(scene: Any) -> None:
    where = scene.world.workspace
    latency = told(rows.approval_latency, where)
    assert latency.denominator == 1
    assert latency.value is not None
    assert latency.value < 1
    done = told(rows.stage_completion, where)
    # Five stages completed, Prepare sent back, and Define again open.
    assert (done.numerator, done.denominator) == (5, 6)
    assert told(rows.escalation, where).value == 0


def test_rows_first__events_until_there_is_a_row(scene: Any) -> None:
    def events(*_: Any) -> Parts:
        return Parts(42.0)

    asked = rows.rows_first(rows.undo_success, events)
    assert told(asked, scene.world.workspace).value == 42
    assert told(rows.rows_first(rows.escalation, events), scene.world.workspace).value == 0


def test_panels__show_rows_of_this_workspace_only(scene: Any) -> None:
    now = clock.now()

    def asked(slug: str, where: Any) -> Any:
        panel = registry.get(slug)
        assert panel is not None
        start, end = now - timedelta(days=7), now + timedelta(minutes=1)
        return panel.data(PanelQuestion(where.pk, start, end))

    feedback.give_feedback(scene.done, actor=scene.world.actor, rating=4)
    found = asked("mission-stages", scene.world.workspace)
    assert len(found.columns) == len(found.rows[0])
    by_stage = {line[0]: line for line in found.rows}
    assert by_stage["Define"][1:6] == (2, 1, 1, 0, 1)
    given = asked("given", scene.world.workspace)
    assert given.rows[0][:2] == ("4 of 5", 1)
    assert [name for _, name in given.context["columns"]] == list(given.columns)
    for slug in ("mission-stages", "given", "assets", "steps"):
        assert not asked(slug, make.workspace()).rows
    assert panels.undo_steps(PanelQuestion(None, now, now)).rows is not None


def test_retrieval__chosen_of_the_plays_with_a_precedent(scene: Any) -> None:
    def asked(where: Any) -> Any:
        now = clock.now()
        since, until = now - timedelta(days=7), now + timedelta(minutes=1)
        return panels.retrieval(PanelQuestion(where.pk, since, until)).rows

    def proposed(mission: Any, rank: int, *, of: str = "", chosen: bool = False) -> None:
        said = {"title": f"Play {rank}", "digest": "0" * 64, "proposed_by": "agent:1"}
        row = Play.objects.create(
            mission=mission, key=f"p{rank}", rank=rank,
            precedents=[{"id": of, "title": "Win-back"}] if of else [], **said,
        )  # fmt: skip
        if chosen:
            Play.objects.filter(pk=row.pk).update(
                status="selected", selected_at=clock.now(), selected_by="user:1"
            )

    where = scene.world.workspace
    assert not asked(where)
    # Where nobody has chosen, nothing counts.
    proposed(scene.other, 1, of="a")
    assert not asked(where)
    proposed(scene.done, 1)
    proposed(scene.done, 2, of="a", chosen=True)
    proposed(scene.done, 3, of="b")
    assert asked(where) == [(3, 2, 1, 50.0)]
    assert not asked(make.workspace())


def delivered() -> None:
    """All that waits, however slow the machine is."""
    for _ in range(8):
        kit.deliver()
        if not OutboxMessage.objects.filter(state__in=["waiting", "leased"]).exists():
            return


def window(workspace: Any) -> Window:
    now = clock.now()
    return Window(workspace.pk, now - timedelta(days=1), now + timedelta(hours=1), 1_000)


def test_t5__finds_a_stage_that_was_left_without_a_word(scene: Any) -> None:
    where = scene.world.workspace
    delivered()
    assert audits.stages_are_told(window(where)).status == "ok"
    Event.objects.filter(mission=scene.done.ref).delete()
    gaps = {gap.about for gap in audits.stages_are_told(window(where)).gaps}
    assert f"{scene.done.ref} define" in gaps
    assert len(gaps) == 5
    assert audits.stages_are_told(window(make.workspace())).status == "not_applicable"


def test_t9__finds_events_of_another_stage(scene: Any) -> None:
    where, row = scene.world.workspace, scene.world.started()
    delivered()
    assert audits.stages_agree(window(where)).status == "ok"
    assert StageVisit.objects.filter(mission=row).count() == 1
    said = {"mission_id": row.ref, "stage": "execute_observe", "at": clock.now()}
    tell(where, [event("composio_tool_call", **said)])
    [gap] = audits.stages_agree(window(where)).gaps
    assert gap.about == "composio_tool_call out of its stage"
    assert row.ref in gap.text


def test_t10__without_a_mission_or_a_change_there_is_nothing_to_find(scene: Any) -> None:
    assert audits.undo_comes_first(window(make.workspace())).status == "not_applicable"
    assert audits.undo_comes_first(window(scene.world.workspace)).status == "ok"
