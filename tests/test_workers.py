"""What the suite does to run in several processes and to start each test from nothing."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase

from controlplane.access.models import User, Workspace
from controlplane.audit.models import AuditEvent
from tests import make
from tests.kit import emptying, workers


@pytest.mark.parametrize(
    ("url", "number", "expected"),
    [
        ("redis://h:6379/0", 0, "redis://h:6379/0"),
        ("redis://h:6379/0", 1, "redis://h:6379/1"),
        ("redis://:p@h:6379", 2, "redis://:p@h:6379/2"),
        ("rediss://h/14?ssl_cert_reqs=none", 1, "rediss://h/0?ssl_cert_reqs=none"),
        ("redis+socket:///r/v.sock?virtual_host=3", 1, "redis+socket:///r/v.sock?virtual_host=4"),
        ("redis+socket:///r/v.sock", 1, "redis+socket:///r/v.sock?virtual_host=1"),
        ("unix:///r/v.sock?db=13", 4, "unix:///r/v.sock?db=2"),
    ],
)
def test_broker_url__each_worker_another_number_never_the_last(
    url: str, number: int, expected: str
) -> None:
    assert workers.broker_url(url, number) == expected


def test_broker_url__more_workers_than_numbers__refused() -> None:
    with pytest.raises(pytest.UsageError, match="room for 15"):
        workers.broker_url("redis://h/0", 15)


def test_environment__own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://h/0")
    found = [workers.environment(number, tmp_path) for number in range(2)]
    assert found[0]["REDIS_URL"] != found[1]["REDIS_URL"]
    assert {Path(env["CONTROLPLANE_STATE_DIR"]) for env in found} == set(tmp_path.iterdir())


@pytest.mark.parametrize("number", [0, 1])
def test_this_worker__has_its_own(number: int) -> None:
    """Two tests, so that each of two workers may take one."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    folder = Path(os.environ.get("CONTROLPLANE_STATE_DIR", ""))
    assert not worker or (folder.name == worker and folder == settings.STATE_DIR)


@pytest.mark.xdist_group("kept together")
@pytest.mark.parametrize("number", [0, 1])
def test_group__stands_in_the_name(number: int, request: pytest.FixtureRequest) -> None:
    """By the name the next test is sent to the worker that has the group."""
    sent = request.config.getoption("loadgroup", default=False)
    assert request.node.nodeid.endswith("@kept together") == sent


class Item:
    """As much of a test as is asked when they are put in order."""

    def __init__(self, *marks: str) -> None:
        self.module = SimpleNamespace(__name__="tests.work.test_lists")
        self.marks = {name: getattr(pytest.mark, name).mark for name in marks}

    def get_closest_marker(self, name: str) -> Any:
        return self.marks.get(name)

    def add_marker(self, added: Any) -> None:
        self.marks[added.name] = added.mark


@pytest.mark.parametrize(
    ("marks", "modules", "group"),
    [
        ([], ["tests.work.test_lists"], "work.test_lists"),
        (["servers"], ["tests.work.test_lists"], "work.test_lists"),
        ([], ["tests.work.test_others"], ""),
        (["slow"], ["tests.work.test_lists"], ""),
        (["chaos"], ["tests.work.test_lists"], "process trees"),
    ],
)
def test_scene__keeps_its_quick_tests_on_one_worker(
    marks: list[str], modules: list[str], group: str
) -> None:
    item: Any = Item(*marks)
    workers.arrange([item], modules)
    found = item.get_closest_marker("xdist_group")
    assert (found.args[0] if found else "") == group


def _triggers() -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger"
            " WHERE NOT tgisinternal ORDER BY 1, 2"
        )
        return list(cursor.fetchall())


@pytest.mark.django_db(transaction=True)
def test_emptying__every_row_goes_and_every_guard_stays() -> None:
    before = _triggers()
    make.key(make.agent(make.workspace()))
    make.client(make.person(make.workspace(), "viewer"))

    class Case(TransactionTestCase):
        available_apps, serialized_rollback = None, False

    emptying.empty_again(Case())
    assert not User.objects.exists()
    assert not Workspace.objects.exists()
    assert not AuditEvent.objects.exists()
    assert emptying.filled() == []
    assert _triggers() == before
