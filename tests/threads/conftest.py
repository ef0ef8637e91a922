"""The stream process as it is run: with a broker, and without. A module's tests share them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from tests.kit.served import Served

# A broker that is not there.
NO_BROKER = {"REDIS_URL": "redis://127.0.0.1:9/0"}


@pytest.fixture(scope="module")
def served(django_db_setup: None, tmp_path_factory: Any) -> Iterator[Callable[[bool], Served]]:
    running: list[Served] = []

    @cache
    def start(broker: bool) -> Served:
        folder = tmp_path_factory.mktemp("streams")
        (folder / "state").mkdir()
        found = Served(folder / "stream.log", "asgi")
        running.append(found)
        env = {} if broker else NO_BROKER
        found.start(CONTROLPLANE_STATE_DIR=str(folder / "state"), **env)
        return found

    yield start
    for each in running:
        each.stop()


@pytest.fixture
def stream(transactional_db: None, served: Callable[[bool], Served]) -> str:
    """Its address."""
    return served(True).url


@pytest.fixture
def deaf(transactional_db: None, served: Callable[[bool], Served]) -> str:
    """The address of one that hears no broker."""
    return served(False).url
