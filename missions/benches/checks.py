"""What it costs to say what a mission lacks, at its gates and by the rules of governance, while
ten thousand are under way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings

from controlplane.base.bench import Row, Run, quiet
from controlplane.work.benches.timing import both, timed
from missions import governance, stages
from missions.benches import copies, pages
from missions.benches.team import Team
from missions.evidence.limits import ALIAS as EVIDENCE
from missions.gates.looking import Look, all_checks
from missions.governance.kinds import BOOK, MISSIONS
from missions.models import Mission

MANY = 10_000
SAMPLE = 40  # of each stage, one after the other
_MEMORY = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
STORAGES = {
    "default": _MEMORY,
    EVIDENCE: _MEMORY,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}


def measure(run: Run) -> Iterator[Row]:
    with override_settings(STORAGES=STORAGES):
        with quiet():
            team = Team("bench-missions")
            many = fill(team, run.rows or MANY)
            found = [*_gates(run, team), *_governance(run, team, many)]
        yield from found
        yield from pages.measure(run, team, many)


def fill(team: Team, many: int) -> int:
    """As many in each stage, all of them under way; how many they are."""
    rows = [team.mission(stage) for stage in stages.SLUGS]
    copies.multiply(rows, max(many // len(rows), 1) - 1)
    return Mission.objects.of(team.workspace).under_way().count()


def _gates(run: Run, team: Team) -> Iterator[Row]:
    for stage in stages.SLUGS:
        rows = _some(team, run, stage)
        checks, queries = _counted(lambda row=rows[0]: all_checks(Look(row)))  # type: ignore[misc]
        taken = timed(_each(rows, lambda row: all_checks(Look(row))), run.seconds / 4)
        bare = timed(_bare(rows, len(checks)), run.seconds / 8)
        label = stages.get(stage).label
        name = f"{len(checks)} gates of a mission in {label} ({queries} queries)"
        yield from both(name, taken, "a bare read by its id for each", bare)


def _governance(run: Run, team: Team, many: int) -> Iterator[Row]:
    rules = len(BOOK.of_mode(MISSIONS))
    rows = [row for stage in stages.SLUGS for row in _some(team, run, stage)]
    single = timed(_each(rows, lambda row: governance.look(team.workspace, [row])), run.seconds / 2)
    most = max(
        _counted(lambda row=row: governance.look(team.workspace, [row]))[1]  # type: ignore[misc]
        for row in rows[::SAMPLE]
    )
    name = f"{rules} rules of governance, one mission (at most {most} queries)"
    yield from both(name, single, "a bare read by its id for each", timed(_bare(rows, rules)))
    every = _under_way(team)
    began, cpu = time.perf_counter(), time.process_time()
    report = governance.look(team.workspace, every, whole=True)
    taken, cpu = time.perf_counter() - began, time.process_time() - cpu
    _, queries = _counted(lambda: governance.look(team.workspace, every, whole=True))
    note = (
        f"{taken / many * 1000:.2f} ms a mission, {cpu / many * 1000:.2f} of CPU here,"
        f" {queries} queries, {report.found} found"
    )
    alone = sum(single) / len(single) / 1000 * many
    yield Row(f"all rules over {many:,} missions", taken, "s", "one after the other", alone, note)


def _under_way(team: Team) -> list[Mission]:
    rows = Mission.objects.of(team.workspace).under_way().select_related("workspace", "owner")
    return list(rows.order_by("-pk"))


def _some(team: Team, run: Run, stage: str) -> list[Mission]:
    rows = Mission.objects.of(team.workspace).in_stage(stage)
    ids = list(rows.order_by("pk").values_list("pk", flat=True))
    chosen = run.rng.sample(ids, min(SAMPLE, len(ids)))
    return list(Mission.objects.select_related("workspace", "owner", "item").filter(pk__in=chosen))


def _each(rows: Sequence[Mission], work: Callable[[Mission], object]) -> Callable[[], object]:
    """Of one mission after the other: none is asked twice in a row."""
    turn = cycle(rows)
    return lambda: work(next(turn))


def _bare(rows: Sequence[Mission], times: int) -> Callable[[], object]:
    def read(row: Mission) -> None:
        for _ in range(times):
            Mission.objects.filter(pk=row.pk).values_list("version", flat=True).get()

    return _each(rows, read)


def _counted(work: Callable[[], Any]) -> tuple[Any, int]:
    work()
    with CaptureQueriesContext(connection) as asked:
        found = work()
    return found, len(asked)
