"""Which portal and which key; and that a key goes nowhere but where it belongs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from controlplane.bd import connection, portals
from controlplane.bd.errors import Trouble
from controlplane.embedded import discovery, processes
from controlplane.embedded.state import Run, State


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return {"XDG_STATE_HOME": str(tmp_path / "state")}


def running(
    name: str, tmp_path: Path, *, pid: int | None = None, key: str = "k", why: str = ""
) -> State:
    """A portal's file, as `up` writes it; its process is this one, or the given one."""
    state = State.at(tmp_path / name)
    run = Run(url=f"http://{name}.test", supervisor=processes.identify(pid or os.getpid()))
    discovery.publish(state, run, key=key and f"{key}-{name}", why=why)
    return state


def chosen(environ: dict[str, str], server: str = "") -> tuple[str, str]:
    target = connection.choose(environ, server)
    return target.url, target.key


def test_environment__wins(home: dict[str, str], tmp_path: Path) -> None:
    running("one", tmp_path)
    said = {**home, "CONTROLPLANE_URL": "https://x.test/", "CONTROLPLANE_API_KEY": "mine"}
    assert chosen(said, "http://one.test") == ("https://x.test", "mine")


def test_portals__the_newest_that_runs(home: dict[str, str], tmp_path: Path) -> None:
    running("one", tmp_path)
    running("two", tmp_path)
    assert chosen(home) == ("http://two.test", "k-two")
    assert chosen(home, "http://one.test") == ("http://one.test", "k-one")
    # Whatever a repository's pointer says, it names no new address.
    assert chosen(home, "http://evil.test") == ("http://two.test", "k-two")


def test_portals__a_dead_one_is_said_to_be_dead(home: dict[str, str], tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    running("one", tmp_path, pid=child.pid)
    assert chosen(home) == ("http://one.test", "k-one")
    child.kill()
    child.wait()
    with pytest.raises(Trouble, match=r"http://one\.test is not running any more") as caught:
        chosen(home)
    assert "manage.py up" in caught.value.hint
    running("two", tmp_path)
    assert chosen(home) == ("http://two.test", "k-two")


def test_portals__down_removes_its_own_file_only(home: dict[str, str], tmp_path: Path) -> None:
    one = running("one", tmp_path)
    running("two", tmp_path)
    discovery.forget(one)
    discovery.forget(one)
    assert [portal.url for portal in portals.found(home)] == ["http://two.test"]


def test_files__private_and_believed_only_so(home: dict[str, str], tmp_path: Path) -> None:
    state = running("one", tmp_path)
    path = discovery.path_of(state)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0
    path.chmod(0o644)
    with pytest.raises(Trouble, match="no portal found"):
        chosen(home)
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").write_text("{}")
    assert portals.found(home) == []


def test_files__garbage_is_no_portal(home: dict[str, str], tmp_path: Path) -> None:
    path = discovery.path_of(running("one", tmp_path))
    for text in ("", "[]", "{", '{"pid": "1"}', '{"pid": true, "url": 3}'):
        path.write_text(text)
        with pytest.raises(Trouble):
            chosen(home)


def test_key__without_an_address_is_sent_to_nobody(home: dict[str, str], tmp_path: Path) -> None:
    running("one", tmp_path)
    with pytest.raises(Trouble, match="CONTROLPLANE_URL is not"):
        chosen({**home, "CONTROLPLANE_API_KEY": "mine"})


def test_address__without_a_key_uses_that_portals_own(home: dict[str, str], tmp_path: Path) -> None:
    running("one", tmp_path)
    assert chosen({**home, "CONTROLPLANE_URL": "http://one.test"})[1] == "k-one"
    with pytest.raises(Trouble, match="CONTROLPLANE_API_KEY is not set"):
        chosen({**home, "CONTROLPLANE_URL": "http://other.test"})


def test_portal_without_a_workspace__says_so(home: dict[str, str], tmp_path: Path) -> None:
    running("one", tmp_path, key="", why="this portal has no workspace yet: make one")
    with pytest.raises(Trouble, match="no workspace yet"):
        chosen(home)
