"""Clients that others wrote, against a portal that answers on a port: `bd` is theirs to find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest

from controlplane.access.models import Workspace
from tests import make
from tests.clients import installing
from tests.clients.bridges import Bridge
from tests.kit.api import Api
from tests.kit.bd import Bd

# The one that agents use. It takes a Python and a network, which the suite's own packages took too.
ALWAYS = "beads-mcp"
Install = Callable[[str], Path]
B = TypeVar("B", bound=Bridge)


class Machine(Bd):
    """A user's machine with a connected folder, and the API beside it to look from outside."""

    def __init__(self, home: Path, url: str, workspace: Workspace) -> None:
        key = make.key(make.agent(workspace, role="coordinator"))[1]
        super().__init__(home, url=url, key=key)
        self.workspace = workspace
        self.api = Api(key)
        self._open = ExitStack()

    def start(self, kind: type[B], *given: Any, name: str, **env: str) -> B:
        """A client's process, which ends with the test."""
        log = self.home / f"{name}.log"
        client = kind(*given, env={**self.env, **env}, cwd=self.folder, log=log)
        self._open.enter_context(client)
        return client

    def close(self) -> None:
        self._open.close()

    def seen(self, key: str) -> Any:
        """An item as the API shows it to everybody else."""
        response = self.api.get(f"/api/v1/work/items/{key}")
        assert response.status_code == 200, response.content
        return response.json()


@pytest.fixture
def machine(transactional_db: None, live_server: Any, tmp_path: Path) -> Iterator[Machine]:
    found = Machine(tmp_path, str(live_server), make.workspace())
    found.ok("init")
    yield found
    found.close()


def installer(record: Callable[[str, object], None]) -> Install:
    """Notes the client for the count at the end, and skips the test where it can't be had."""

    def ask(name: str) -> Path:
        record("client", name)
        try:
            return installing.installed(name)
        except installing.Missing as missing:
            said = f"{name} can't be installed: {missing}"
            if name == ALWAYS:
                pytest.fail(said, pytrace=False)
            pytest.skip(said)

    return ask


@pytest.fixture
def install(record_property: Callable[[str, object], None]) -> Install:
    return installer(record_property)
