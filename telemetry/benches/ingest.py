"""Batches of 500 over HTTP, beside a COPY of ready bytes and beside a plain DRF endpoint."""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, connections

from controlplane.access import services as access
from controlplane.access.models import Workspace
from controlplane.access.services.agents import create_agent
from controlplane.access.services.keys import issue_key
from controlplane.base.bench import Row, Run
from controlplane.lib import actors, clock
from controlplane.lib.dsn import with_database
from telemetry.models import Event

JOB = actors.job("bench")
BATCH = 500
CLIENTS = 2
DIRTY = 0.02  # of the events hold something to redact
PATH = "/api/v1/telemetry/events"
PLAIN = "/plain"


def measure(run: Run) -> Iterator[Row]:
    seconds = max(run.seconds * 2, 1.0)
    workspace = access.create_workspace("bench-telemetry", actor=JOB)
    agent = create_agent(workspace, actor=JOB, name="bench", role="executor")
    key = issue_key(
        agent, actor=JOB, workspace=workspace, name="bench", scopes=["telemetry.ingest"]
    )
    with _serving() as port:
        ours: list[float] = []
        copied: list[float] = []
        for _ in range(3):  # in turns, so that a neighbour's burst hits both
            copied.append(_raw_copy(workspace, seconds / 3))
            ours.append(_over_http(port, PATH, str(key.secret), _wire, seconds / 3))
        plain = _over_http(port, PLAIN, "", _columns(workspace), seconds)
    yield _row("HTTP ingest of 500 a batch, redacted", ours, "binary COPY of ready bytes", copied)
    yield _row("HTTP ingest of 500 a batch, redacted", ours, "DRF many=True and save()", [plain])


def _row(figure: str, values: Sequence[float], baseline: str, others: Sequence[float]) -> Row:
    return Row(figure, _middle(values), "events/s", baseline, _middle(others))


