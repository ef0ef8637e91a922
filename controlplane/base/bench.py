"""The frame of `manage.py bench`: named measurements, each beside its own baseline.

    @bench.register("kernel", doc="audit, engine and API base against doing without")
    def kernel(run: bench.Run) -> Iterator[bench.Row]: ...

A number alone says how fast this machine is; a ratio taken in the same run says what our code
costs. So every figure names its baseline. Measurements run in a database made for them and
dropped afterwards: the audit log can't be emptied, and nobody's data is at risk. An app's
measurements stand in its `benches.py`.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import platform
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import OperationalError, connection, connections

from controlplane.lib import clock

SEED = 20251016
BUSY = 0.5  # of the cores, before anything is measured


@dataclass(frozen=True, slots=True)
class Row:
    """One measured figure. `ratio` is value over the baseline's value."""

    figure: str
    value: float
    unit: str
    baseline: str = ""
    baseline_value: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return self.value / self.baseline_value if self.baseline_value else None


@dataclass(slots=True)
class Run:
    """What a measurement may use: time for each part, how much data, one seeded generator."""

    seconds: float = 2.0
    rows: int = 0  # how much data to measure on; 0: what the measurement thinks large
    rng: random.Random = field(default_factory=lambda: random.Random(SEED))  # noqa: S311
    original: str = ""  # a checkout of what is measured against besides, already built
    profile: str = ""  # of load: how many users, and what they may wait
    # Beside its figures: a document that goes into the report as it is, and what of the agreed
    # levels was missed, in words. Who misses any fails.
    report: dict[str, Any] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)
    say: Callable[[str], object] = lambda line: None  # how far it is
    # What docs/ says of it, by the name of the marks it stands between: see `bench_docs`.
    blocks: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bench:
    name: str
    doc: str
    measure: Callable[[Run], Iterable[Row]]
    seconds: float = 2.0  # for each figure, unless somebody says otherwise
    own: bool = False  # brings a portal of its own: needs no database of ours


BENCHES: dict[str, Bench] = {}
Measure = Callable[[Run], Iterable[Row]]


def register(
    name: str, *, doc: str = "", seconds: float = 2.0, own: bool = False
) -> Callable[[Measure], Measure]:
    def add(measure: Measure) -> Measure:
        if name in BENCHES and BENCHES[name].measure is not measure:
            raise ValueError(f"bench {name} is registered twice")
        told = doc or (measure.__doc__ or "").strip()
        BENCHES[name] = Bench(name, told, measure, seconds, own)
        return measure

    return add


def discover() -> dict[str, Bench]:
    """Import every app's `benches.py`."""
    for config in apps.get_app_configs():
        if find_spec(f"{config.name}.benches") is not None:
            import_module(f"{config.name}.benches")
    return BENCHES


@contextmanager
def scratch_database() -> Iterator[None]:
    """Every connection of this process leads to a fresh, migrated database inside the block.

    Made as the owner where there is one: the application's role may not create databases, and
    grants are no part of what is measured. Without the pool, since measurements fork.
    """
    owner = "owner" if "owner" in connections.databases else "default"
    config = connections.databases[owner]
    name = f"bench_{os.getpid()}"
    config["TEST"]["NAME"] = name
    config["OPTIONS"].pop("pool", None)
    config["CONN_MAX_AGE"] = None  # one connection per process, as the pool would give it
    original = config["NAME"]
    made = connections[owner].creation.create_test_db(
        verbosity=0, autoclobber=True, serialize=False
    )
    try:
        if owner != "default":
            _point_to(connections.databases["default"], config, made)
        yield
    finally:
        _hang_up_others()
        connections.close_all()
        connections[owner].creation.destroy_test_db(original, verbosity=0)


