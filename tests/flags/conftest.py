from __future__ import annotations

import pytest

from tests.kit import api
from tests.kit.flags import World


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    api.reset(monkeypatch)


@pytest.fixture
def world(db: None) -> World:
    return World()
