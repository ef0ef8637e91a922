"""Events go after 180 days, minutes after 14, and the clean-up says what went."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from controlplane.access.models import Workspace
from controlplane.base import retention
from controlplane.base.data_rules import personal_data
from controlplane.base.data_rules import retention as classes
from controlplane.base.models import RetentionRun
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, NotAllowed
from controlplane.privacy.services import lift_hold, place_hold
from telemetry import rollups, trimming
from telemetry.erasing import erase_events
from telemetry.models import Dirty, Event, Partition, RollupDay, RollupHour, RollupMinute
from telemetry.partitions import closing, jobs
from tests import make
from tests.kit.days import days_ago, forget_days, midnight, opened, put
from tests.kit.rollups import expected, stored
from tests.kit.telemetry import event, tell


@pytest.fixture
def old_day() -> Iterator[date]:
    day = days_ago(190)
    assert opened(day)
    yield day
    forget_days(days_ago(180))


def run(slug: str, *, dry_run: bool = False) -> RetentionRun:
    found = retention.clean(actor=make.JOB, only=slug, dry_run=dry_run)
    assert [each.error for each in found] == [""]
    return found[0]


def readable(workspace: Workspace) -> int:
    return Event.objects.filter(workspace_id=workspace.pk).count()


@pytest.mark.django_db(transaction=True)
def test_events__gone_after_their_time_with_a_record(old_day: date) -> None:
    put(make.workspace(), [midnight(old_day) + timedelta(minutes=n) for n in range(20)])
    assert run("telemetry.events", dry_run=True).rows == 20
    assert run("telemetry.events").rows == 0, "the day is not closed yet"
    assert jobs.opened_and_closed()["closed"] >= 1
    assert run("telemetry.events", dry_run=True).rows == 20
    assert run("telemetry.events").rows == 20
    assert run("telemetry.events", dry_run=True).rows == 0
    found = Partition.objects.get(day=old_day)
    assert (found.state, found.rows) == ("dropped", 20)
    assert found.dropped_at is not None
    assert sum(RollupDay.objects.values_list("total", flat=True)) == 20


@pytest.mark.django_db(transaction=True)
def test_events__of_a_held_workspace__keep_their_day_whole_until_it_is_lifted(
    old_day: date,
) -> None:
    held, other = make.workspace(), make.workspace()
    for workspace, number in ((held, 2), (other, 3)):
        put(workspace, [midnight(old_day) + timedelta(minutes=n) for n in range(number)])
    assert jobs.opened_and_closed()["closed"] >= 1
    lawyer = make.actor(make.person(held, "legal"))
    hold = place_hold(held, actor=lawyer, kind="everything", reason="Matter 17.")
    for dry_run in (True, False):
        found = run("telemetry.events", dry_run=dry_run)
        assert (found.rows, found.held) == (0, 5)
    with pytest.raises(Conflict):
        erase_events(make.JOB, held, reason="They asked.")
    assert jobs.opened_and_closed()["closed"] == 0
    assert readable(held) == 2, "a day that was detached before comes back to be read"
    assert Partition.objects.get(day=old_day).state == "sealed"
    assert erase_events(make.JOB, other, reason="They asked.") == 3
    lift_hold(hold, actor=lawyer, reason="Closed.")
    assert jobs.opened_and_closed()["closed"] >= 1
    assert readable(held) == 0
    assert run("telemetry.events").rows == 2
    assert Partition.objects.get(day=old_day).state == "dropped"


@pytest.mark.django_db(transaction=True)
def test_events__held_before_their_time__are_sealed_and_stay_to_be_read(old_day: date) -> None:
    held, other = make.workspace(), make.workspace()
    put(held, [midnight(old_day) + timedelta(minutes=n) for n in range(2)])
    lawyer = make.actor(make.person(held, "legal"))
    hold = place_hold(held, actor=lawyer, kind="everything", reason="Matter 17.")
    stranger = make.actor(make.person(other, "legal"))
    place_hold(other, actor=stranger, kind="everything", reason="Another matter.")
    for _ in range(2):
        jobs.opened_and_closed()
        found = Partition.objects.get(day=old_day)
        assert (found.state, found.rows, readable(held)) == ("sealed", 2, 2)
        assert found.sealed_at is not None
    lift_hold(hold, actor=lawyer, reason="Closed.")
    jobs.opened_and_closed()
    found.refresh_from_db()
    assert found.state == "detached", "another workspace's hold keeps none of this"


@pytest.mark.django_db
def test_events__kept_half_a_year_and_never_less_than_baselines_need() -> None:
    entry = classes.get("telemetry.events")
    assert entry is not None
    assert entry.keep == timedelta(days=180)
    assert entry.minimum >= timedelta(days=28)


@pytest.mark.django_db
def test_every_table__has_an_end_or_a_reason() -> None:
    kept = {model for entry in classes for model in entry.models}
    told = {model for entry in personal_data for model in entry.models}
    for name in ["event", "refusal", "partition", "dirty", "missionday", "rollupday", "rolluphour"]:
        assert f"telemetry.{name}" in kept & told
    assert "telemetry.rollupminute" in kept & told


@pytest.mark.django_db
def test_minutes__gone_after_two_weeks_and_late_events_count_all_the_same() -> None:
    workspace = make.workspace()
    at = midnight(days_ago(20)) + timedelta(hours=7)
    tell(workspace, [event(at=at + timedelta(minutes=7 * n), duration_ms=n) for n in range(12)])
    tell(workspace, [event(at=clock.now() - timedelta(hours=1))])
    rollups.roll(60)
    assert Dirty.objects.filter(grain="hour").exists(), "hours wait while their minutes go"
    assert run("telemetry.minutes", dry_run=True).rows == 12
    assert run("telemetry.minutes").rows == 12
    assert RollupMinute.objects.count() == 1
    rollups.settle()
    agree()
    again = at + timedelta(minutes=14)
    tell(workspace, [event(at=again, toolkit="late"), event(at=again, duration_ms=4.0, count=3)])
    rollups.roll()
    rollups.settle()
    assert RollupMinute.objects.count() == 1
    agree()


def agree() -> None:
    for grain in (RollupHour, RollupDay):
        assert stored(grain) == expected(grain)


@pytest.mark.django_db
def test_minutes_in_batches__each_day_noted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    at = midnight(days_ago(20))
    tell(None, [event(at=at + timedelta(minutes=n)) for n in range(10)])
    rollups.settle()
    cutoff = clock.now() - timedelta(days=14)
    assert [trimming.drop_minutes(cutoff, 4) for _ in range(4)] == [4, 4, 2, 0]
    assert not Partition.objects.filter(day__lt=cutoff.date(), trimmed_at=None).exists()
    assert Partition.objects.filter(day=cutoff.date(), trimmed_at=None).exists()


@pytest.mark.django_db
def test_strangers__may_not_clean_up() -> None:
    person = make.person(make.workspace(), "workspace_admin")
    with pytest.raises(NotAllowed):
        retention.clean(actor=make.actor(person), only="telemetry.events")


@pytest.mark.django_db
def test_day_that_was_not_closed__never_dropped() -> None:
    day = days_ago(10)
    for state in ("open", "sealed", "dropped"):
        Partition.objects.filter(day=day).update(state=state, sealed_at=clock.now())
        assert not closing.drop(day)
    Partition.objects.filter(day=day).update(state="detached")
    assert not closing.drop(day), "its table still belongs to the whole"
    Partition.objects.filter(day=day).update(sealed_at=None)
    assert not closing.drop(day)
