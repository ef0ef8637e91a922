"""The public status page under a crowd: beside GET /health of the same server, while thousands are
told by mail, and while the database says nothing."""

from __future__ import annotations

import http.client
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from django.core.management import call_command
from django.db import connection
from django.test.utils import override_settings

from controlplane.access import services as access
from controlplane.base import bench
from controlplane.base.bench import Row, Run
from controlplane.lib import actors, clock, defaults
from controlplane.lib.dsn import with_database
from controlplane.notify.models import OutboxMessage
from incidents.benches import door, first_page
from incidents.benches.away import Way
from incidents.models import StatusDocument, StatusPage, StatusSubscriber
from incidents.records.opening import open_incident
from incidents.response import updates
from incidents.status import mailing, services, serving

SHARE = defaults.define(
    "status.bench_share", 0.3, unit="of GET /health", why="Reads a second beside the least answer."
)
P99_MS = defaults.define("status.bench_p99_ms", 100.0, unit="ms", why="Of a read, in a crowd.")
SEEN_S = defaults.define(
    "status.bench_seen_s", 30.0, unit="s", why="From what was said to the page that says so."
)
READERS = 2_000
JOB = actors.job("bench")
_PATH = "/status/bench/"
_SLACK_S = 1.0


@bench.register("status", doc="the status page in a crowd, also while the database is away")
def measure(run: Run) -> Iterator[Row]:
    with _collected():
        yield from _measured(run)


@contextmanager
def _collected() -> Iterator[None]:
    """Sheets under the names that pages call them by."""
    name = "CONTROLPLANE_STATIC_ROOT"
    before = os.environ.get(name)
    with TemporaryDirectory() as folder, override_settings(STATIC_ROOT=folder):
        call_command("collectstatic", interactive=False, verbosity=0)
        os.environ[name] = folder
        try:
            yield
        finally:
            os.environ.pop(name)
            if before is not None:
                os.environ[name] = before


def _measured(run: Run) -> Iterator[Row]:
    page = _made(run.rows or READERS)
    url = with_database(os.environ["DATABASE_URL"], connection.settings_dict["NAME"])
    way = Way(url)
    more = {"DATABASE_URL": way.url}
    try:
        with bench.quiet(), door.serving(more) as port, first_page._engine():
            _until(port, "Bench works", time.monotonic() + 60)
            bare = door._all(port, "/health", None, run.seconds)
            _say(page, "It is slow today.")
            crowd = door._all(port, _PATH, None, run.seconds)
            seen = _until(port, "It is slow today.", time.monotonic() + 60)
            mailed = OutboxMessage.objects.filter(topic=mailing.NEWS, state="done").count()
            with way.stopped():
                _say(page, "Nobody can read this yet.")
                away = door._all(port, _PATH, None, max(run.seconds, 3.0))
            later = _until(port, "Nobody can read this yet.", time.monotonic() + 90)
    finally:
        way.close()
    yield from _rows(run, bare, crowd, away, mailed, (seen, later))


def _made(readers: int) -> StatusPage:
    workspace = access.create_workspace("bench-status", actor=JOB)
    page = services.create_page(workspace, actor=JOB, slug="bench", title="Bench works",
                                is_open=True)  # fmt: skip
    at = clock.now()
    StatusSubscriber.objects.bulk_create(
        StatusSubscriber(page=page, email=f"reader{each}@bench.invalid", confirmed_at=at)
        for each in range(readers)
    )
    return page


def _say(page: StatusPage, words: str) -> None:
    row = open_incident(page.workspace, actor=JOB, title="Slow", severity="sev3", pages=False)
    updates.post_update(row, actor=JOB, text=words, audience="customers", kind="initial",
                        subject="Orders are slow")  # fmt: skip


def _until(port: int, words: str, deadline: float) -> float:
    """Seconds from now until every look finds it; what was there before is no error."""
    began = time.monotonic()
    looks = 0
    while time.monotonic() < deadline:
        found = words in _read(port, "feed.atom") + _read(port, "")
        looks = looks + 1 if found else 0
        if looks == 8:  # each worker was asked, likely
            return time.monotonic() - began
        time.sleep(0.05)
    raise RuntimeError(f"the page did not say {words!r} in time")


def _read(port: int, rest: str) -> str:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    link.request("GET", f"{_PATH}{rest}")
    answer = link.getresponse()
    said = answer.read().decode()
    link.close()
    return said if answer.status == 200 else ""


def _rows(
    run: Run, bare: door.Heard, crowd: door.Heard, away: door.Heard, mailed: int,
    seen: tuple[float, float],
) -> Iterator[Row]:  # fmt: skip
    p99, worst = door.share(crowd.waits, 0.99) * 1000, away.waits[-1]
    share = crowd.rate / bare.rate
    if share < SHARE.value or p99 > P99_MS.value:
        run.missed.append(
            f"status: {share:.2f} of GET /health, p99 {p99:.0f} ms;"
            f" at least {SHARE.value:g}, at most {P99_MS.value:g} ms"
        )
    if worst > serving.WAIT_S.value + _SLACK_S:
        run.missed.append(f"status: a reader waited {worst:.1f} s for a database that is away")
    bounds = (SEEN_S.value, SEEN_S.value + serving.AWAY_S.value + serving.GIVE_UP_S.value)
    for took, bound in zip(seen, bounds, strict=True):
        if took > bound:
            run.missed.append(f"status: seen after {took:.1f} s, at most {bound:g}")
    size = StatusDocument.objects.values_list("parts", flat=True).first() or b""
    note = f"{door.SENDERS} readers, {mailed:,} mails left, {len(size):,} bytes packed"
    yield Row("reads of the page, while it mails", crowd.rate, "/s", "GET /health", bare.rate, note)
    yield Row("answered within, p99", p99, "ms", "GET /health",
              door.share(bare.waits, 0.99) * 1000, f"goal {P99_MS.value:g}")  # fmt: skip
    yield Row("reads while the database is silent", away.rate, "/s", "GET /health", bare.rate)
    yield Row("longest wait of one of them", worst * 1000, "ms", "the most one waits",
              serving.WAIT_S.value * 1000)  # fmt: skip
    yield Row("said until it is read", seen[0], "s", "most", bounds[0])
    yield Row("the same, once the database is back", seen[1], "s", "most", bounds[1])
