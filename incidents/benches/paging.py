"""What it costs to call people: ten thousand steps due at one moment, against a loop that only
claims and moves rows; and what is lost when engines are killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.db import connection, connections, transaction
from django.db.models import Count, F, Max
from django.db.models.functions import Now

from controlplane.access import services as access
from controlplane.access.models import Workspace
from controlplane.base import bench
from controlplane.base.bench import Row, Run
from controlplane.lib import actors, clock, defaults
from controlplane.notify.models import OutboxMessage
from incidents.benches import first_page
from incidents.models import EscalationRun, Incident, Page, PolicyVersion
from incidents.paging import numbers, policies, stepping

P99_S = defaults.define(
    "paging.bench_p99_s", 2.0, unit="s", why="From a step's due time to the row that is sent."
)
DUE = 10_000
KILLED_RUNS = 2_000
KILLS = 30
ENGINES = 2
JOB = actors.job("bench")
_ROLES = ("primary_operator", "secondary_operator", "engineering_lead")


@bench.register("paging", doc="escalation: 10,000 steps due at once, and engines that are killed")
def measure(run: Run) -> Iterator[Row]:
    with bench.quiet():
        found = [
            *_due_at_once(run, run.rows or DUE),
            *_killed(run, min(run.rows or KILLED_RUNS, KILLED_RUNS)),
            *first_page.measure(run),
        ]
    yield from found


def _place(name: str) -> Workspace:
    workspace = access.create_workspace(name, actor=JOB)
    for role in _ROLES:
        access.create_user(
            f"{name}-{role}@example.org", actor=JOB, name=role, workspace=workspace, roles=(role,)
        )
    return workspace


def _version(workspace: Workspace, wait_s: int, slug: str = "bench") -> PolicyVersion:
    """A ladder of one person each. Shorter waits than a service would take, to be due at once."""
    row = policies.save_policy(
        workspace, slug, actor=JOB, title="Bench", repeats=0,
        steps=[{"targets": [{"kind": "role", "ref": role}], "wait_s": 60} for role in _ROLES],
    )  # fmt: skip
    steps = [{"targets": [{"kind": "role", "ref": role}], "wait_s": wait_s} for role in _ROLES]
    return PolicyVersion.objects.create(
        policy=row, number=2, steps=steps, repeats=0, made_by_ref=JOB.ref,
        catch_all=[{"kind": "role", "ref": "workspace_admin"}],
    )  # fmt: skip


def _runs(workspace: Workspace, version: PolicyVersion, count: int, due: datetime) -> None:
    rows = Incident.objects.bulk_create(
        Incident(
            workspace=workspace, ref=f"INC-{number}", title=f"It fails {number}", severity="sev1",
            origin="alert", created_by=JOB.ref, version=1,
        )
        for number in range(1, count + 1)
    )  # fmt: skip
    EscalationRun.objects.bulk_create(
        EscalationRun(
            workspace=workspace, incident=row, policy=version, why="opened", next_at=due,
            started_at=due,
        )
        for row in rows
    )  # fmt: skip


# --- Everything is due at once --------------------------------------------------------------------


def _due_at_once(run: Run, count: int) -> Iterator[Row]:
    workspace = _place("bench-due")
    version = _version(workspace, 3600)
    due = clock.now() + timedelta(seconds=3600)
    _runs(workspace, version, count, due)
    _analyze()
    least = [_bare(workspace) for _ in range(3)]
    bare = median(took for took, _ in least)
    EscalationRun.objects.filter(workspace=workspace).update(next_at=Now())
    began = time.perf_counter()
    batches = _engines(_drain_told)
    took = time.perf_counter() - began
    waits = _waits(workspace, batches)
    sent = OutboxMessage.objects.filter(workspace=workspace).count()
    p99 = _share(waits, 0.99)
    if sent != count:
        run.missed.append(f"paging: {sent} of {count} steps became rows that are sent")
    if p99 > P99_S.value:
        run.missed.append(f"paging: due to row p99 {p99:.2f} s, at most {P99_S.value:.0f} s")
    name = f"{count:,} steps due at once, {ENGINES} engines"
    yield Row(f"steps, {name}", count / took, "steps/s", "claim and move only", count / bare)
    beside = "claim and move only"
    for share, value in ((0.5, _share(waits, 0.5)), (0.99, p99)):
        plain = median(_share(bare_waits, share) for _, bare_waits in least)
        note = f"goal {P99_S.value:g} s" if share > 0.9 else ""
        yield Row(f"due to the row that is sent, p{share * 100:.0f}", value * 1000, "ms", beside,
                  plain * 1000, note)  # fmt: skip


def _waits(workspace: Workspace, batches: Sequence[tuple[float, int]]) -> list[float]:
    """Seconds from when each step was due to when what is sent for it was committed."""
    begun = EscalationRun.objects.filter(workspace=workspace).aggregate(due=Max("next_at"))["due"]
    due = begun - timedelta(seconds=3600)
    return sorted(at - due.timestamp() for at, count in batches for _ in range(count))


def _bare(workspace: Workspace) -> tuple[float, list[float]]:
    """The least any engine of this kind must do: claim rows, move their time, commit. How long it
    took, and how long each waited."""
    EscalationRun.objects.filter(workspace=workspace).update(next_at=Now())
    due, began = clock.now().timestamp(), time.perf_counter()
    told = _engines(_move_only)
    took = time.perf_counter() - began
    return took, sorted(at - due for at, count in told for _ in range(count))


def _move_only(tell: Callable[[tuple[float, int]], None]) -> None:
    while True:
        with transaction.atomic():
            rows = EscalationRun.objects.filter(status="running", next_at__lte=Now())
            held = rows.select_for_update(skip_locked=True, no_key=True).order_by("next_at", "pk")
            keys = list(held.values_list("pk", flat=True)[: numbers.BATCH.value])
            if not keys:
                return
            EscalationRun.objects.filter(pk__in=keys).update(
                next_at=F("next_at") + timedelta(seconds=3600), version=F("version") + 1
            )
        tell((clock.now().timestamp(), len(keys)))


def _drain_told(tell: Callable[[tuple[float, int]], None]) -> None:
    """Each batch with the moment after its commit."""
    while _due().exists():
        taken = stepping.step_batch()
        tell((clock.now().timestamp(), taken))


def _drain(_: object = None) -> None:
    while _due().exists():
        stepping.work(time.monotonic() + 5)


def _due(workspace: Workspace | None = None) -> Any:
    rows = EscalationRun.objects.filter(status="running", next_at__lte=Now())
    return rows if workspace is None else rows.filter(workspace=workspace)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _share(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


# --- Engines are killed -------------------------------------------------------------------------


def _killed(run: Run, count: int) -> Iterator[Row]:
    workspace = _place("bench-killed")
    version = _version(workspace, 0, "bench-killed")
    _runs(workspace, version, count, clock.now() - timedelta(seconds=1))
    _analyze()
    began = time.perf_counter()
    kills = _kill_engines(run, workspace)
    took = time.perf_counter() - began
    rows = Page.objects.filter(workspace=workspace, user__isnull=False)
    wanted = count * len(_ROLES)
    lost = wanted - rows.count()
    twice = rows.values("run", "round", "step", "target").annotate(n=Count("pk")).filter(n__gt=1)
    unsent = rows.exclude(notification__deliveries__method="email").count()
    if lost or unsent or twice.exists():
        run.missed.append(f"paging: {lost} pages lost, {unsent} unsent, {twice.count()} doubled")
    note = f"{kills} SIGKILLs in {took:.1f} s"
    yield Row("pages lost", float(lost), f"of {wanted:,}", note=note)
    yield Row("pages without what is sent for them", float(unsent), f"of {wanted:,}")
    yield Row("pages doubled", float(twice.count()), f"of {wanted:,}")
    yield Row("steps with engines killed", wanted / took, "steps/s")


def _kill_engines(run: Run, workspace: Workspace) -> int:
    """One engine after the other is killed and another takes its place, until all is done."""
    connections.close_all()
    context = multiprocessing.get_context("fork")
    alive: list[Any] = []
    kills = 0
    while True:
        while len(alive) < ENGINES:
            alive.append(_spawn(context, _drain))
        time.sleep(run.rng.uniform(0.05, 0.2))
        open_still = _due(workspace).exists()
        connection.close()  # a fork must not share it
        if not open_still:
            break
        if kills < KILLS:
            victim = alive.pop(run.rng.randrange(len(alive)))
            if victim.is_alive():
                os.kill(victim.pid, signal.SIGKILL)
                kills += 1
            victim.join()
        alive = [each for each in alive if each.is_alive()]
    for each in alive:
        each.join()
    return kills


# --- Processes ------------------------------------------------------------------------------------


def _spawn(context: Any, work: Callable[[Any], None], tell: Any = None) -> Any:
    def begin() -> None:
        try:
            work(tell)
        finally:
            connections.close_all()

    process = context.Process(target=begin)
    process.start()
    return process


def _engines(work: Callable[[Any], None]) -> list[tuple[float, int]]:
    """Run it in each engine until all are done; what they tell."""
    connections.close_all()
    context = multiprocessing.get_context("fork")
    told = context.SimpleQueue()
    processes = [_spawn(context, work, told.put) for _ in range(ENGINES)]
    for process in processes:
        process.join()
    found = []
    while not told.empty():
        found.append(told.get())
    return found


def _analyze() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
