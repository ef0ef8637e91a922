"""What every test of a file would make again, made once.

    @settled.once
    def workspace() -> Workspace:
        return make.workspace()

    @settled.once
    def browser(workspace: Workspace) -> Client:
        return make.client(make.person(workspace, "viewer"))

They are fixtures as others are: what a test does to the rows is rolled back before the next, and
each test has its own copies of the objects, and its own part of what Valkey remembers. Only for
files whose tests all roll back, and grant no rights on tables: whoever waits for such a row of the
catalogue (autovacuum does) waits for the end of the file, and then the next test for it.
"""

from __future__ import annotations

import copy
import inspect
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from controlplane.base import cache
from controlplane.base.api import counters

_builders: dict[str, list[Callable[..., Any]]] = {}
MODULES = _builders.keys()


def once(build: Callable[..., Any]) -> Any:
    _builders.setdefault(build.__module__, []).append(build)

    @pytest.fixture(name=build.__name__)
    def scene(settled_copies: dict[str, Any]) -> Any:
        return settled_copies[build.__name__]

    return scene


@pytest.fixture(scope="module")
def settled_scenes(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: Any
) -> Iterator[dict[str, Any]]:
    for item in request.session.items:
        marker = item.get_closest_marker("django_db")
        if marker and marker.kwargs.get("transaction") and item.path == request.path:
            raise pytest.UsageError(f"{item.name} commits: it wants a file of its own")
    outer = transaction.atomic()
    with django_db_blocker.unblock():
        outer.__enter__()
        try:
            made = _build(_builders[request.module.__name__])
        except BaseException as error:
            outer.__exit__(type(error), error, None)
            raise
    yield made
    with django_db_blocker.unblock():
        transaction.set_rollback(True)
        outer.__exit__(None, None, None)


def _build(builders: list[Callable[..., Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for build in builders:
        made[build.__name__] = build(*(made[name] for name in inspect.signature(build).parameters))
    with connection.cursor() as cursor:  # asked now, and not anew after every test
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
    return made


@pytest.fixture
def settled_copies(
    settled_scenes: dict[str, Any], db: None, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """All of them together: what belongs to two of them stays one."""
    _remember_apart(monkeypatch)
    return copy.deepcopy(settled_scenes, {**_browsers(settled_scenes)})


def _remember_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows have the same numbers in each test: what was remembered or counted of them in the one
    before is not found in the next."""
    mark, exchange = secrets.token_hex(6), counters._exchange
    monkeypatch.setattr(cache, "_name", lambda key: f"cache:{mark}:{key}")
    monkeypatch.setattr(counters, "_exchange", lambda key, *more: exchange(mark + key, *more))


def _browsers(found: dict[str, Any]) -> dict[int, Any]:
    """Browsers can't be copied: new ones with the same cookies."""
    copies = {}
    for value in found.values():
        for part in [value, *getattr(value, "__dict__", {}).values()]:
            if isinstance(part, Client):
                copies[id(part)] = again = Client(
                    raise_request_exception=part.raise_request_exception
                )
                again.cookies = copy.deepcopy(part.cookies)
    return copies
