"""Stand-ups are prepared where they are held; agendas name what other parts know."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine

from controlplane.approvals.models import Request
from controlplane.base.registries import kpis
from controlplane.lib import clock
from deployments import services as deployments
from incidents.records.opening import open_incident
from missions.jobs_learning import standups
from missions.learning import agenda
from missions.models import Feedback, Meeting, MeetingSeries
from missions.services import cadence
from missions.shown import minutes
from telemetry.kpis.periods import Period, before, period_of
from telemetry.models import KpiValue
from tests import make
from tests.kit import settled
from tests.kit.missions import World

pytestmark = pytest.mark.django_db
TUESDAY = datetime(2026, 11, 24, tzinfo=UTC)


@settled.once
def scene() -> Any:
    world = World(make.workspace(time_zone="Europe/Berlin"))
    for zone in ("Europe/Berlin", "America/New_York"):
        cadence.plan_meetings(world.workspace, actor=world.oc, cadence="standup", time_zone=zone)
    return SimpleNamespace(world=world, here=world.workspace, there=make.workspace())


def at(hour: int, minute: int = 0) -> Any:
    return time_machine.travel(TUESDAY + timedelta(hours=hour, minutes=minute), tick=False)


def held(scene: Any) -> list[str]:
    rows = Meeting.objects.filter(series__workspace=scene.here).order_by("planned_at")
    return [row.series.time_zone for row in rows.select_related("series")]


def test_standup__is_there_a_quarter_of_an_hour_before_nine_in_each_zone(scene: Any) -> None:
    with at(7, 40):  # 8:40 in Berlin
        assert standups() == {"begun": 0}
    with at(7, 46):
        assert standups() == {"begun": 1}
        assert standups() == {"begun": 0}  # once
    [row] = Meeting.objects.filter(series__workspace=scene.here)
    assert row.planned_at == TUESDAY + timedelta(hours=8)
    assert {each["title"] for each in row.agenda} >= {"Incidents", "Waits for a signature"}
    with at(14, 30):  # after the morning without a portal: half past nine in New York
        assert standups() == {"begun": 1}
    assert held(scene) == ["Europe/Berlin", "America/New_York"]
    with at(18):
        assert standups() == {"begun": 0}  # too late for either


def test_standup__not_on_a_weekend__nor_where_they_ended(scene: Any) -> None:
    with time_machine.travel(datetime(2026, 11, 28, 7, 50, tzinfo=UTC), tick=False):
        assert standups() == {"begun": 0}
    for row in MeetingSeries.objects.of(scene.here):
        cadence.end_meetings(row, actor=scene.world.oc, reason="No more.")
    with at(7, 50):
        assert standups() == {"begun": 0}


def whole_periods(slug: str, now: datetime) -> Iterator[Period]:
    """Those of a figure that are over, newest first."""
    kpi = kpis.get(slug)
    assert kpi is not None
    each = period_of(kpi.cadence, now)
    while True:
        yield (each := before(kpi.cadence, each))


def said(scene: Any, meeting: str, slug: str, where: Any = None) -> list[str]:
    lines = asked(scene, meeting, slug, where)
    return [f"{line['title']} {line['text']}".strip() for line in lines]


def asked(scene: Any, meeting: str, slug: str, where: Any = None) -> list[dict[str, Any]]:
    now = clock.now()
    place = where or scene.here
    found = agenda.of(meeting, place.pk, now - timedelta(days=14), now)
    assert not [each["slug"] for each in found if each["broken"]]
    slugs = {each["slug"]: each for each in found}
    lines: list[dict[str, Any]] = (slugs.get(slug) or slugs[f"{slug}.{meeting}"])["lines"]
    return lines


def test_agendas__name_incidents__signatures__figures__and_nothing_of_elsewhere(
    scene: Any,
) -> None:
    here, world = scene.here, scene.world
    operator = make.actor(make.person(here, "primary_operator"))
    with at(10):
        incident = open_incident(here, actor=operator, severity="sev3", title="Orders fail")
        mission = world.imported(stage="feedback")
        someone = make.person(here, "viewer")
        Feedback.objects.create(mission=mission, person=someone, asked_by="job:test")
        period = whole_periods("undo.success_rate", clock.now())
        last, earlier = next(period), next(period)
        for each, value in ((last, 90.0), (earlier, 84.0)):
            KpiValue.objects.create(
                workspace=here, kpi="undo.success_rate", start=each.start, end=each.end,
                value=value, target=98, state="missed",
            )  # fmt: skip
        assert f"{incident.ref} Orders fail" in said(scene, "standup", "incidents.burning")[0]
        assert mission.ref in said(scene, "council", "missions.unheard")[0]
        [trend] = said(scene, "retro", "missions.deltas")
        assert "90.0" in trend
        assert f"+6.0 since {earlier.start:%Y-%m-%d}" in trend
        for meeting, slug in (
            ("standup", "incidents.burning"), ("council", "missions.unheard"),
            ("retro", "missions.deltas"), ("standup", "missions.to_sign"),
            ("planning", "missions.calendar"), ("standup", "missions.firing"),
            ("ops_sync", "missions.on_the_way"), ("council", "missions.readiness"),
        ):  # fmt: skip
            assert said(scene, meeting, slug, scene.there) == [], slug


def test_retro__a_period_that_runs_is_not_missed(scene: Any) -> None:
    here, now = scene.here, clock.now()
    kpi = kpis.get("undo.success_rate")
    assert kpi is not None
    runs = period_of(kpi.cadence, now)
    whole = next(whole_periods(kpi.slug, now))
    KpiValue.objects.create(workspace=here, kpi=kpi.slug, start=runs.start, end=runs.end,
                            value=14, target=98, state="missed")  # fmt: skip
    [told] = asked(scene, "retro", "missions.deltas")
    assert (told["text"][:4], told["state"], told["tone"]) == ("14.0", "So far", "neutral")
    KpiValue.objects.create(workspace=here, kpi=kpi.slug, start=whole.start, end=whole.end,
                            value=90, target=98, state="missed")  # fmt: skip
    [told] = asked(scene, "retro", "missions.deltas")
    assert (told["text"][:4], told["state"], told["tone"]) == ("90.0", "Missed", "bad")
    assert asked(scene, "retro", "missions.deltas", scene.there) == []


def test_planning__has_the_calendar_of_the_next_quarter(scene: Any) -> None:
    manager = make.actor(make.person(scene.here, "release_manager"))
    now = clock.now()
    for title, days in (("Books are closed", 20), ("Next year's", 200)):
        deployments.make_freeze(
            scene.here, actor=manager, title=title, reason="As every quarter.",
            starts_at=now + timedelta(days=days), ends_at=now + timedelta(days=days + 2),
        )  # fmt: skip
    deployments.plan_launch(
        scene.here, actor=manager, title="For everybody", about="All of it.",
        launch_at=now + timedelta(days=12),
    )  # fmt: skip
    lines = said(scene, "planning", "missions.calendar")
    assert ["For everybody" in lines[0], "Books are closed" in lines[1], len(lines)] == [
        True, True, 2,
    ]  # fmt: skip
    assert not Request.objects.of(scene.there).exists()


def test_minutes__read_as_sentences_do() -> None:
    """What stood on the agenda may end with a full stop of its own."""
    line = {"title": "MSN-3", "text": "Its owner is asked.", "note": "Prepare", "state": "Paused"}
    assert minutes.line_of(line) == "- MSN-3: Its owner is asked, Prepare (Paused)"
    assert minutes.line_of({"title": "MSN-3", "text": "Its owner is asked."}) == (
        "- MSN-3: Its owner is asked."
    )
