"""Made-up telemetry: the same for the same seed, true to the catalogue, taken by the ingest."""

from __future__ import annotations

import itertools
import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from controlplane.access.models import Workspace
from controlplane.lib import clock, redaction
from telemetry import catalogue, measures, rollups, simulate
from telemetry.catalogue.kinds import TYPE_OF
from telemetry.models import AuditRun, Event, KpiValue
from telemetry.simulate import fast, world
from tests import make
from tests.kit import telemetry as kit

MONDAY = datetime(2025, 10, 13, tzinfo=UTC)
DAY = timedelta(days=1)
_PYTHON: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "number": (int, float),
    "bool": (bool,),
    "list": (list,),
    "object": (dict,),
    "time": (str,),
    "text": (str,),
    "any": (object,),
}


@pytest.fixture(scope="module")
def week() -> list[simulate.Event]:
    return list(simulate.events(7, MONDAY, MONDAY + 7 * DAY, 6.0))


def test_events__in_order_and_about_as_many_as_asked(week: list[simulate.Event]) -> None:
    times = [event["occurred_at"] for event in week]
    assert times == sorted(times)
    assert times[0] >= MONDAY
    assert times[-1] < MONDAY + 7 * DAY
    assert 0.7 < len(week) / (7 * 1440 * 6.0) < 1.3
    assert len({event["event_id"] for event in week}) == len(week)


def test_same_seed__tells_the_same_wherever_the_window_begins(week: list[simulate.Event]) -> None:
    noon = MONDAY + timedelta(days=2, hours=12)
    part = list(simulate.events(7, noon, noon + timedelta(hours=1), 6.0))
    assert part == [e for e in week if noon <= e["occurred_at"] < noon + timedelta(hours=1)]
    assert part
    other = list(simulate.events(8, noon, noon + timedelta(hours=1), 6.0))
    assert not {e["event_id"] for e in other} & {e["event_id"] for e in part}


def test_rhythm__quiet_at_night_and_on_sundays(week: list[simulate.Event]) -> None:
    missions = Counter(
        (event["occurred_at"].weekday(), event["occurred_at"].hour)
        for event in week
        if event["event"] == "mission_created"
    )
    by_day = Counter({(day, 9 <= hour < 17): 0 for day in range(7) for hour in range(24)})
    for (day, hour), count in missions.items():
        by_day[(day, 9 <= hour < 17)] += count
    assert by_day[(1, True)] > 2 * by_day[(1, False)]
    assert by_day[(1, True)] > 2 * by_day[(6, True)]
    steady = list(simulate.events(7, MONDAY, MONDAY + timedelta(hours=4), 60.0, steady=True))
    assert 0.6 < len(steady) / (240 * 60.0) < 1.3


def test_events__say_what_the_catalogue_requires(week: list[simulate.Event]) -> None:
    for event in week:
        kind = catalogue.find(event["event"])
        assert kind is not None, event["event"]
        context = event.get("context", {})
        told = {**context, **event}
        for key in kind.keys:
            assert not key.required or key.name in told, (kind.name, key.name)
            if key.name in context:
                wanted = _PYTHON[TYPE_OF.get(key.name, "text")]
                assert isinstance(context[key.name], wanted), (kind.name, key.name)
                if key.options:
                    assert context[key.name] in key.options, (kind.name, key.name)
        assert event.get("status", "info") in (*kind.statuses, "info")
        if kind.mission:
            assert event["mission_id"]
            assert event["correlation_id"]


def test_a_week__shows_all_there_is_to_look_at(week: list[simulate.Event]) -> None:
    seen = Counter(event["event"] for event in week)
    rare = {"session_heartbeat", "validator_override_requested", "undo_completed", "agent_error"}
    rare |= {"oauth_refresh_failed", "feedback_submitted", "workspace_stream_closed"}
    rare |= {"wake_attempted", "composio_tool_call_error", "gauge_reported", "request_completed"}
    assert rare <= set(seen)
    agents = {event.get("agent_name") for event in week} - {None}
    assert agents == set(catalogue.AGENT_ROLES)
    tools = {event["context"].get("meta_tool") for event in week if "context" in event} - {None}
    assert tools == set(catalogue.OPERATIONS)
    kits = {event["context"].get("toolkit") for event in week if "context" in event} - {None}
    assert kits == {toolkit.slug for toolkit in world.TOOLKITS}


