"""`manage.py bench all`: every measurement, one after the other, in one report.

Each runs in a process and a database of its own, copied from one that was migrated once: what one
of them leaves behind, breaks or hangs in is nothing to the next. What failed stands in the report
beside what did not.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from typing import Any

from django.db import connection, connections

from controlplane.base import bench
from controlplane.base.bench import Row, Run

END_S = 200.0  # for whoever is asked to end and has a portal of its own, which takes its time
HEADING = """# What it costs

Written by `manage.py bench all --markdown docs/benchmarks.md`; nobody edits it. A figure alone says
how fast that machine was. The ratio beside it says what our code costs: value over baseline, both
of the same run. `manage.py bench` lists what can be measured, `manage.py bench NAME` measures one.
"""


@dataclass(slots=True)
class Part:
    """What became of one measurement."""

    name: str
    doc: str = ""
    rows: list[Row] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)
    blocks: dict[str, str] = field(default_factory=dict)
    failed: str = ""
    seconds: float = 0.0

    @property
    def reached(self) -> bool:
        return self.failed != NOT_REACHED


NOT_REACHED = "not reached within the time given"


def measure_all(
    names: Sequence[str],
    options: Run,
    within: float,
    say: Callable[[str], object] = print,
    *,
    each: float = float("inf"),
) -> Iterator[Part]:
    """In turns, one of them no longer than `each` and all no longer than `within`. Inside of
    `bench.scratch_database`."""
    end = time.monotonic() + within
    template = str(connection.settings_dict["NAME"])
    connections.close_all()
    for name in names:
        part = Part(name, bench.BENCHES[name].doc)
        left = end - time.monotonic()
        if left <= 0:
            part.failed = NOT_REACHED
        else:
            say(f"measuring {name} …")
            began = time.monotonic()
            with _copy_of(template, f"{template}_{name.replace('-', '_')}", bench.BENCHES[name]):
                _measured(part, options, min(left, each))
            part.seconds = time.monotonic() - began
        yield part


def _measured(part: Part, options: Run, limit: float) -> None:
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(part.name, options, there))
    process.start()
    there.close()
    found: Mapping[str, Any] = {"failed": f"stopped after {limit:.0f} s"}
    try:
        if here.poll(limit):
            found = here.recv()
    except EOFError:
        process.join(END_S)
        found = {"failed": f"its process ended with {process.exitcode}"}
    finally:
        _ended(process, at_once="failed" in found)
        here.close()
    for name, value in found.items():
        setattr(part, name, value)


def _measure(name: str, options: Run, there: Connection) -> None:
    if os.getpgrp() != os.getpid():
        os.setsid()  # its processes end with it, also when it is ended from outside
    run = replace(options, report={}, missed=[], blocks={})
    try:
        with bench.quiet():
            rows = bench.run(name, run)
        found = {"rows": rows, "report": run.report, "missed": run.missed, "blocks": run.blocks}
        there.send(found)
    except Exception as error:  # noqa: BLE001 - of whatever kind: it is told in the report
        sys.stderr.write(traceback.format_exc())
        there.send({"failed": f"{type(error).__name__}: {error}"[:500], "missed": run.missed})
    finally:
        connections.close_all()
        there.close()


def _ended(process: Any, *, at_once: bool) -> None:
    """It had its say or its time: whoever is still there is asked to end, then made to."""
    if not at_once:
        process.join(END_S)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):  # the whole group: also what it left behind
            os.killpg(process.pid, number)
        process.join(END_S)
        if not process.is_alive():
            return


@contextmanager
def _copy_of(template: str, name: str, entry: bench.Bench) -> Iterator[None]:
    """Every connection of this process leads to a copy of the migrated database."""
    if entry.own:
        yield
        return
    quote = connection.ops.quote_name
    _elsewhere(
        f"DROP DATABASE IF EXISTS {quote(name)} WITH (FORCE)",
        f"CREATE DATABASE {quote(name)} TEMPLATE {quote(template)}",
    )
    _lead_to(name)
    try:
        yield
    finally:
        _lead_to(template)
        _elsewhere(f"DROP DATABASE {quote(name)} WITH (FORCE)")


def _elsewhere(*statements: str) -> None:
    """Databases are made and dropped from another one."""
    with connection._nodb_cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    connections.close_all()


def _lead_to(name: str) -> None:
    connections.close_all()
    for alias in connections.databases:
        connections.databases[alias]["NAME"] = name


# --- The report ---------------------------------------------------------------------------------


def wrong(parts: Sequence[Part]) -> list[str]:
    """What the exit code speaks of."""
    failed = [f"{part.name}: {part.failed}" for part in parts if part.failed]
    return failed + [each for part in parts for each in part.missed]


def as_markdown(about: Mapping[str, Any], parts: Sequence[Part]) -> str:
    lines = [HEADING, "Machine: " + ", ".join(f"{key} {value}" for key, value in about.items())]
    busy = bench.busy_note(about)
    lines += [busy] if busy else []
    found = wrong(parts)
    late = [part for part in parts if not part.reached]
    failed = [part for part in parts if part.failed and part.reached]
    told = f", {len(late)} not reached" if late else ""
    lines += ["", f"{len(parts)} measurements, {len(failed)} failed{told}.", ""]
    lines += [f"- {each}" for each in found]
    lines += [""] if found else []
    for part in parts:
        lines += [f"## {part.name}", "", f"{part.doc} ({part.seconds:.0f} s)", ""]
        if part.failed:
            lines += [f"**Failed:** {part.failed}", ""]
        if part.rows:
            lines += [*bench.table(part.rows), ""]
    return "\n".join(lines).rstrip() + "\n"


def as_document(parts: Sequence[Part]) -> dict[str, Any]:
    """Beside the rows of each: what came of it."""
    outcomes = {
        part.name: {
            "seconds": round(part.seconds, 1),
            "failed": part.failed or None,
            "missed": part.missed,
        }
        for part in parts
    }
    return {"outcomes": outcomes, "reports": {part.name: part.report for part in parts}}
