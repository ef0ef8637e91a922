"""Whatever the table of what is asked names is there: pages, routes, commands, jobs, duties, rules,
gates, runbooks, measures, numbers, files, tests. Every line says where, or what is missing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

import pytest
from django.core.management import get_commands

from controlplane.access.role_table import ACTIONS
from controlplane.base.registries import audit_rules, kpis, panels
from controlplane.jobs.obligations import DUTIES
from controlplane.jobs.registry import JOBS
from controlplane.lib.defaults import REGISTERED
from deployments.gates.table import GATES
from telemetry.measures.kinds import MEASURES
from telemetry.rules.shipped import RULES
from tests.docs.test_references import functions, leads_somewhere, routes
from tests.kit.source import ROOT

PAGE = ROOT / "docs" / "coverage.md"
STATES = ("done", "partly: ", "open: ")
_ROW = re.compile(r"^\| (.*) \|$", re.MULTILINE)
_SPAN = re.compile(r"`([^`]+)`")


def lines(text: str) -> Iterator[list[str]]:
    """The rows of the tables, without their heads."""
    for row in _ROW.findall(text):
        cells = [cell.strip() for cell in row.split(" | ")]
        if cells[0] not in {"what is asked", "---"}:
            yield cells


# --- What a name may be ---------------------------------------------------------------------------


@cache
def runbooks() -> frozenset[str]:
    shipped = ROOT / "incidents" / "runbooks" / "shipped"
    return frozenset(path.stem for path in shipped.glob("*.md"))


def is_file(name: str) -> bool:
    path, _, test = name.partition("::")
    there = ROOT / path
    if test:
        return there.is_file() and test in functions(there)
    return there.is_file() or ("/" in path and there.is_dir())


def is_command(name: str) -> bool:
    found = re.fullmatch(r"manage\.py (\w+)( [\w-]+)*", name)
    return found is not None and found[1] in get_commands()


def is_route(name: str) -> bool:
    found = re.fullmatch(r"(GET|POST|PUT|PATCH|DELETE) (/\S+)", name)
    if found is None:
        return False
    if found[2].startswith("/api/v1/"):
        return found[1] in routes().get(re.sub(r"\{\w+\}", "{}", found[2]), ())
    return is_page(found[2])


def is_page(name: str) -> bool:
    if not name.startswith("/") or " " in name:
        return False
    ways = {"{uid}": "00000000-0000-7000-8000-000000000000", "{ref}": "MSN-1", "{pk}": "1"}
    for place, value in ways.items():
        name = name.replace(place, value)
    return leads_somewhere(re.sub(r"\{\w+\}", "a", name))


def is_registered(name: str) -> bool:
    if any(name in book for book in (JOBS, DUTIES, REGISTERED, RULES, GATES, MEASURES, ACTIONS)):
        return True
    return name in runbooks() or any(name in book for book in (kpis, audit_rules, panels))


KINDS: tuple[Callable[[str], bool], ...] = (is_registered, is_command, is_route, is_page, is_file)


def unknown(text: str) -> list[str]:
    return [name for name in _SPAN.findall(text) if not any(kind(name) for kind in KINDS)]


# --- The page -------------------------------------------------------------------------------------


def test_every_name__is_there() -> None:
    assert unknown(PAGE.read_text(encoding="utf-8").partition("\n## ")[2]) == []


def test_every_line__says_where_and_which_test() -> None:
    bad = []
    for cells in lines(PAGE.read_text(encoding="utf-8")):
        assert len(cells) == 4, cells
        asked, where, proof, state = cells
        told = bool(asked) and state.startswith(STATES)
        # What is done stands somewhere, and a test holds it there.
        shown = "tests/" in proof and bool(where) if state == "done" else state != STATES[1]
        if not (told and shown):
            bad.append(asked)
    assert bad == []


@pytest.mark.parametrize(
    "name",
    [
        "no.such.job",
        "manage.py nonsense",
        "GET /api/v1/none",
        "DELETE /api/v1/me",
        "/admin/nowhere/at/all/",
        "tests/docs/test_gone.py",
        "tests/docs/test_coverage.py::test_gone",
        "coverage",
    ],
)
def test_what_is_not_there__is_seen(name: str) -> None:
    assert unknown(f"| a | `{name}` | b | done |") == [name]


def test_a_line_of_the_table__is_read() -> None:
    head = "| what is asked | where | proved by | state |\n| --- | --- | --- | --- |\n"
    assert list(lines(f"{head}| a | b | c | d |")) == [["a", "b", "c", "d"]]