def test_missions__walk_the_stages_in_order(week: list[simulate.Event]) -> None:
    stages: dict[str, list[str]] = defaultdict(list)
    beats: dict[str, list[datetime]] = defaultdict(list)
    for event in week:
        name = str(event.get("mission_id"))
        if event["event"] in {"mission_created", "mission_completed", "mission_stage_transition"}:
            stages[name].append(event["stage"])
        if event["event"] == "session_heartbeat" and event["agent_name"] == "executor":
            beats[name].append(event["occurred_at"])
    order = list(catalogue.STAGES)
    whole = [seen for seen in stages.values() if seen[0] == "define"]
    assert len(whole) > 50
    for seen in whole:
        places = [order.index(stage) for stage in seen]
        assert places == sorted(places)
    assert sum(seen[-1] == "reflect_improve" for seen in whole) > 0.6 * len(whole)
    for moments in beats.values():
        for one, other in itertools.pairwise(moments):
            assert other - one <= timedelta(seconds=90)


def test_nothing_in_it__looks_like_a_secret_or_a_person(week: list[simulate.Event]) -> None:
    for event in random.Random(1).sample(week, 3_000):
        text = {key: value for key, value in event.items() if key not in {"occurred_at", "user_id"}}
        _, found = redaction.redact_counted(text)
        assert not found, event


@pytest.mark.django_db
def test_command__reports_as_the_agents__and_a_second_run_only_redelivers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    kit.forget()
    workspace = make.workspace()
    executor = make.agent(workspace, role="executor")
    start = (clock.now() - timedelta(hours=2)).isoformat()
    args = ["--rate=60", "--minutes=30", "--seed=5", f"--workspace={workspace.slug}"]
    call_command("simulate_telemetry", *args, f"--from={start}")
    first = Event.objects.of(workspace.pk).count()
    assert first > 300
    sources = set(Event.objects.of(workspace.pk).values_list("source", flat=True))
    assert sources == {f"agent:{executor.pk}", "job:simulate_telemetry"}
    assert not Event.objects.filter(flags__gt=0).exclude(flags=2).exists()
    call_command("simulate_telemetry", *args, f"--from={start}")
    assert Event.objects.of(workspace.pk).count() == first
    assert f"{first:,} there already" in capsys.readouterr().out


@pytest.mark.django_db
def test_command__fills_the_past_and_nothing_of_the_future() -> None:
    kit.forget()
    workspace = make.workspace()
    call_command("simulate_telemetry", "--back=0.1", "--rate=10", f"--workspace={workspace.slug}")
    times = list(Event.objects.of(workspace.pk).values_list("occurred_at", flat=True))
    assert times
    now = clock.now()
    assert now - timedelta(days=0.11) < min(times)
    assert max(times) <= now


@pytest.mark.django_db
@pytest.mark.parametrize(
    "args",
    [
        ["--workspace=nowhere"],
        ["--rate=0"],
        ["--rate=nan"],
        ["--rate=inf"],
        ["--minutes=-1"],
        ["--minutes=1e300"],
        ["--back=1e300"],
        ["--back=-1"],
        ["--from=yesterday"],
        ["--from=2025-13-45T00:00:00Z"],
        ["--from=0001-01-01T00:00:00+14:00"],
    ],
)
def test_command__refuses_what_makes_no_sense(args: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("simulate_telemetry", *args)


@pytest.mark.django_db
def test_command__in_production__only_for_a_demo(settings: Any) -> None:
    settings.PRODUCTION = True
    workspace = make.workspace()
    with pytest.raises(CommandError, match="demo"):
        call_command("simulate_telemetry", f"--workspace={workspace.slug}")


@pytest.mark.django_db
def test_rows__by_the_million__of_their_workspace_and_ready_for_copy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fast, "_MODEL_RATE", 4.0)
    workspace = make.workspace()
    end = MONDAY + 2 * DAY
    made = list(simulate.rows(random.Random(3), workspace, MONDAY, end, 20.0))
    again = list(simulate.rows(random.Random(3), workspace, MONDAY, end, 20.0))
    assert made == again
    assert 0.6 < len(made) / (2880 * 20.0) < 1.6
    assert len({row.id for row in made}) == len(made)
    assert {row.workspace_id for row in made} == {workspace.pk}
    assert all(MONDAY <= row.occurred_at < end for row in made)
    assert {row.id[6] >> 4 for row in made} == {7}  # the version


@pytest.mark.slow
@pytest.mark.django_db
def test_demo__shows_figures_to_who_looks_before_any_job_ran(settings: Any, tmp_path: Any) -> None:
    settings.STATE_DIR = tmp_path
    kit.forget()
    call_command("seed_demo", stdout=StringIO())
    demo = Workspace.objects.get(slug="demo")
    assert rollups.waiting().get("minute", 0) == 0
    end = clock.now()
    calls = measures.read(measures.get("tool.error_rate"), demo.pk, end - 7 * DAY, end)[""]
    assert calls.sample > 100
    (run,) = AuditRun.objects.filter(workspace=demo)
    assert run.events > 5_000
    # On a Monday the week has just begun: of throughput there is nothing to tell yet.
    kept = KpiValue.objects.filter(workspace=demo)
    assert kept.filter(kpi="missions.throughput").exists()
    assert any(row.value for row in kept)
