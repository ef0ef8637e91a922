"""What one act of the load costs when it is alone: CPU of web and of PostgreSQL, one request after
the other through the proxy."""

from __future__ import annotations

import http.client
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from controlplane.base import bench
from controlplane.base.bench import Row, Run
from controlplane.console.benches.load import mix, place
from controlplane.console.benches.load.mix import Ask, Kind, Someone
from controlplane.console.benches.load.place import FREE, LoadedPortal, Plain
from controlplane.lib.ending import asked_to_end

MISSIONS = 300
PEOPLE, AGENTS = 2, 8
WARM, LEAST, MOST = 12, 10, 1_000
IDLE_S = 5.0
TIMEOUT_S = 60.0
BESIDE = (("a bare Django view of fifty rows", "/rows"), ("raw WSGI", "/raw"))


class Cost(NamedTuple):
    """Of one act, in milliseconds of CPU."""

    web: float
    postgres: float | None
    wall: float
    acts: int


@bench.register("acts", doc="CPU of one act of the load, alone", seconds=2.0, own=True)
def acts(run: Run) -> Iterator[Row]:
    with asked_to_end(), tempfile.TemporaryDirectory(prefix="acts-") as folder:
        Path(folder).chmod(0o711)  # the database may run as another user
        portal = LoadedPortal(Path(folder), FREE)
        try:
            portal.start()
            filled = portal.fill(PEOPLE, AGENTS, run.rows or MISSIONS)
            place.recovered(portal.port, filled)
            run.say(f"{len(mix.KINDS)} kinds of acts …")
            costs = dict(_measured(portal, filled, run.seconds))
            beside = dict(_plain(portal, run.seconds))
        finally:
            portal.stop()
    run.blocks["acts"] = table(costs, beside)
    run.report["acts"] = {name: cost._asdict() for name, cost in {**costs, **beside}.items()}
    yield from rows(costs, beside)


def _measured(
    portal: LoadedPortal, filled: Mapping[str, Any], seconds: float
) -> Iterator[tuple[str, Cost]]:
    idle = _idle(portal)
    with closing(_link(portal.port)) as link:
        for kind in mix.KINDS:
            yield kind.name, _of_kind(portal, link, kind, _whose(kind, filled), seconds, idle)


def _whose(kind: Kind, filled: Mapping[str, Any]) -> Iterator[Someone]:
    """One person, who gets what changed since the last look; all agents in turn, for one that
    writes without a break is held back."""
    people = len(filled["sessions"])
    numbers = range(1) if kind.people else range(people, people + len(filled["agents"]))
    rng = Random(kind.name)  # noqa: S311 - repeatable
    return cycle([Someone(number, filled, rng) for number in numbers])


def _of_kind(
    portal: LoadedPortal,
    link: http.client.HTTPConnection,
    kind: Kind,
    whose: Iterator[Someone],
    seconds: float,
    idle: float,
) -> Cost:
    for _ in range(WARM):
        _done(link, kind, next(whose))
    began, before, count = time.perf_counter(), portal.used(), 0
    while count < LEAST or (count < MOST and time.perf_counter() - began < seconds):
        _done(link, kind, next(whose))
        count += 1
    passed, after = time.perf_counter() - began, portal.used()
    web, postgres = (after[name].cpu - before[name].cpu for name in ("web", "postgres"))
    postgres = max(0.0, postgres - idle * passed)
    return Cost(web / count * 1000, postgres / count * 1000, passed / count * 1000, count)


def _link(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)


def _idle(portal: LoadedPortal) -> float:
    """Cores that PostgreSQL is busy with while nobody acts: the engine looks for work."""
    before = portal.used()["postgres"].cpu
    time.sleep(IDLE_S)
    return (portal.used()["postgres"].cpu - before) / IDLE_S


def _done(link: http.client.HTTPConnection, kind: Kind, someone: Someone) -> None:
    ask = kind.make(someone)
    status, tag, text = _answered(link, ask)
    someone.acted += 1
    if tag:
        someone.tags[ask.path] = tag
    if not kind.right(status):
        raise RuntimeError(f"{kind.name} was answered with {status}: {text}")


def _answered(link: http.client.HTTPConnection, ask: Ask) -> tuple[int, str, str]:
    """The status, the tag, and how what it says begins."""
    link.request(ask.method, ask.path, ask.body or None, dict(ask.headers))
    answer = link.getresponse()
    text = answer.read()[:300].decode(errors="replace")
    return answer.status, answer.getheader("ETag") or "", text


def _plain(portal: LoadedPortal, seconds: float) -> Iterator[tuple[str, Cost]]:
    with place.plain(portal.of_portal()) as server:
        for name, path in BESIDE:
            with closing(_link(server.port)) as link:
                yield name, _alone(link, server, Ask("GET", path, {}), seconds)


def _alone(link: http.client.HTTPConnection, server: Plain, ask: Ask, seconds: float) -> Cost:
    for _ in range(WARM * 2):  # both of its workers
        _answered(link, ask)
    began, before, count = time.perf_counter(), server.used().cpu, 0
    while count < LEAST or time.perf_counter() - began < seconds:
        _answered(link, ask)
        count += 1
    passed = time.perf_counter() - began
    return Cost((server.used().cpu - before) / count * 1000, None, passed / count * 1000, count)


def rows(costs: Mapping[str, Cost], beside: Mapping[str, Cost]) -> Iterator[Row]:
    name, bare = next(iter(beside.items()))
    for kind, cost in costs.items():
        yield Row(f"{kind}, web", cost.web, "ms", name, bare.web,
                  f"{cost.acts} acts, {cost.wall:.1f} ms each until its answer")  # fmt: skip
        yield Row(f"{kind}, PostgreSQL", cost.postgres or 0.0, "ms")
    for kind, cost in beside.items():
        yield Row(kind, cost.web, "ms", note=f"{cost.acts} acts")


def table(costs: Mapping[str, Cost], beside: Mapping[str, Cost]) -> str:
    """For a page of docs/, the cheapest first."""
    lines = ["| Act | Web, ms | PostgreSQL, ms |", "|---|---|---|"]
    for name, cost in sorted({**costs, **beside}.items(), key=lambda each: each[1].web):
        postgres = "" if cost.postgres is None else f"{cost.postgres:.1f}"
        lines.append(f"| {name[0].upper()}{name[1:]} | {cost.web:.1f} | {postgres} |")
    return "\n".join(lines)
