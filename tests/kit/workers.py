"""What the processes of one test run must not share, and which tests go first."""

from __future__ import annotations

import os
from collections.abc import Container
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pytest

from tests.kit import quick

# A server has 16 numbers; the last is the one that chaos empties.
NUMBERS = 15
_ON_A_SOCKET = {"redis+socket": "virtual_host", "unix": "db"}


def environment(number: int, folders: Path) -> dict[str, str]:
    """Of the worker that was started as this one, counted from 0."""
    state = folders / f"gw{number}"
    state.mkdir()
    found = {
        "CONTROLPLANE_STATE_DIR": str(state),
        "PROMETHEUS_MULTIPROC_DIR": str(state / "metrics"),
    }
    if url := os.environ.get("REDIS_URL"):
        found["REDIS_URL"] = broker_url(url, number)
    return found


def broker_url(url: str, number: int) -> str:
    """The same server and the database so many numbers on. Tests empty queues, so no two workers
    may meet there; the first keeps the number that was given."""
    if number >= NUMBERS:
        raise pytest.UsageError(f"The broker has room for {NUMBERS} workers: use -n {NUMBERS}.")
    parts = urlsplit(url)
    if name := _ON_A_SOCKET.get(parts.scheme):
        query = dict(parse_qsl(parts.query))
        query[name] = str((int(query.get(name) or 0) + number) % NUMBERS)
        # Put together by hand: for an unknown scheme an empty host would be lost.
        return f"{parts.scheme}://{parts.netloc}{parts.path}?{urlencode(query)}"
    given = int(parts.path.strip("/") or 0)
    return urlunsplit(parts._replace(path=f"/{(given + number) % NUMBERS}"))


def arrange(items: list[pytest.Item], scenes: Container[str] = ()) -> None:
    """Long ones first, so that no worker is left alone with one at the end. Those that start
    whole process trees form one group, so that two of them never share the cores; so do those of a
    module that makes a scene, so that it is made in one worker alone."""
    for item in items:
        module = getattr(getattr(item, "module", None), "__name__", "")
        if item.get_closest_marker("chaos"):
            item.add_marker(pytest.mark.xdist_group("process trees"))
        elif module in scenes and (not item.get_closest_marker("slow") or quick.by_cost(item)):
            item.add_marker(pytest.mark.xdist_group(module.removeprefix("tests.")))
    items.sort(key=_urgency)  # stable: the others keep their order


def keep_together(items: list[pytest.Item]) -> None:
    """Put each group into the names its tests are sent by. xdist 3.8 writes them into `_nodeid`,
    which pytest 9.2 reads no more (pytest-xdist#1386): without this a group is none."""
    for item in items:
        mark = item.get_closest_marker("xdist_group")
        end = f"@{mark.args[0]}" if mark else ""
        node: Any = item
        if end and hasattr(node, "_id") and not item.nodeid.endswith(end):
            node._id = type(node._id).parse(item.nodeid + end)


def _urgency(item: pytest.Item) -> int:
    """Process trees first, then what rests on the servers, then what is slow, then the rest.
    Where time is bounded what is slow by cost goes before what is long: it asks more by the
    second."""
    marks = ("chaos", "servers", "slow")
    found = next((n for n, mark in enumerate(marks) if item.get_closest_marker(mark)), len(marks))
    return 2 * found - (marks[found : found + 1] == ("slow",) and quick.by_cost(item))
