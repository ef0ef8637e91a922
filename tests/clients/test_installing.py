"""What can't be installed is skipped with a line that says what is missing, and counted."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.clients import counting, installing
from tests.clients.conftest import ALWAYS, installer


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture
def no_network(empty: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = "http://127.0.0.1:9/"
    for name, value in {
        "UV_DEFAULT_INDEX": nowhere, "UV_INDEX_URL": nowhere, "UV_HTTP_RETRIES": "0",
        "UV_CACHE_DIR": str(tmp_path / "uv"),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)


def test_without_node__says_so(empty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(installing.Missing, match="needs node and npm"):
        installing.installed("beads-ui")


def test_without_a_network__skips_all_but_one(no_network: None) -> None:
    install = installer(lambda *_: None)
    with pytest.raises(pytest.skip.Exception, match=r"beadsflow can't be installed: uv .*9/"):
        install("beadsflow")
    with pytest.raises(pytest.fail.Exception, match=f"{ALWAYS} can't be installed"):
        install(ALWAYS)


def test_locks__pin_every_package() -> None:
    for path in installing.LOCKS.glob("*.txt"):
        lines = path.read_text().splitlines()
        assert any(line.startswith(path.stem) or "beads" in line for line in lines), path.name
        assert all(re.match(r"[\w.-]+(\[\w+\])?==[\w.]+( ;|$)", line) for line in lines), path.name


def report(client: str) -> Any:
    return SimpleNamespace(user_properties=[("client", "beads-mcp"), ("client", client)])


def test_line__counts_clients_and_not_tests() -> None:
    assert counting.line({}) == ""
    assert counting.line({"passed": [SimpleNamespace(user_properties=[])]}) == ""
    stats = {
        "passed": [report("beads-ui"), report("beads-ui"), report("beads-sdk")],
        "skipped": [report("beads-ui"), report("beadsflow")],
    }
    assert counting.line(stats) == (
        "Others' clients and cases: 2 driven (beads-sdk beads-ui), 1 skipped (beadsflow)"
    )
    stats["failed"] = [report("beads-sdk")]
    assert counting.line(stats).endswith("1 skipped (beadsflow), 1 failed (beads-sdk)")