def _middle(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


# --- COPY ---------------------------------------------------------------------------------------


def _raw_copy(workspace: Workspace, seconds: float) -> float:
    """Events a second when somebody hands the server its own binary form, batch by batch, into
    the same table with the same indexes."""
    rounds = 40
    with connection.cursor() as cursor:
        blobs = [_binary(cursor, workspace, number) for number in range(rounds)]
        rate, copied, started = 0.0, 0, time.perf_counter()
        while time.perf_counter() - started < seconds and copied < rounds:
            with cursor.copy("COPY telemetry_events FROM STDIN (FORMAT BINARY)") as copy:
                copy.write(blobs[copied])
            copied += 1
        rate = copied * _COPIED / (time.perf_counter() - started)
        cursor.execute("DELETE FROM telemetry_events")
    return rate


_COPIED = 2_500


def _binary(cursor: Any, workspace: Workspace, number: int) -> bytes:
    """Rows as the server itself writes them, made of events like those of the wire."""
    cursor.execute(
        """
        CREATE TEMPORARY TABLE ready (LIKE telemetry_events) ON COMMIT PRESERVE ROWS;
        INSERT INTO ready SELECT
            gen_random_uuid(), now() - n * interval '1 millisecond', now(), %s,
            'composio_tool_call', NULL, 'success', 20, 'execute_observe', 'prod', 'agents',
            'executor', 'hubspot', 'COMPOSIO_MULTI_EXECUTE_TOOL', 'success', 'agent:1',
            'MIS-' || n %% 50, NULL, 'req-' || %s || '-' || n, 'sess-' || n %% 50, NULL, NULL, NULL,
            NULL, 1, 812 + n, 1300, 0, 'called create_contact in hubspot, 200 after 812 ms',
            '{"toolkit": "hubspot", "action": "create_contact", "duration_ms": 812,
              "meta_tool": "COMPOSIO_MULTI_EXECUTE_TOOL", "outcome": "success",
              "token_usage": 1300}'::jsonb, NULL
        FROM generate_series(1, %s) AS n
        """,
        [workspace.pk, number, _COPIED],
    )
    parts: list[bytes] = []
    with cursor.copy("COPY ready TO STDOUT (FORMAT BINARY)") as copy:
        parts.extend(bytes(part) for part in copy)
    cursor.execute("DROP TABLE ready")
    return b"".join(parts)


# --- HTTP ---------------------------------------------------------------------------------------


def _wire(rng: random.Random, now: datetime, number: int) -> dict[str, Any]:
    message = "called create_contact in hubspot, 200 after 812 ms"
    if rng.random() < DIRTY:
        message = f"could not reach person{number}@example.org"
    return {
        "event": "composio_tool_call",
        "event_id": str(UUID(int=rng.getrandbits(128))),
        "occurred_at": (now - timedelta(milliseconds=number)).isoformat(),
        "mission_id": f"MIS-{number % 50}",
        "stage": "execute_observe",
        "agent_name": "executor",
        "correlation_id": f"req-{number}",
        "session_id": f"sess-{number % 50}",
        "service": "agents",
        "env": "prod",
        "message": message,
        "context": {
            "toolkit": "hubspot",
            "action": "create_contact",
            "meta_tool": "COMPOSIO_MULTI_EXECUTE_TOOL",
            "duration_ms": 812 + number,
            "outcome": "success",
            "token_usage": 1300,
        },
    }


def _columns(workspace: Workspace) -> Callable[[random.Random, datetime, int], dict[str, Any]]:
    """The same event as the columns it becomes, which is what the plain endpoint wants."""

    def make(rng: random.Random, now: datetime, number: int) -> dict[str, Any]:
        sent = _wire(rng, now, number)
        row: dict[str, Any] = dict.fromkeys(field.attname for field in Event._meta.fields)
        texts = ("service", "env", "stage", "message", "context")
        row |= {name: sent[name] for name in texts}
        row |= {"id": sent["event_id"], "occurred_at": sent["occurred_at"]}
        row |= {"received_at": now.isoformat(), "workspace": None, "event_type": sent["event"]}
        row |= {"status": "success", "level": 20, "agent": "executor", "toolkit": "hubspot"}
        row |= {"operation": "COMPOSIO_MULTI_EXECUTE_TOOL", "code": "success", "source": "plain"}
        row |= {"weight": 1, "flags": 0, "duration_ms": 812.0, "amount": 1300.0}
        row |= {"mission": sent["mission_id"], "correlation_id": sent["correlation_id"]}
        row.pop("workspace_id")
        return row

    return make


def _over_http(
    port: int,
    path: str,
    secret: str,
    make: Callable[[random.Random, datetime, int], dict[str, Any]],
    seconds: float,
) -> float:
    """Events a second that several clients get stored. The bodies are made beforehand."""
    connections.close_all()
    context = multiprocessing.get_context("fork")
    ready, rates = context.Barrier(CLIENTS), context.Queue()

    def post(seed: int) -> None:
        try:
            bodies = _bodies(seed, make, 80 if path == PATH else 12)
            rates.put(_post_all(port, path, secret, bodies, seconds, ready))
        except BaseException:
            ready.abort()
            rates.put(0.0)
            raise

    seeds = [random.getrandbits(32) for _ in range(CLIENTS)]
    clients = [context.Process(target=post, args=(seed,)) for seed in seeds]
    for client in clients:
        client.start()
    total = sum(rates.get() for _ in clients)
    for client in clients:
        client.join()
    return float(total)


def _bodies(seed: int, make: Callable[..., dict[str, Any]], number: int) -> list[bytes]:
    rng, now = random.Random(seed), clock.now()  # noqa: S311 - no secrets here
    return [
        json.dumps([make(rng, now, each) for each in range(BATCH)]).encode() for _ in range(number)
    ]


def _post_all(
    port: int, path: str, secret: str, bodies: Sequence[bytes], seconds: float, ready: Any
) -> float:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/json"}
    if secret:
        headers["Authorization"] = f"Bearer {secret}"
    _post(link, path, bodies[0], headers)  # warm: caches, plans, the first page of the table
    ready.wait(60)
    stored, started = 0, time.perf_counter()
    for body in bodies[1:]:
        stored += _post(link, path, body, headers)
        if time.perf_counter() - started >= seconds:
            break
    rate = stored / (time.perf_counter() - started)
    link.close()
    return rate


def _post(link: http.client.HTTPConnection, path: str, body: bytes, headers: Any) -> int:
    link.request("POST", path, body, headers)
    answer = link.getresponse()
    text = answer.read()
    if answer.status != 202:
        raise RuntimeError(f"{path} answered {answer.status}: {text[:300]!r}")
    receipt = json.loads(text)
    return int(receipt.get("accepted", receipt.get("stored", 0)))


@contextmanager
def _serving() -> Iterator[int]:
    """The real web server with two workers, on this measurement's database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    database = with_database(os.environ["DATABASE_URL"], connection.settings_dict["NAME"])
    env = {
        **os.environ,
        "DATABASE_URL": database,
        "CONTROLPLANE_API_LIMIT_HOT": "100000000",
        "CONTROLPLANE_ENV": "local",
    }
    env.pop("DATABASE_OWNER_URL", None)
    command = [
        *(sys.executable, "-m", "granian", "telemetry.bench_server:application"),
        *("--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--http", "1"),
        *("--workers", "2", "--blocking-threads", "1", "--no-ws", "--log-level", "critical"),
    ]
    process = subprocess.Popen(  # noqa: S603 - our own program
        command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            link.request("GET", "/health")
            if link.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the measured server did not start")
