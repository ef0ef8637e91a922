"""What the kernel costs: the audit row, the engine's rows, the API base.

It stands here because it measures packages of several layers at once.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.db import connection, transaction
from django.http import HttpRequest, JsonResponse
from django.test.utils import override_settings
from django.urls import path
from rest_framework import serializers as drf

from controlplane.access import policy, services
from controlplane.access.models import Workspace
from controlplane.access.services.agents import create_agent
from controlplane.access.services.keys import issue_key
from controlplane.audit import services as audit
from controlplane.base import bench, signals
from controlplane.base.api import serializers, views
from controlplane.base.bench import Row, Run
from controlplane.base.models import RefCounter, Signal
from controlplane.jobs import nudges, timers
from controlplane.lib import actors, clock
from controlplane.lib.refs import PREFIXES
from controlplane.notify import outbox
from controlplane.notify.channels.base import Outcome

WRITERS = 8
JOB = actors.job("bench")
KIND = "bench.nothing"
LIST = "/api/v1/bench/refs"


@bench.register("kernel", doc="The audit log, the engine and the API base, each against none.")
def kernel(run: Run) -> Iterator[Row]:
    # Nobody listens: the hint to the broker belongs to neither side of any comparison.
    nudges._nudger.poke = lambda: None  # type: ignore[method-assign]
    workspace = services.create_workspace("bench", actor=JOB)
    yield from _audit(run, workspace)
    yield from _engine(run, workspace)
    yield from _api(run, workspace)


# --- Audit ------------------------------------------------------------------------------------

_CHANGE = "INSERT INTO bench_change (workspace_id, note) VALUES (%s, %s)"
_TABLE = "CREATE TABLE bench_change (id bigserial PRIMARY KEY, workspace_id bigint, note text)"
_BEFORE = {"status": "open", "owner": "robin", "limit": 10}
_AFTER = {"status": "done", "owner": "kim", "limit": 20}


def _audit(run: Run, workspace: Workspace) -> Iterator[Row]:
    with connection.cursor() as cursor:
        cursor.execute(_TABLE)
    for pause, label in ((0.0, "nothing else"), (0.005, "5 ms of other work")):
        plain, audited = bench.in_turns(
            WRITERS,
            [_change(workspace.pk, pause), _change(workspace.pk, pause, audited=True)],
            run.seconds,
        )
        yield Row(
            f"changes with an audit row, {WRITERS} writers, {label} in the transaction",
            audited,
            "/s",
            "the same INSERTs without audit",
            plain,
        )


def _change(workspace_id: int, pause: float, *, audited: bool = False) -> Callable[[], None]:
    def change() -> None:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(_CHANGE, [workspace_id, "a change"])
            if audited:
                audit.record(
                    JOB,
                    "workspace.manage",
                    f"access.workspace:{workspace_id}",
                    workspace_id=workspace_id,
                    before=_BEFORE,
                    after=_AFTER,
                )
            if pause:  # even a sleep of nothing gives the processor away
                time.sleep(pause)

    return change


# --- Engine -----------------------------------------------------------------------------------


def _engine(run: Run, workspace: Workspace) -> Iterator[Row]:
    rows = max(200, int(run.seconds * 1000))
    now = clock.now()
    timers.HANDLERS[KIND] = lambda timer: None
    outbox.TOPICS[KIND] = lambda message: Outcome("accepted")
    signals.CONSUMERS[KIND] = lambda signal: None
    wanted: list[tuple[str, Callable[[int], object], Callable[[float], int]]] = [
        (
            "outbox messages sent",
            lambda n: outbox.enqueue(KIND, {"n": n}, key=f"bench:{n}", workspace_id=workspace.pk),
            outbox.work,
        ),
        (
            "timers fired",
            lambda n: timers.set_timer(KIND, key=f"bench:{n}", due_at=now),
            timers.work,
        ),
        (
            "signals consumed",
            lambda n: signals.emit(KIND, key=f"bench:{n}", workspace_id=workspace.pk),
            signals.work,
        ),
    ]
    bare = _bare_updates(rows)
    for figure, write, work in wanted:
        with transaction.atomic():
            for number in range(rows):
                write(number)
        started = time.perf_counter()
        done = work(time.monotonic() + 600)
        rate = done / (time.perf_counter() - started)
        note = f"{done} of {rows} rows, one process"
        yield Row(f"{figure}, empty handler", rate, "/s", "bare UPDATEs", bare, note)


def _bare_updates(rows: int) -> float:
    """One row set to done per transaction, with nothing claimed, fenced or counted."""
    Signal.objects.bulk_create(Signal(kind="bench.bare", key=str(n)) for n in range(rows))
    keys = list(Signal.objects.filter(kind="bench.bare").values_list("pk", flat=True))
    started = time.perf_counter()
    for key in keys:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE base_signal SET state = 'done' WHERE id = %s", [key])
    return rows / (time.perf_counter() - started)


# --- API base ---------------------------------------------------------------------------------


class RefForm(serializers.StrictSerializer):
    prefix = drf.CharField()
    last = drf.IntegerField()


class Refs(views.ListView):
    """A list as routes write it: who, scope, limits, filters, pages."""

    actions = {"GET": "workspace.view"}
    output = RefForm

    def rows(self, request: views.PortalRequest) -> Any:
        return RefCounter.objects.filter(workspace=request.workspace)


def bare(request: HttpRequest) -> JsonResponse:
    """The same rows by plain Django: no caller, no scope, no limits, no pages."""
    return JsonResponse({"items": list(RefCounter.objects.values("prefix", "last")[:50])})


urlpatterns = [path("bench/bare", bare), path(LIST.lstrip("/"), Refs.as_view())]


def _api(run: Run, workspace: Workspace) -> Iterator[Row]:
    for prefix in PREFIXES:
        RefCounter.objects.create(workspace=workspace, prefix=prefix, last=1)
    agent = create_agent(workspace, actor=JOB, name="bench", role=min(policy.AGENTS))
    secret = str(issue_key(agent, actor=JOB, name="bench").secret)
    with override_settings(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECURE_SSL_REDIRECT=False):
        (plain_cpu, plain_wall), (cpu, wall) = bench.cpu_and_wall(
            [_call("/bench/bare"), _call(LIST, secret)], run.seconds
        )
    label = f"a list of {len(PREFIXES)} rows through the API base"
    yield Row(f"{label}, CPU", cpu, "ms", "a bare Django view", plain_cpu)
    yield Row(f"{label}, wall", wall, "ms", "a bare Django view", plain_wall)


def _call(url: str, secret: str = "") -> Callable[[], None]:
    """One request through the WSGI application, all middleware included."""
    application = WSGIHandler()

    def call() -> None:
        statuses: list[str] = []

        def start(status: str, headers: Any, error: Any = None) -> Callable[[bytes], object]:
            statuses.append(status)
            return lambda data: None

        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": url,
            "QUERY_STRING": "",
            "SERVER_NAME": "bench",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.StringIO(),
            "wsgi.url_scheme": "http",
            "wsgi.version": (1, 0),
            "wsgi.multithread": False,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        if secret:
            environ["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
        response = application(environ, start)
        body = b"".join(response)
        response.close()
        if statuses[:1] != ["200 OK"]:
            raise RuntimeError(f"{url} answered {statuses}: {body[:300]!r}")

    return call
