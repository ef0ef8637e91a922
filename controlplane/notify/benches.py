"""How fast pages leave: `manage.py bench notify`."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from statistics import quantiles

from django.db import connection
from django.db.models.functions import Now
from django.test.utils import override_settings

from controlplane.access import services as access
from controlplane.access.models import User, Workspace
from controlplane.base import bench
from controlplane.base.bench import Row, Run
from controlplane.lib import actors, clock
from controlplane.lib.ids import uuid7
from controlplane.notify import deliveries, outbox, services
from controlplane.notify.models import (
    ContactMethod,
    Delivery,
    Notification,
    OutboxMessage,
    Urgency,
)

JOB = actors.job("bench")
KIND = "page.bench"
DUE = 10_000
_LATER = timedelta(hours=1)  # not before everything is written
# A gateway in a process of its own: in ours it would share the one interpreter we measure.
_GATEWAY = """
import asyncio
async def serve(reader, writer):
    head = await reader.readuntil(b"\\r\\n\\r\\n")
    length = [line for line in head.lower().split(b"\\r\\n") if line.startswith(b"content-length")]
    await reader.readexactly(int(length[0].split(b":")[1]) if length else 0)
    body = b'{"id": "1"}'
    writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\nConnection: close\\r\\n\\r\\n" % len(body) + body)
    await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""  # noqa: E501


@contextmanager
def _gateway() -> Iterator[str]:
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", _GATEWAY], stdout=subprocess.PIPE, text=True
    )
    try:
        if process.stdout is None:
            raise RuntimeError("the gateway has no output")
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/send"
    finally:
        process.kill()
        process.wait()


@bench.register("notify", doc="Pages through a gateway: messages a second, and due to sent.")
def notify(run: Run) -> Iterator[Row]:
    count = run.rows or DUE
    workspace = access.create_workspace("bench", actor=JOB)
    # As an app that calls people would: it asks before each and hears of each.
    deliveries.before_send(KIND, lambda delivery: "")
    deliveries.on_settled(KIND, lambda delivery, event: None)
    with _gateway() as url, override_settings(OUTGOING_ALLOW=["127.0.0.1"]):
        services.create_channel(
            workspace,
            actor=JOB,
            name="Gateway",
            kind="sms",
            target=url,
            secret=str(uuid7()),
            options={"form": "json"},
        )
        _pages(workspace, count)
        bare = _bare(count)
        OutboxMessage.objects.filter(topic="notify.deliver").update(ready_at=Now())
        due, started = clock.now(), time.perf_counter()
        outbox.work(time.monotonic() + 600)
        took = time.perf_counter() - started
    sent = Delivery.objects.filter(notification__kind=KIND, state=Delivery.State.SENT)
    waits = sorted((at - due).total_seconds() for at in sent.values_list("settled_at", flat=True))
    note = f"{len(waits)} of {count} due at once, one process"
    yield Row("pages sent through a gateway", len(waits) / took, "/s", "a claim alone", bare, note)
    cuts = quantiles(waits, n=100) if len(waits) > 1 else [0.0] * 99
    yield Row("due to sent, p50", cuts[49], "s", note=note)
    yield Row("due to sent, p99", cuts[98], "s", note=note)


def _pages(workspace: Workspace, count: int) -> None:
    """Written as rows: what is measured begins when they are due."""
    numbers = range(count)
    people = User.objects.bulk_create(
        [User(email=f"bench-{n}@example.org", name=f"Person {n}") for n in numbers]
    )
    ways = ContactMethod.objects.bulk_create(
        ContactMethod(user=person, kind="sms", target=f"+4420{n:08d}", verified_at=clock.now())
        for n, person in enumerate(people)
    )
    news = Notification.objects.bulk_create(
        Notification(
            workspace=workspace,
            key=f"bench:{n}",
            kind=KIND,
            urgency=Urgency.CRITICAL,
            subject="Checkout is down",
            body="5xx at 40 %",
        )
        for n in numbers
    )
    rows = Delivery.objects.bulk_create(
        Delivery(notification=one, method="sms", user=person, contact_method=way)
        for one, person, way in zip(news, people, ways, strict=True)
    )
    OutboxMessage.objects.bulk_create(
        OutboxMessage(
            topic="notify.deliver", key=f"bench:{row.pk}", payload={"delivery": row.pk},
            workspace=workspace, ready_at=clock.now() + _LATER,
        )
        for row in rows
    )  # fmt: skip


_BARE = """
    UPDATE bench_outbox SET state = 'done' WHERE id IN (
        SELECT id FROM bench_outbox WHERE state = 'waiting' ORDER BY id LIMIT %s
        FOR UPDATE SKIP LOCKED)
"""


def _bare(count: int) -> float:
    """As many rows claimed and marked in batches of the same size, with nothing sent or kept."""
    done, size = 0, outbox.BATCH.value
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_outbox (id bigserial PRIMARY KEY, state text)")
        cursor.execute(
            "INSERT INTO bench_outbox (state) SELECT 'waiting' FROM generate_series(1, %s)", [count]
        )
        cursor.execute("CREATE INDEX ON bench_outbox (id) WHERE state = 'waiting'")
        started = time.perf_counter()
        while done < count:
            cursor.execute(_BARE, [size])
            done += cursor.rowcount
    return count / (time.perf_counter() - started)
