"""Questions over many events: charts, pages, rules, and the roller that makes them quick."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings

from controlplane.access import services as access
from controlplane.access.models import Workspace
from controlplane.base import cache
from controlplane.base.bench import Row, Run
from controlplane.lib import actors, clock
from telemetry import measures, rollups
from telemetry.collectors import collect
from telemetry.collectors.table import MINUTELY, QUICK, SLOW
from telemetry.dashboards import DASHBOARDS
from telemetry.ingest.storing import COLUMNS
from telemetry.rules.services import evaluate
from telemetry.rules.vocabulary import EVERY

JOB = actors.job("bench")
DAYS = 30
SMALL = 200_000
STEP = 100_000  # rows of one statement
RARE, RARES = "mission_retrospective_logged", 20  # one in one and a half days
PLACES, PLACE_ROWS = 20, 2_000  # workspaces that rules are evaluated in, and events of each
PASSES = 8
REMEMBERED = ("panels", "boards", "telemetry_menu")
PAGES = (
    ("events list", "/admin/telemetry/event/?range=24h"),
    ("events of one agent", "/admin/telemetry/event/?range=24h&agent=executor"),
    ("failed events of 30 days", "/admin/telemetry/event/?range=30d&status=error"),
    ("rare events of 30 days", f"/admin/telemetry/event/?range=30d&event={RARE}"),
    ("events of none of 30 days", "/admin/telemetry/event/?range=30d&event=undo_completed"),
    *(
        (DASHBOARDS[slug].title, f"/admin/telemetry/dashboards/{slug}/")
        for slug in DASHBOARDS
        if slug != "kpi-board"
    ),
    ("all dashboards", "/admin/telemetry/"),
    ("home", "/admin/"),
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
    fill(workspace, rows, end - timedelta(days=DAYS), end)
    _make_rare(workspace, end)
    others = [access.create_workspace(f"bench-{number}", actor=JOB) for number in range(1, PLACES)]
    for each in others:
        fill(each, PLACE_ROWS, end - timedelta(hours=1), end)
    began = time.perf_counter()
    rollups.settle()
    yield Row(f"sums of {rows:,} events from nothing", time.perf_counter() - began, "s")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    yield from figures(workspace, rows)


def figures(workspace: Workspace, rows: int) -> Iterator[Row]:
    """Of what is there already: a database may be measured more than once."""
    yield from _charts(workspace, rows)
    yield from _pages(workspace, rows)
    yield from _passes(rows)


def fill(workspace: Workspace, rows: int, start: Any, end: Any) -> None:
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


def _make_rare(workspace: Workspace, end: Any) -> None:
    """A few of the events become such as a list has to look for."""
    with connection.cursor() as cursor:
        for number in range(RARES):
            at = end - timedelta(days=DAYS * (number + 0.5) / RARES)
            cursor.execute(
                "UPDATE telemetry_events SET event_type = %s WHERE workspace_id = %s"
                " AND (id, occurred_at) IN (SELECT id, occurred_at FROM telemetry_events"
                " WHERE workspace_id = %s AND occurred_at >= %s AND occurred_at < %s"
                " ORDER BY occurred_at LIMIT 1)",
                [RARE, workspace.pk, workspace.pk, at, at + timedelta(hours=6)],
            )


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

    slow = _ms(raw, 3)[0]
    for name, work, beside in (
        ("24 h chart by toolkit", ours, "the same from events"),
        ("24 h chart of 5 minutes", fine, "by the hour, from events"),
        ("30 day chart", month, "24 h from events"),
    ):
        taken, cpu = _ms(work, 20)
        yield Row(f"{name} over {rows:,} events", taken, "ms", beside, slow, note=_cpu(cpu))


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
            taken, cpu, queries = _page(client, path)
            name = f"{title}, cold, over {rows:,} events"
            note = f"{queries} queries, {_cpu(cpu)}"
            yield Row(name, taken, "ms", "a list of 44 rows, cold", bare, note=note)


def _page(client: Client, path: str) -> tuple[float, float, int]:
    """Milliseconds, those of the process's own, and queries. What the page remembers of itself is
    dropped before each; only the frame around it, with its counts, is warm."""

    def drop() -> None:
        for family in REMEMBERED:
            cache.forget(f"{family}:")

    def get() -> None:
        answer = client.get(path)
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answered {answer.status_code}")

    taken, cpu = _ms(get, 8, before=drop)
    get()
    drop()
    with CaptureQueriesContext(connection) as asked:
        get()
    return taken, cpu, len(asked)


def _passes(rows: int) -> Iterator[Row]:
    """What runs by itself every 15 seconds and every minute, beside people."""
    began = clock.now()
    evaluate(began)  # the first adopts the shipped rules and looks at all of them
    walls, cpus = [], []
    for number in range(1, PASSES + 1):
        wall, cpu = _once(partial(evaluate, began + number * EVERY))
        walls.append(wall)
        cpus.append(cpu)
    with CaptureQueriesContext(connection) as asked:  # apart: listening costs as much again
        evaluate(began + (PASSES + 1) * EVERY)
    queries = len(asked)
    wall, cpu = sum(walls) / PASSES, sum(cpus) / PASSES
    note = f"at most {max(walls):.0f} ms; {queries} queries; {_cpu(cpu)}, at most {max(cpus):.0f}"
    yield Row(f"a pass of rules in {PLACES} workspaces, {rows:,} events", wall, "ms", note=note)
    for words, every in (("quick", QUICK), ("minutely", MINUTELY), ("slow", SLOW)):
        wall, cpu = _ms(partial(collect, every), 5)
        yield Row(f"the {words} gauges, {PLACES} workspaces", wall, "ms", note=_cpu(cpu))


def _cpu(ms: float) -> str:
    return f"{ms:.0f} ms of CPU here"


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


def _ms(
    work: Callable[[], object], times: int, before: Callable[[], object] = lambda: None
) -> tuple[float, float]:
    """Milliseconds by the clock and of this process's own, each the middle one of many."""
    work()
    taken = []
    for _ in range(times):
        before()
        taken.append(_once(work))
    walls, cpus = sorted(wall for wall, _ in taken), sorted(cpu for _, cpu in taken)
    return walls[times // 2], cpus[times // 2]


def _once(work: Callable[[], object]) -> tuple[float, float]:
    cpu, started = time.process_time(), time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000, (time.process_time() - cpu) * 1000
