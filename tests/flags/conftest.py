"""The portal as it is run, for clients that others wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Install, installer
from tests.kit import api
from tests.kit.flags import World
from tests.kit.served import Served

Serve = Callable[..., Served]


@pytest.fixture
def serve(transactional_db: None, tmp_path: Path) -> Iterator[Serve]:
    """Start the web process, or with "asgi" the stream process; both end with the test."""
    running: list[Served] = []

    def start(interface: str = "wsgi", **env: str) -> Served:
        found = Served(tmp_path / f"{interface}.log", interface)
        running.append(found)
        state = tmp_path / f"{interface}-state"
        state.mkdir()
        found.start(CONTROLPLANE_STATE_DIR=str(state), **env)
        return found

    yield start
    for each in running:
        each.stop()


@pytest.fixture
def install(record_property: Callable[[str, Any], None]) -> Install:
    return installer(record_property)


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    api.reset(monkeypatch)


@pytest.fixture
def world(db: None) -> World:
    return World()
