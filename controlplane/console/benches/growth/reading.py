"""What one look at a page costs: CPU here, statements, blocks of the database, and the plans."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any, NamedTuple

from django.db import connection, transaction

from controlplane.lib import defaults, prepared

LOOKS = 5
WARM = 3
FLAT = defaults.define(
    "bench.growth_most",
    0.5,
    unit="exponent",
    why="Blocks read per rows there are: an index grows by its depth, reading all of them by 1.",
)
_READS = ("SELECT", "WITH", "(SELECT")


class Scan(NamedTuple):
    how: str
    table: str
    rows: float  # read, of all loops


@dataclass(slots=True)
class Cost:
    cpu_ms: float = 0.0
    queries: int = 0
    buffers: int = 0
    scans: list[Scan] = field(default_factory=list)


Asked = list[tuple[str, Any]]


@contextmanager
def listening() -> Iterator[Asked]:
    """Statements as they go to the database, with what they were given: by Django's cursor, and
    past it those that are prepared."""
    found: Asked = []
    usual = prepared._begin

    def begin(cursor: Any, statement: str, values: prepared.Values) -> None:
        found.append((statement, values))
        usual(cursor, statement, values)

    def hear(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        found.append((str(sql), params))
        return execute(sql, params, many, context)

    prepared._begin = begin
    try:
        with connection.execute_wrapper(hear):
            yield found
    finally:
        prepared._begin = usual


def cost(look: Callable[[], object], looks: int = LOOKS) -> Cost:
    for _ in range(WARM):
        look()
    spent = []
    for _ in range(looks):
        began = time.process_time()
        look()
        spent.append((time.process_time() - began) * 1000)
    with listening() as asked:
        look()
    found = Cost(median(spent), len(asked))
    for sql, params in asked:
        if sql.lstrip().upper().startswith(_READS):
            _explain(sql, params, found)
    return found


def _explain(sql: str, params: Any, found: Cost) -> None:
    """Run once more, for its plan; what it wrote is taken back."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", params)
        (told,) = cursor.fetchone() or ("[]",)
        transaction.set_rollback(True)
    plan = (told if isinstance(told, list) else json.loads(told))[0]["Plan"]
    found.buffers += plan.get("Shared Hit Blocks", 0) + plan.get("Shared Read Blocks", 0)
    found.scans += _scans(plan)


def _scans(plan: dict[str, Any]) -> Iterator[Scan]:
    table = plan.get("Relation Name")
    if table:
        rows = plan.get("Actual Rows", 0) + plan.get("Rows Removed by Filter", 0)
        rows += plan.get("Rows Removed by Index Recheck", 0)
        yield Scan(plan["Node Type"], str(table), rows * plan.get("Actual Loops", 1))
    for each in plan.get("Plans", ()):
        yield from _scans(each)


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Of cost = a × size^b, the b that fits best: 0 is flat, 1 grows with the rows."""
    if len(sizes) < 2:
        return 0.0
    xs = [math.log(size) for size in sizes]
    ys = [math.log(max(cost, 1e-6)) for cost in costs]
    mid_x, mid_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mid_x) ** 2 for x in xs)
    return sum((x - mid_x) * (y - mid_y) for x, y in zip(xs, ys, strict=True)) / spread


def too_much(cost: Cost, big: frozenset[str], most: int) -> list[str]:
    """Scans that read more of a large table than a page can show."""
    return [
        f"{scan.how} of {scan.rows:,.0f} rows of {scan.table}"
        for scan in cost.scans
        if _table(scan.table) in big and scan.rows > most
    ]


def _table(name: str) -> str:
    """Partitions are named after what they are parts of."""
    return "telemetry_events" if name.startswith("telemetry_events") else name