def _hang_up_others() -> None:
    """Processes that were measured have ended; the server may not have noticed yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND usename = current_user"
        )


def _point_to(config: dict[str, Any], owner: dict[str, Any], name: str) -> None:
    connection.close()
    for key in ("USER", "PASSWORD", "HOST", "PORT"):
        config[key] = owner[key]
    config["OPTIONS"], config["CONN_MAX_AGE"] = owner["OPTIONS"], None
    config["NAME"] = name


def run(name: str, options: Run) -> list[Row]:
    options.rng.seed(SEED)
    return list(BENCHES[name].measure(options))


@contextmanager
def quiet() -> Iterator[None]:
    """Log lines are made as always, for they are part of what a request costs, and go nowhere."""
    loggers = [logging.getLogger(), *map(logging.getLogger, logging.root.manager.loggerDict)]
    handlers = {
        handler
        for logger in loggers
        for handler in logger.handlers
        if isinstance(handler, logging.StreamHandler)
        and not isinstance(handler, logging.FileHandler)  # these own their stream
    }
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        before = {handler: handler.setStream(nowhere) for handler in handlers}
        try:
            yield
        finally:
            for handler, stream in before.items():
                if stream is not None:
                    handler.setStream(stream)


# --- Measuring --------------------------------------------------------------------------------


def per_second(work: Callable[[], object], seconds: float) -> float:
    """How often `work` runs in a second, here."""
    count, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds:
        work()
        count += 1
    return count / passed


def together(writers: int, work: Callable[[], object], seconds: float) -> float:
    """The same in `writers` processes at once, each with its own connection, added up."""
    connections.close_all()
    context = multiprocessing.get_context("fork")
    ready, rates = context.Barrier(writers), context.Queue()

    def write() -> None:
        try:
            connection.ensure_connection()
            work()  # warm: plans, caches, the first page of the table
            ready.wait(30)
            rates.put(per_second(work, seconds))
        except BaseException:
            ready.abort()
            rates.put(0.0)
            raise
        finally:
            connection.close()

    processes = [context.Process(target=write) for _ in range(writers)]
    for process in processes:
        process.start()
    total = sum(rates.get() for _ in processes)
    for process in processes:
        process.join()
    return float(total)


def in_turns(
    writers: int, works: Sequence[Callable[[], object]], seconds: float, *, rounds: int = 3
) -> list[float]:
    """`together` for each work in turns, the middle round of each: side by side, so that a
    neighbour's burst does not fall on one of them alone."""
    rates = [[together(writers, work, seconds / rounds) for work in works] for _ in range(rounds)]
    return [median(found) for found in zip(*rates, strict=True)]


def cpu_and_wall(
    works: Sequence[Callable[[], object]], seconds: float, *, rounds: int = 5
) -> list[tuple[float, float]]:
    """(CPU, wall) milliseconds of one call of each work, CPU being this process's own.

    The works take turns and the middle round counts: whatever else the machine does then hits
    all of them alike.
    """
    measured: list[list[tuple[float, float]]] = [[] for _ in works]
    for work in works:
        work()
    for _ in range(rounds):
        for position, work in enumerate(works):
            measured[position].append(_once(work, seconds / rounds))
    return [
        (median(cpu for cpu, _ in found), median(wall for _, wall in found)) for found in measured
    ]


def _once(work: Callable[[], object], seconds: float) -> tuple[float, float]:
    count, cpu, started = 0, time.process_time(), time.perf_counter()
    while not count or time.perf_counter() - started < seconds:
        work()
        count += 1
    wall = time.perf_counter() - started
    return (time.process_time() - cpu) / count * 1000, wall / count * 1000


# --- Reporting --------------------------------------------------------------------------------


def machine() -> dict[str, Any]:
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": [round(value, 2) for value in os.getloadavg()],
        "python": platform.python_version(),
        "postgresql": _postgresql(),
        "portal": settings.VERSION,
        "at": clock.now().isoformat(timespec="seconds"),
    }


def _postgresql() -> str:
    """Nothing where a measurement brings its own and none runs beside it."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_version")
            (version,) = cursor.fetchone() or ("",)
    except OperationalError:
        return ""
    return str(version)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def as_json(
    about: dict[str, Any],
    results: dict[str, list[Row]],
    reports: Sequence[Mapping[str, Any]] = (),
) -> str:
    rows = {
        name: [{**asdict(row), "ratio": row.ratio} for row in found]
        for name, found in results.items()
    }
    whole: dict[str, Any] = {"machine": about, "benches": rows}
    for report in reports:
        whole |= report
    return json.dumps(whole, indent=2)


def as_markdown(about: dict[str, Any], results: dict[str, list[Row]]) -> str:
    lines = ["Machine: " + ", ".join(f"{key} {value}" for key, value in about.items()), ""]
    busy = busy_note(about)
    lines += [busy, ""] if busy else []
    for name, rows in results.items():
        lines += [f"## {name}", "", *table(rows), ""]
    return "\n".join(lines)


def table(rows: Sequence[Row]) -> list[str]:
    heading = ["| figure | value | baseline | ratio |", "|---|---|---|---|"]
    return heading + [_line(row) for row in rows]


def busy_note(about: Mapping[str, Any]) -> str:
    """A machine with other work says so beside its figures: they are no goals missed."""
    load, cores = about.get("load") or [0.0], about.get("cores") or 1
    if load[0] <= BUSY * cores:
        return ""
    return (
        f"The machine was busy with other work (load {load[0]:g} on {cores} cores): times say"
        " little, ratios more."
    )


def _line(row: Row) -> str:
    figure = f"{row.figure} ({row.note})" if row.note else row.figure
    baseline, ratio = "", ""
    if row.baseline_value is not None and row.ratio is not None:
        baseline = f"{row.baseline}: {_number(row.baseline_value)} {row.unit}"
        ratio = f"{row.ratio:.2f}"
    return f"| {figure} | {_number(row.value)} {row.unit} | {baseline} | {ratio} |"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
