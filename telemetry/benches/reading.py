"""Questions over many events: charts, pages, rules, and the roller that makes them quick."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings

from controlplane.access import services as access
from controlplane.access.models import Workspace
from controlplane.base.bench import Row, Run
from controlplane.lib import actors, clock
from telemetry import measures, rollups
from telemetry.ingest.storing import COLUMNS

JOB = actors.job("bench")
DAYS = 30
SMALL = 200_000
STEP = 100_000  # rows of one statement
PAGES = (
    ("events list", "/admin/telemetry/event/"),
    ("events of one agent", "/admin/telemetry/event/?agent=executor"),
    ("System Health", "/admin/telemetry/dashboards/system-health/"),
    ("Integration Health", "/admin/telemetry/dashboards/integration-health/"),
    ("all dashboards", "/admin/telemetry/"),
)
# Events of agents at work, with what is measured on them.
_MAKE = """
    INSERT INTO telemetry_events (COLUMNS)
    SELECT gen_random_uuid(), at, at, %(workspace)s, kind, NULL,
        CASE WHEN chance < 0.02 THEN 'error' ELSE 'success' END,
        CASE WHEN chance < 0.02 THEN 40 ELSE 20 END, 'execute_observe', 'prod',
        (ARRAY['agents', 'frontend', 'worker'])[1 + n %% 3],
        (ARRAY['executor', 'planner', 'validator', 'coordinator', 'evidence', 'inspector'])
            [1 + n %% 6],
        (ARRAY['hubspot', 'github', 'slack', 'gmail', 'notion'])[1 + n %% 5],
        CASE WHEN kind = 'composio_tool_call' THEN
            (ARRAY['COMPOSIO_SEARCH_TOOLS', 'COMPOSIO_CREATE_PLAN', 'COMPOSIO_MULTI_EXECUTE_TOOL',
                'COMPOSIO_MANAGE_CONNECTIONS', 'COMPOSIO_REMOTE_WORKBENCH',
                'COMPOSIO_REMOTE_BASH_TOOL'])[1 + n %% 6] ELSE '' END,
        CASE WHEN chance < 0.02 THEN 'RATE_LIMIT_EXCEEDED' ELSE 'success' END, 'bench',
        'MIS-' || (n / 500), NULL, 'req-' || n, NULL, NULL, NULL, NULL, NULL, 1,
        exp(4 + 1.2 * sqrt(-2 * ln(greatest(chance, 1e-9))) * cos(6.2832 * other)),
        1000, 0, 'called a tool', '{"toolkit": "hubspot", "duration_ms": 812}'::jsonb, NULL
    FROM (
        SELECT n, random() AS chance, random() AS other,
            %(start)s::timestamptz + (n + random()) * %(gap)s * interval '1 second' AS at,
            (ARRAY['composio_tool_call', 'composio_tool_call', 'session_heartbeat',
                'execution_step_completed', 'request_completed', 'validator_check_completed',
                'agent_run_completed', 'composio_discovery'])[1 + n %% 8] AS kind
        FROM generate_series(%(first)s, %(last)s) AS n
    ) AS made
""".replace("COLUMNS", ", ".join(COLUMNS))
_DIRTY = """
    INSERT INTO telemetry_dirty (workspace_id, grain, bucket, at)
    SELECT %s, 'minute', at, now() FROM generate_series(
        date_trunc('minute', %s::timestamptz), %s::timestamptz, interval '1 minute') AS at
"""
_RAW_CHART = """
    SELECT date_trunc('hour', occurred_at), toolkit, count(*),
        count(*) FILTER (WHERE status = 'error'),
        percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY duration_ms)
    FROM telemetry_events WHERE workspace_id = %s AND occurred_at >= %s AND occurred_at < %s
        AND event_type = 'composio_tool_call'
    GROUP BY 1, 2
"""


def measure(run: Run) -> Iterator[Row]:
    rows = run.rows or SMALL
    workspace = access.create_workspace("bench-reading", actor=JOB)
    end = clock.now().replace(microsecond=0)
    start = end - timedelta(days=DAYS)
    _fill(workspace, rows, start, end)
    began = time.perf_counter()
    rollups.settle()
    yield Row(f"sums of {rows:,} events from nothing", time.perf_counter() - began, "s")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    yield from _charts(workspace, rows)
    yield from _pages(workspace, rows)


def _fill(workspace: Workspace, rows: int, start: Any, end: Any) -> None:
    gap = (end - start).total_seconds() / rows
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0; SELECT setseed(0.5)")
        for first in range(0, rows, STEP):
            last = min(first + STEP, rows) - 1
            cursor.execute(
                _MAKE,
                {
                    "workspace": workspace.pk,
                    "start": start,
                    "gap": gap,
                    "first": first,
                    "last": last,
                },
            )
        cursor.execute(_DIRTY, [workspace.pk, start, end])


def _charts(workspace: Workspace, rows: int) -> Iterator[Row]:
    end = clock.now()
    day = end - timedelta(days=1)
    figures = [measures.get(slug) for slug in ("tool.error_rate", "tool.p50", "tool.p95")]

    def ours() -> None:
        measures.series_many(figures, workspace.pk, day, end, group_by="toolkit")

    def fine() -> None:
        measures.series_many(figures, workspace.pk, day, end, step=timedelta(minutes=5))

    def month() -> None:
        measures.series_many(figures, workspace.pk, end - timedelta(days=30), end)

    def raw() -> None:
        with connection.cursor() as cursor:
            cursor.execute(_RAW_CHART, [workspace.pk, day, end])
            cursor.fetchall()

    name = f"over {rows:,} events"
    slow = _ms(raw, 3)
    yield Row(f"24 h chart by toolkit {name}", _ms(ours, 20), "ms", "the same from events", slow)
    yield Row(
        f"24 h chart of 5 minutes {name}", _ms(fine, 20), "ms", "by the hour, from events", slow
    )
    yield Row(f"30 day chart {name}", _ms(month, 20), "ms", "24 h from events", slow)


def _pages(workspace: Workspace, rows: int) -> Iterator[Row]:
    with override_settings(
        ALLOWED_HOSTS=["*"],
        SECURE_SSL_REDIRECT=False,
        REQUIRE_SECOND_FACTOR=False,
        STORAGES={
            "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
            "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
        },
    ):
        client = _signed_in(workspace)
        bare = _page(client, "/admin/telemetry/partition/")[0]
        for title, path in PAGES:
            taken, queries = _page(client, path)
            name = f"{title} over {rows:,} events"
            yield Row(name, taken, "ms", "a list of 44 rows", bare, note=f"{queries} queries")


def _page(client: Client, path: str) -> tuple[float, int]:
    def get() -> None:
        answer = client.get(path)
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answered {answer.status_code}")

    taken = _ms(get, 8)
    with CaptureQueriesContext(connection) as asked:
        get()
    return taken, len(asked)


def _signed_in(workspace: Workspace) -> Client:
    password = secrets.token_urlsafe(24)
    person = access.create_user(
        "bench-reading@example.org",
        actor=JOB,
        name="Bench",
        workspace=workspace,
        roles=["workspace_admin"],
        password=password,
    )
    client = Client(REMOTE_ADDR="127.0.0.1")
    answer = client.post("/access/login/", {"email": person.email, "password": password})
    if answer.status_code != 302:
        raise RuntimeError("the sign-in for the measurement was refused")
    return client


def _ms(work: Callable[[], None], times: int) -> float:
    """Milliseconds of the middle one of many."""
    work()
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    return sorted(taken)[len(taken) // 2]
