from __future__ import annotations

import pytest

from tests.kit import api, telemetry


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    api.reset(monkeypatch)
    telemetry.forget()
