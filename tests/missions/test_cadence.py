"""Meetings: when they are, whatever the clocks do; their agenda, their notes, what follows."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from controlplane.base.registries import agenda as registry
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, Invalid, InvalidTransition, NotAllowed
from missions.learning import agenda, times
from missions.models import Cadence, Meeting, MeetingSeries
from missions.services import cadence, followups
from tests import make
from tests.kit import settled
from tests.kit.missions import World

pytestmark = pytest.mark.django_db


@settled.once
def scene() -> Any:
    world = World()
    world.imported(stage="feedback")
    series = cadence.plan_meetings(
        world.workspace, actor=world.oc, cadence="standup", time_zone="Europe/Berlin"
    )
    return SimpleNamespace(world=world, series=series, oc=world.oc)


def series(kind: str, zone: str = "UTC", weekday: int = 0, at: time = time(9)) -> MeetingSeries:
    return MeetingSeries(cadence=kind, time_zone=zone, at=at, weekday=weekday)


def test_nine_there__on_both_sides_of_a_change_of_clocks() -> None:
    berlin = series("standup", "Europe/Berlin")
    friday = datetime(2026, 3, 27, 12, tzinfo=UTC)
    assert times.next_after(berlin, friday) == datetime(2026, 3, 30, 7, tzinfo=UTC)
    assert times.last_before(berlin, friday) == datetime(2026, 3, 27, 8, tzinfo=UTC)
    # A time that the clocks skip is an hour later there.
    skipped = series("ops_sync", "Europe/Berlin", weekday=6, at=time(2, 30))
    assert times.next_after(skipped, friday).isoformat() == "2026-03-29T01:30:00+00:00"


@pytest.mark.parametrize(
    ("kind", "weekday", "days"),
    [
        ("ops_sync", 0, [date(2026, 11, 23), date(2026, 11, 30)]),
        ("council", 2, [date(2026, 12, 2), date(2026, 12, 16)]),
        ("retro", 3, [date(2026, 12, 3), date(2027, 1, 7)]),
        ("planning", 1, [date(2027, 1, 5), date(2027, 4, 6)]),
    ],
)
def test_each_rhythm(kind: str, weekday: int, days: list[date]) -> None:
    row = series(kind, weekday=weekday)
    found, after = [], datetime(2026, 11, 22, 11, tzinfo=UTC)
    for _ in days:
        after = times.next_after(row, after)
        found.append(after.date())
    assert found == days
    assert times.last_before(row, after) == after


def test_every_rhythm__is_found_from_any_day_of_five_years() -> None:
    for kind in Cadence:
        for weekday in range(5):
            row = series(kind, "America/New_York", weekday)
            for day in range(0, 1_826, 31):
                moment = datetime(2026, 1, 1, 5, tzinfo=UTC) + timedelta(days=day)
                following, last = times.next_after(row, moment), times.last_before(row, moment)
                assert last <= moment < following
                assert times.next_after(row, last) == following


def test_the_usual_six__in_the_time_zone_of_the_workspace(scene: Any) -> None:
    made = cadence.plan_usual(scene.world.workspace, actor=scene.oc)
    assert {each.cadence for each in made} == set(Cadence.values) - {"standup"}
    assert {each.time_zone for each in made} == {scene.world.workspace.time_zone}
    assert cadence.plan_usual(scene.world.workspace, actor=scene.oc) == []


def test_series__one_a_time_zone_moved_and_ended(scene: Any) -> None:
    where = scene.world.workspace
    other = cadence.plan_meetings(
        where, actor=scene.oc, cadence="standup", time_zone="Asia/Tokyo", at=time(9, 15)
    )
    with pytest.raises(Conflict, match="Asia/Tokyo already"):
        cadence.plan_meetings(where, actor=scene.oc, cadence="standup", time_zone="Asia/Tokyo")
    moved = cadence.move_meetings(other, actor=scene.oc, at=time(8), version=1)
    assert (moved.at, moved.version) == (time(8), 2)
    cadence.end_meetings(moved, actor=scene.oc, reason="Nobody there any more.")
    with pytest.raises(InvalidTransition):
        cadence.begin_meeting(moved, actor=scene.oc)
    usual: dict[str, Any] = {"cadence": "retro", "time_zone": "UTC"}
    for name, value in (("time_zone", "Mars/Base"), ("cadence", "party"), ("weekday", 6),
                        ("at", "09:00")):  # fmt: skip
        with pytest.raises(Invalid):
            cadence.plan_meetings(where, actor=scene.oc, **{**usual, name: value})


def test_beginning__keeps_the_agenda_of_that_moment(scene: Any) -> None:
    row = cadence.begin_meeting(scene.series, actor=scene.oc)
    first = {each["slug"]: each for each in row.agenda}
    assert first["missions.stages.standup"]["lines"][4]["text"] == "1 mission"
    scene.world.imported(stage="feedback")
    again = cadence.begin_meeting(scene.series, actor=scene.world.gv)
    assert (again.pk, again.agenda) == (row.pk, row.agenda)
    with pytest.raises(DatabaseError), transaction.atomic():
        Meeting.objects.filter(pk=row.pk).update(agenda=[])


def test_a_section_that_breaks__keeps_nobody_from_meeting(
    scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_entries", {})

    def breaks(*_: Any) -> Any:
        Meeting.objects.raw("SELECT nonsense").__iter__()

    agenda.section("a.first", "standup", "Breaks", items=breaks, order=1)
    agenda.section(
        "b.second", "standup", "Says", order=2,
        items=lambda *_: [{"title": "x" * 900, "url": "javascript:alert(1)", "tone": "pink"}] * 40,
    )  # fmt: skip
    broken, said = cadence.begin_meeting(scene.series, actor=scene.oc).agenda
    assert broken["broken"]
    assert (len(said["lines"]), said["more"]) == (30, 10)
    line = said["lines"][0]
    assert (len(line["title"]), line["url"], line["tone"]) == (500, "", "neutral")


def test_every_agenda__can_be_asked(scene: Any) -> None:
    now = clock.now()
    for kind in Cadence:
        asked = agenda.of(kind, scene.world.workspace.pk, now - timedelta(days=30), now)
        assert len(asked) >= 3
        assert not [each["slug"] for each in asked if each["broken"]]


def test_notes__are_written_until_they_are_closed(scene: Any) -> None:
    row = cadence.begin_meeting(scene.series, actor=scene.oc)
    with pytest.raises(Invalid, match="one line will do"):
        cadence.close_meeting(row, actor=scene.oc)
    noted = cadence.write_notes(
        row, actor=scene.oc, notes="password=hunter22", stages=["Plan & Approve", "intake"],
        version=1,
    )  # fmt: skip
    assert "hunter22" not in noted.notes
    assert noted.stages == ["define", "plan_approve"]
    with pytest.raises(Conflict):
        cadence.write_notes(row, actor=scene.world.gv, decisions="Go.", version=1)
    made = followups.add_meeting_followup(
        row, actor=scene.oc, title="Ask the bank", owner=scene.world.owner,
        due_on=(clock.now() + timedelta(days=3)).date(),
    )  # fmt: skip
    assert made.item is not None
    assert made.item.labels == ["follow-up", "meeting"]
    cadence.close_meeting(row, actor=scene.oc, decisions="Go.")
    for late in (
        lambda: cadence.write_notes(row, actor=scene.oc, notes="More."),
        lambda: followups.add_meeting_followup(
            row, actor=scene.oc, title="More", owner=scene.world.owner, due_on=made.due_on
        ),
    ):
        with pytest.raises(InvalidTransition):
            late()
    with pytest.raises(DatabaseError), transaction.atomic():
        Meeting.objects.filter(pk=row.pk).update(notes="Other.")
    followups.drop_followup(made, actor=scene.oc, reason="The bank called.")


def test_strangers__are_refused(scene: Any) -> None:
    elsewhere = make.actor(make.person(make.workspace(), "operations_command"))
    viewer = make.actor(make.person(scene.world.workspace, "viewer"))
    row = cadence.begin_meeting(scene.series, actor=scene.oc)
    for who in (elsewhere, viewer):
        for call in (
            lambda who=who: cadence.begin_meeting(scene.series, actor=who),
            lambda who=who: cadence.write_notes(row, actor=who, notes="Mine."),
            lambda who=who: cadence.close_meeting(row, actor=who, notes="Mine."),
            lambda who=who: cadence.plan_meetings(
                scene.world.workspace, actor=who, cadence="retro"
            ),
            lambda who=who: cadence.end_meetings(scene.series, actor=who, reason="Mine."),
        ):
            with pytest.raises(NotAllowed):
                call()
