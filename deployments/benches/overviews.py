"""What the pages over many deployments cost with years of them, beside a hundred, and beside
reading the same rows with nothing done to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import DateTimeField, ExpressionWrapper, F, Value

from controlplane.access import services as access
from controlplane.access.models import Workspace
from controlplane.base.bench import Row, Run, cpu_and_wall, quiet
from controlplane.catalog import services as catalog
from controlplane.catalog.models import Component, Environment
from controlplane.lib import actors, clock
from deployments.models import Deployment, DeploymentComponent
from deployments.overview import board, changes, entries, keys, log

JOB = actors.job("bench")
MANY, FEW, COMPONENTS = 10_000, 100, 12
BATCH = 1_000
YEAR = timedelta(days=365)


def measure(run: Run) -> Iterator[Row]:
    many = run.rows or MANY
    now = clock.now()
    with quiet():
        large, small = (_filled(name, count) for name, count in (("many", many), ("few", FEW)))
        found = [(title, _timed(run, read, large, small)) for title, read in _reads(now)]
        whole, bare = _keys_beside_rows(run, large, now)
    for title, (value, baseline) in found:
        yield Row(f"{title}, {many:,} deployments", value, "ms", f"of {FEW}", baseline)
    yield Row(
        f"the four keys of a year, {many // 3:,} deployments there",
        whole,
        "ms",
        "the same rows read, nothing computed",
        bare,
    )


def _reads(now: datetime) -> list[tuple[str, Callable[[Workspace], object]]]:
    week = timedelta(days=7)
    return [
        ("the environment board", lambda workspace: board.board(workspace, now)),
        ("a page of the release log", lambda workspace: log.page(log.Asked(workspace))),
        (
            "a week of the calendar",
            lambda workspace: entries.found(JOB, entries.Asked(workspace, now - week, now)),
        ),
    ]


def _timed(
    run: Run, read: Callable[[Workspace], object], large: Workspace, small: Workspace
) -> tuple[float, float]:
    (_, value), (_, baseline) = cpu_and_wall(
        [lambda: read(large), lambda: read(small)], run.seconds / 2
    )
    return value, baseline


def _keys_beside_rows(run: Run, workspace: Workspace, now: datetime) -> tuple[float, float]:
    place = Environment.objects.get(workspace=workspace, slug="production")
    (_, whole), (_, bare) = cpu_and_wall(
        [
            lambda: keys.keys(place, at=now, weeks=26),
            lambda: list(changes.went_out(place, now - YEAR, now).values()),
        ],
        run.seconds / 2,
    )
    return whole, bare


def _filled(name: str, count: int) -> Workspace:
    """A year of deployments, evenly over the environments and the components."""
    workspace = access.create_workspace(f"bench-{name}-releases", actor=JOB)
    components = [
        catalog.add_component(
            workspace, actor=JOB, slug=f"part-{number}", name=f"Part {number}", kind="agent"
        )
        for number in range(COMPONENTS)
    ]
    places = list(Environment.objects.filter(workspace=workspace).order_by("order"))
    rows: list[Deployment] = []
    while len(rows) < count:
        rows += _batch(workspace, places, range(len(rows), min(len(rows) + BATCH, count)))
        _analyze()  # or the guards of the next rows look through a table they take for empty
    _parts(rows, components)
    live = ExpressionWrapper(
        Value(clock.now() - YEAR) + (F("pk") - rows[0].pk) * Value(YEAR / count),
        output_field=DateTimeField(),
    )
    mine = Deployment.objects.filter(workspace=workspace)
    mine.update(
        status="completed",
        version=F("version") + 1,
        started_at=live,
        deployed_at=live,
        closed_at=live,
    )
    _analyze()
    return workspace


def _analyze() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE deployments_deployment, deployments_deploymentcomponent")


def _batch(workspace: Workspace, places: list[Environment], numbers: range) -> list[Deployment]:
    return Deployment.objects.bulk_create(
        Deployment(
            workspace=workspace,
            ref=f"DEP-{number}",
            environment=places[number % len(places)],
            release=f"{number // len(places)}.0.0",
            title="Deploy",
            created_by=JOB.ref,
        )
        for number in numbers
    )


def _parts(rows: list[Deployment], components: list[Component]) -> None:
    DeploymentComponent.objects.bulk_create(
        DeploymentComponent(deployment=row, component=part, kind="agent", position=place)
        for number, row in enumerate(rows)
        for place, part in enumerate(
            (components[number % COMPONENTS], components[(number // 7 + 1) % COMPONENTS])
            if number % COMPONENTS != (number // 7 + 1) % COMPONENTS
            else (components[number % COMPONENTS],)
        )
    )
