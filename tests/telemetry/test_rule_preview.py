"""A preview tells what would have been: the same as a live watch over the same time."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest

from controlplane.lib.errors import Invalid
from telemetry import measures, rollups
from telemetry.models import AlertRule, RuleChange
from telemetry.rules import history
from telemetry.rules import services as rules
from telemetry.rules.preview import preview
from tests.kit.rules import World
from tests.kit.telemetry import event, tell

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    rules.adopt()
    return World(monkeypatch)


@pytest.mark.parametrize(
    "seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)]
)
def test_preview__is_what_a_live_watch_did(world: World, seed: int) -> None:
    rule = world.rule(for_s=120, resolve_for_s=60, window_s=180, min_sample=5)
    chance = random.Random(seed)
    begun, ill = world.now, False
    for _ in range(90):
        ill = chance.random() < 0.9 if ill else chance.random() < 0.15
        if chance.random() < 0.85:
            world.calls(good=20, bad=chance.randint(2, 20) if ill else 0)
        world.passes(59)  # the last look of each minute, which sees the whole of it
        world.look()
        world.passes(1)
    ends: dict[str, list[datetime]] = {"fired": [], "resolved": []}
    for change in RuleChange.objects.filter(rule=rule).order_by("at"):
        ends[change.kind].append(change.at + timedelta(seconds=1))
    found = preview(rule, world.workspace.pk, period="24h", now=world.now)
    firings = [one for one in found.firings if one.at > begun]
    assert len(ends["fired"]) > 1
    assert [one.at for one in firings] == ends["fired"]
    assert [one.until for one in firings if one.until] == ends["resolved"]


SLID = (
    "tool.error_rate", "tool.calls", "tool.p95", "tool.per_minute", "executor.error_rate",
    "quota.used", "missions.completed", "tool.discovery_ratio",
)  # fmt: skip


@pytest.mark.slow
def test_sliding__reads_what_a_single_look_reads(world: World) -> None:
    """Every measure over the same hours."""
    chance = random.Random(7)
    for _ in range(40):
        outcome = chance.choice(["success", "error"])
        world.calls(
            good=chance.randint(1, 9) if outcome == "success" else 0,
            bad=chance.randint(1, 9) if outcome == "error" else 0,
            toolkit=chance.choice(["slack", "gmail"]),
        )
        if chance.random() < 0.5:
            world.gauge("quota_used_percent", chance.uniform(0, 100), "mail")
        if chance.random() < 0.3:
            done = event("mission_completed", at=world.now, mission_id=f"M{chance.random()}")
            tell(world.workspace, [done])
            rollups.settle()
        world.passes(chance.choice([20, 60, 90, 200]))
    for slug in SLID:
        reads_the_same(world, slug)


def reads_the_same(world: World, slug: str) -> None:
    measure = measures.get(slug)
    group = "toolkit" if slug.startswith("tool.") and slug != "tool.discovery_ratio" else ""
    rule = AlertRule(measure=slug, group_by=group, window_s=600)
    past = history.slide(
        rule, measure, world.workspace.pk, world.now - timedelta(hours=1), world.now
    )
    assert past.ats
    for at in past.ats[:: max(1, len(past.ats) // 12)]:
        single = measures.read(
            measure, world.workspace.pk, at - timedelta(minutes=10), at, group_by=group
        )
        for series in past.lines:
            expected = single.get(series, measures.NO_DATA)
            read = past.lines[series][at]
            assert read.sample == expected.sample, (at, series)
            if expected.value is None:
                assert read.value is None
            else:
                assert read.value == pytest.approx(expected.value), (slug, at)


def test_sentence__times_and_minutes(world: World) -> None:
    rule = world.rule(for_s=0, window_s=60)
    for minutes in (3, 5):
        for _ in range(minutes):
            world.calls(bad=10)
            world.passes(60)
        for _ in range(4):
            world.calls(good=10)
            world.passes(60)
    found = preview(rule, world.workspace.pk, period="24h", now=world.now)
    assert found.sentence == "Would have fired 2 times in the last 24 hours, for 8 min in all."
    assert found.as_data()["lasted_s"] == 480


def test_nothing_there__says_so(world: World) -> None:
    rule = world.rule()
    assert preview(rule, world.workspace.pk).sentence.startswith("Nothing to judge")


def test_still_firing__says_so(world: World) -> None:
    rule = world.rule(for_s=0)
    world.calls(bad=10)
    world.passes(60)
    assert "It would fire now." in preview(rule, world.workspace.pk, now=world.now).sentence


def test_unsaved_rule__is_previewed_and_never_saved(world: World) -> None:
    world.calls(bad=10)
    world.passes(60)
    before = AlertRule.objects.count()
    rule = AlertRule(
        workspace=world.workspace, slug="try", title="Try", measure="tool.error_rate", threshold=5.0
    )
    assert len(preview(rule, world.workspace.pk, now=world.now).firings) == 1
    assert AlertRule.objects.count() == before


def test_nonsense__is_refused_before_anything_is_read(world: World) -> None:
    rule = AlertRule(slug="try", title="Try", measure="no.such", threshold=5.0)
    with pytest.raises(Invalid) as refused:
        preview(rule, world.workspace.pk)
    assert "measure" in refused.value.details


@pytest.mark.slow
def test_every_shipped_rule__can_be_previewed(world: World) -> None:
    world.calls(good=10, bad=10)
    world.passes(60)
    for rule in AlertRule.objects.shipped():
        assert preview(rule, world.workspace.pk, now=world.now).sentence
