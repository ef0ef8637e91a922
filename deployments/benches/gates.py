"""What a look at all gates of one deployment costs, with much around it and with nothing, beside
locking and writing back the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from controlplane.access import services as access
from controlplane.access.models import Workspace
from controlplane.base.bench import Row, Run, cpu_and_wall, quiet
from controlplane.catalog import services as catalog
from controlplane.catalog.models import Environment
from controlplane.lib import actors, clock
from controlplane.work.benches import sample
from controlplane.work.models import CheckResult
from controlplane.work.services import ensure_operations_project, github
from deployments import services
from deployments.flags.models import Flag
from deployments.models import Deployment, Gate
from telemetry.ingest import report

JOB = actors.job("bench")
ITEMS, EVENTS, CHECKS = 20_000, 2_000, 60
KINDS = ("agent", "frontend", "database", "portal")
SHA = "1f" * 20
FACTS: dict[str, Any] = {
    "commit_sha": SHA,
    "ci_url": "https://ci.example.org/7",
    "image_tag": "v4.2.0",
    "image_digest": "sha256:" + "ab" * 32,
    "release_notes": "Notes.",
    "rollback_plan": "Deploy the version before.",
    "evidence_path": "docs/readiness/",
}


def measure(run: Run) -> Iterator[Row]:
    with quiet():
        crowded, lonely = _prepared("bench-gates", full=True), _prepared("bench-few", full=False)
        with CaptureQueriesContext(connection) as captured:
            gates = services.look_at_gates(crowded)
        (_, full), (_, empty), (_, bare) = cpu_and_wall(
            [
                lambda: services.look_at_gates(crowded),
                lambda: services.look_at_gates(lonely),
                lambda: _bare(crowded),
            ],
            run.seconds,
        )
    told = f"{ITEMS:,} work items, {EVENTS:,} events and {CHECKS} checks around"
    yield Row(
        f"a look at {len(gates)} gates of one deployment",
        full,
        "ms",
        "the same with nothing around",
        empty,
        note=f"{told}; {len(captured)} questions",
    )
    yield Row(
        "the same look", full, "ms", f"{len(gates)} rows locked and written back, unlooked", bare
    )


def _prepared(slug: str, *, full: bool) -> Deployment:
    """A canary of the highest tier that brings a component of every kind: all gates apply."""
    workspace = access.create_workspace(slug, actor=JOB)
    components = [
        catalog.add_component(workspace, actor=JOB, slug=kind, name=kind.title(), kind=kind)
        for kind in KINDS
    ]
    if full:
        _around(workspace)
    place = Environment.objects.get(workspace=workspace, slug="production")
    row = services.create_deployment(
        workspace,
        actor=JOB,
        environment=place,
        release="4.2.0",
        components=components,
        kind="canary",
        tier=3,
        flag=Flag.objects.create(workspace=workspace, flag_name="planner"),
        **FACTS,
    )
    return services.prepare(row, actor=JOB)


def _around(workspace: Workspace) -> None:
    project = ensure_operations_project(workspace, actor=JOB)
    sample.fill(project, ITEMS)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE work_item, work_dependency")  # as autovacuum would soon
    source = github.add_source(project, actor=JOB, repository="acme/portal").source
    now = clock.now()
    CheckResult.objects.bulk_create(
        CheckResult(
            workspace=workspace,
            source=source,
            kind="check_run",
            outside_id=str(number),
            name=f"job {number % 30}",
            sha=SHA,
            status="completed",
            conclusion="success",
            updated_at=now - timedelta(minutes=number),
        )
        for number in range(CHECKS)
    )
    for place in range(0, EVENTS, 500):
        events = [
            {
                "event": "composio_tool_call",
                "occurred_at": now - timedelta(seconds=place + number),
                "status": "success",
                "env": "production",
                "duration_ms": 50.0,
            }
            for number in range(500)
        ]
        report(JOB, workspace, events)


def _bare(row: Deployment) -> None:
    with transaction.atomic():
        gates = list(Gate.objects.filter(deployment=row).select_for_update(no_key=True))
        Gate.objects.bulk_update(gates, ["state", "detail", "evidence", "at", "by", "version"])
