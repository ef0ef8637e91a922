"""What a look at live rollouts costs: the judge alone, and a whole tick with reading, counting
and writing, beside one bare UPDATE a rollout.

The flags and rollouts are written straight into the tables: a thousand plans through the services
would measure planning. What ticks is what ticks everywhere.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import timedelta
from time import perf_counter, process_time
from typing import Any

from controlplane.access import services as access
from controlplane.access.models import Workspace
from controlplane.base.bench import Row, Run, quiet
from controlplane.catalog.models import Environment
from controlplane.lib import actors, clock
from deployments.canary.judge import Situation, judge
from deployments.canary.limits import Limits
from deployments.canary.seen import Figures, Seen, look
from deployments.canary.services.looking import tick
from deployments.canary.services.moving import expected
from deployments.canary.ticks import tick_all
from deployments.flags.models import Flag, FlagState
from deployments.flags.models.flags import settings_off
from deployments.models import Rollout, RolloutStep, Snapshot
from telemetry.ingest import report

JOB = actors.job("bench")
LIVE = 1_000
EVENTS = 20  # of each rollout, in the minute that is read
MINUTE = timedelta(minutes=1)


def measure(run: Run) -> Iterator[Row]:
    live = run.rows or LIVE
    yield _judging(run, live)
    workspace = access.create_workspace("bench-canary", actor=JOB)
    with quiet():
        rollouts = _running(workspace, live)
        _report(workspace, rollouts, run.rng)
        bare = _bare(rollouts)
        wall, cpu, verdicts = _tick()
    assert verdicts.get("keep") == live, verdicts
    yield Row(
        f"one tick of {live:,} live rollouts, {live * EVENTS:,} events",
        wall,
        "s",
        f"{live:,} bare UPDATEs",
        bare,
        note=f"{cpu:.1f} s of CPU here",
    )
    yield Row("the same, of one rollout", 1000 * wall / live, "ms")
    yield Row("a tick of what was counted already", 1000 * _again(rollouts[0]), "ms")


def _judging(run: Run, live: int) -> Row:
    """Counting one minute and judging, an hour of it in turn; beside the playbook's plain limit
    on the same counts, which keeps no evidence and knows no noise."""
    limits, start = Limits(), clock.now()
    minutes = [Figures(n=200, errors=run.rng.randrange(4), others=1_800) for _ in range(60)]
    looks, begun = 0, process_time()
    while (spent := process_time() - begun) < run.seconds:
        seen = Seen()
        for number, figures in enumerate(minutes, 1):
            at = start + number * MINUTE
            seen = look(seen, figures, at=at, limits=limits)
            judge(
                seen,
                Situation(now=at, started_at=start, dwell=90 * MINUTE, percent=10),
                limits,
            )
        looks += len(minutes)
    one = spent / looks
    return Row(
        f"the judge alone, a look at each of {live:,} live rollouts",
        1e3 * live * one,
        "ms",
        "the plain limit on the same counts",
        1e3 * live * _plain(minutes, limits, run.seconds),
        note=f"{1e6 * one:.1f} us of CPU each",
    )


def _plain(minutes: list[Figures], limits: Limits, seconds: float) -> float:
    """CPU seconds of one look."""
    looks, above, begun = 0, 0, process_time()
    while (spent := process_time() - begun) < seconds:
        n = errors = 0
        for figures in minutes:
            n, errors = n + figures.n, errors + figures.errors
            above += n >= limits.min_samples and errors > limits.max_error_rate * n
        looks += len(minutes)
    return spent / looks


def _running(workspace: Workspace, live: int) -> list[Rollout]:
    environment = Environment.objects.get(workspace=workspace, slug="staging")
    flags = Flag.objects.bulk_create(
        [Flag(workspace=workspace, flag_name=f"canary-{number}") for number in range(live)]
    )
    now = clock.now()
    baseline = Snapshot.objects.create(
        workspace=workspace,
        phase=Snapshot.Phase.BEFORE,
        starts_at=now - 30 * MINUTE,
        ends_at=now,
        figures={"p95_ms": 100.0},
        taken_by=JOB.ref,
    )
    rows = Rollout.objects.bulk_create(
        [
            Rollout(
                workspace=workspace,
                ref=f"CAN-{number}",
                title=flag.flag_name,
                flag=flag,
                environment=environment,
                limits=Limits().written(),
                base=settings_off(),
                baseline=baseline,
                slow_ms=200.0,
                created_by=JOB.ref,
            )
            for number, flag in enumerate(flags, 1)
        ]
    )
    started = now - 5 * MINUTE
    RolloutStep.objects.bulk_create(
        [
            RolloutStep(
                rollout=row,
                position=place,
                percent=percent,
                hold_minutes=60,
                state="running" if place == 1 else "pending",
                started_at=started if place == 1 else None,
            )
            for row in rows
            for place, percent in enumerate((10, 50, 100), 1)
        ]
    )
    # Two minutes back, so that there is one whole minute to read.
    read = (now - 2 * MINUTE).replace(second=0, microsecond=0)
    Rollout.objects.filter(workspace=workspace).update(
        status="running", started_at=started, read_until=read
    )
    step = RolloutStep(percent=10, position=1)
    for row in rows:
        FlagState.objects.filter(flag=row.flag, environment=environment).update(
            settings=expected(row, step)
        )
    found = Rollout.objects.filter(workspace=workspace).select_related("flag", "environment")
    return list(found.order_by("pk"))


def _report(workspace: Workspace, rollouts: list[Rollout], rng: random.Random) -> None:
    """Events of the minute that is read next, come in meanwhile."""
    events: list[dict[str, Any]] = []
    for row in rollouts:
        assert row.read_until is not None
        for number in range(EVENTS):
            answer = "on" if number % 10 == 0 else "off"
            events.append(
                {
                    "event": "composio_tool_call",
                    "occurred_at": row.read_until + timedelta(seconds=rng.randrange(1, 59)),
                    "status": "success",
                    "env": "staging",
                    "duration_ms": 50.0,
                    "user_id": f"{row.ref}-{number}",
                    "context": {"flags": {row.flag.flag_name: answer}},
                }
            )
    with clock.set_back(1.5 * MINUTE):
        for place in range(0, len(events), 500):
            report(JOB, workspace, events[place : place + 500])


def _bare(rollouts: list[Rollout]) -> float:
    begun = perf_counter()
    for row in rollouts:
        Rollout.objects.filter(pk=row.pk).update(title=row.title)
    return perf_counter() - begun


def _tick() -> tuple[float, float, Mapping[str, Any]]:
    begun, cpu = perf_counter(), process_time()
    verdicts = tick_all() or {}
    return perf_counter() - begun, process_time() - cpu, verdicts


def _again(rollout: Rollout) -> float:
    fresh = Rollout.objects.select_related("flag", "environment", "baseline").get(pk=rollout.pk)
    begun = perf_counter()
    tick(fresh)
    return perf_counter() - begun
