"""The portal as it is run, for clients that others wrote.

Starting it takes seconds, so a module's tests share its processes: what one test commits is
emptied before the next, and a process hears of that as of any change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Install, installer
from tests.kit.flags import World
from tests.kit.served import Served

# A broker that is not there.
NO_BROKER = {"REDIS_URL": "redis://127.0.0.1:9/0"}


class Portal:
    """A web process and a stream process beside it, with a broker or without."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self._env = {**env, "CONTROLPLANE_STATE_DIR": str(folder / "state")}
        self.web, self.stream = Served(folder / "web.log"), Served(folder / "stream.log", "asgi")

    def start(self) -> None:
        self.web.start(**self._env)
        self.stream.start(**self._env)

    def stop(self) -> None:
        self.web.stop()
        self.stream.stop()


Portals = Callable[[bool], Portal]


@pytest.fixture(scope="module")
def portals(django_db_setup: None, tmp_path_factory: Any) -> Iterator[Portals]:
    running: list[Portal] = []

    @cache
    def portal(broker: bool = True) -> Portal:
        folder = tmp_path_factory.mktemp("portal")
        (folder / "state").mkdir()
        found = Portal(folder, {} if broker else NO_BROKER)
        running.append(found)
        found.start()
        return found

    yield portal
    for each in running:
        each.stop()


@pytest.fixture
def portal(transactional_db: None, portals: Portals) -> Portal:
    return portals(True)


@pytest.fixture(params=[True, False], ids=["broker", "no broker"])
def either_portal(transactional_db: None, portals: Portals, request: Any) -> Portal:
    return portals(request.param)


@pytest.fixture
def install(record_property: Callable[[str, Any], None]) -> Install:
    return installer(record_property)


@pytest.fixture
def world(db: None) -> World:
    return World()
