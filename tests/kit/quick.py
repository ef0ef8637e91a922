"""Which tests the quick suite leaves to the slow one, besides those that say so themselves.

Two rules keep it under three minutes on two cores, and neither takes a test away:

- Of a long row of cases that use the database, the first, the middle and the last are quick. The
  others ask the same of other values.
- The cheap ones first, as many as fit into the time. What `tests/costly.txt` names did not fit
  when it was written. The cheapest of every file is quick whatever it costs, and so is the
  cheapest that speaks of a stranger: no file is left to the slow suite alone.

Both are slow "by cost", and CI asks them before the long ones. The list is written anew from a
run on a machine that does nothing else:

    python3 manage.py test -- -n 2 --dist loadgroup -m "not slow" --costs ../costs.tsv
    .venv/bin/python -m tests.kit.quick ../costs.tsv
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

LIST = Path(__file__).resolve().parents[1] / "costly.txt"
ROW = 3
# What two workers have in three minutes, without their start: imports, the database, the scenes.
SECONDS = 2 * 118.0
BY_COST = "cost"
_STRANGER = re.compile(
    r"strang|other_workspace|others|wrong_role|nobody|without|refused|not_allowed|may_not|viewer",
    re.IGNORECASE,
)


# --- Marking ----------------------------------------------------------------------------------


def leave_to_slow(items: list[pytest.Item], *, listed: Iterable[str] | None = None) -> None:
    """Before pytest looks at `-m`. A single case asked for by its name is no long row."""
    costly_ones = costly() if listed is None else frozenset(listed)
    rows: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("slow"):
            continue
        name = function(item.nodeid)
        if name in costly_ones:
            _mark(item)
        elif uses_database(item):
            rows[name].append(item)
    for cases in rows.values():
        quick = {0, len(cases) // 2, len(cases) - 1} if len(cases) > ROW else range(ROW)
        for number, item in enumerate(cases):
            if number not in quick:
                _mark(item)


def by_cost(item: pytest.Item) -> bool:
    mark = item.get_closest_marker("slow")
    return mark is not None and mark.kwargs.get("by") == BY_COST


def uses_database(item: pytest.Item) -> bool:
    names = getattr(item, "fixturenames", ())
    return item.get_closest_marker("django_db") is not None or "db" in names


def function(nodeid: str) -> str:
    """Its name without the case and without the group that a worker adds."""
    return nodeid.partition("[")[0].partition("@")[0]


@cache
def costly() -> frozenset[str]:
    return frozenset(LIST.read_text().split())


def _mark(item: pytest.Item) -> None:
    item.add_marker(pytest.mark.slow(by=BY_COST))


# --- Measuring --------------------------------------------------------------------------------


class Costs:
    """With `--costs FILE`: what each function took with all its cases. A scene that its file shares
    is nobody's: it is made whoever comes first."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seconds: dict[str, float] = defaultdict(float)
        self.cases: dict[str, int] = defaultdict(int)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if "settled_copies" in getattr(item, "fixturenames", ()):
            item.user_properties.append(("scene", True))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = function(report.nodeid)
        self.cases[name] += report.when == "setup"
        if report.when == "call" or ("scene", True) not in report.user_properties:
            self.seconds[name] += report.duration

    def pytest_sessionfinish(self, session: Any) -> None:
        if not hasattr(session.config, "workerinput"):
            rows = sorted(self.seconds.items())
            lines = [f"{name}\t{took:.4f}\t{self.cases[name]}\n" for name, took in rows]
            self.path.write_text("".join(lines))


# --- Choosing ---------------------------------------------------------------------------------


class Cost(NamedTuple):
    seconds: float
    cases: int = 1

    @property
    def each(self) -> float:
        return self.seconds / max(self.cases, 1)


def chosen(costs: Mapping[str, Cost], seconds: float = SECONDS) -> list[str]:
    """The names that don't fit into so many seconds."""
    kept = _of_every_file(costs)
    left = seconds - sum(costs[name].seconds for name in kept)
    for name in sorted(costs.keys() - kept, key=lambda name: (costs[name].each, name)):
        left -= costs[name].seconds
        if left < 0:
            break
        kept.add(name)
    return sorted(costs.keys() - kept)


def _of_every_file(costs: Mapping[str, Cost]) -> set[str]:
    files: dict[str, list[str]] = defaultdict(list)
    for name in sorted(costs, key=lambda name: (costs[name].seconds, name)):
        files[name.partition("::")[0]].append(name)
    strangers = ([name for name in names if _STRANGER.search(name)] for names in files.values())
    return {names[0] for names in [*files.values(), *strangers] if names}


def write(path: Path) -> None:
    rows = (line.split("\t") for line in path.read_text().splitlines())
    costs = {name: Cost(float(took), int(cases)) for name, took, cases in rows}
    LIST.write_text("".join(f"{name}\n" for name in chosen(costs)))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
