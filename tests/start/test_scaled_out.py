"""Two of everything that may be two: what is started, who is killed, and the proof of the whole."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random
from unittest.mock import patch

import pytest

from controlplane.console.benches.load.place import Used
from controlplane.console.management.commands import scaled_out
from controlplane.console.management.commands.scaled_out import ScaledOut, named
from controlplane.embedded import portal
from controlplane.embedded.portal import Sockets
from incidents.benches.killed.portal import Portal


def test_programs__two_of_each_but_one_stream(tmp_path: Path) -> None:
    one = Sockets((tmp_path / "web-1.sock",), tmp_path / "stream.sock")
    two = Sockets((tmp_path / "web-2.sock",), tmp_path / "unused.sock")
    found = named(portal.programs({}, one), portal.programs({}, two))
    assert sorted(each.name for each in found) == [
        "beat-1", "beat-2", "stream", "waker-1", "waker-2", "web-1", "web-2", "worker-1",
        "worker-2",
    ]  # fmt: skip
    sockets = [word for each in found for word in each.argv if word.endswith(".sock")]
    assert sorted(sockets) == sorted(map(str, (*one.web, one.stream, *two.web)))


def place(tmp_path: Path) -> ScaledOut:
    return ScaledOut(tmp_path, {})


def test_kill__hits_one_of_those_of_its_name(tmp_path: Path) -> None:
    hit: list[str] = []

    def kill(self: Portal, victim: str, random: Random) -> bool:
        hit.append(victim)
        return True

    pids = {"web-1": 1, "web-2": 2, "stream": 3}
    with patch.object(Portal, "kill", kill), patch.object(ScaledOut, "pids", lambda _: pids):
        for number in range(20):
            assert place(tmp_path).kill("web child", Random(number))
        assert place(tmp_path).kill("stream", Random(1))
        assert place(tmp_path).kill("engine", Random(1)), "there is none: nothing to wait for"
        assert not place(tmp_path).kill("valkey", Random(1))
    assert set(hit) == {"web-1 child", "web-2 child", "stream"}


def test_used__adds_up_what_is_alike(tmp_path: Path) -> None:
    each = {"web-1": Used(1.0, 10), "web-2": Used(2.0, 20), "stream": Used(0.5, 5)}
    pids = {name: number for number, name in enumerate(each)}
    of = list(each.values())
    with (
        patch.object(ScaledOut, "pids", lambda _: pids),
        patch("controlplane.console.benches.load.place._with_children", of.__getitem__),
    ):
        assert place(tmp_path).used() == {"web": Used(3.0, 30), "stream": Used(0.5, 5)}


@pytest.mark.chaos
@pytest.mark.slow
def test_script__short__nothing_lost_nothing_doubled() -> None:
    if scaled_out.binaries() is None:
        pytest.skip("no PostgreSQL or redis-server of the system here")
    with subprocess.Popen(
        [sys.executable, "manage.py", "scaled_out", "--seconds", "12", "--kills", "6",
         "--users", "10", "--rows", "60"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "CONTROLPLANE_NO_BOOTSTRAP": "1"},
    ) as done:  # fmt: skip
        try:
            said, _ = done.communicate(timeout=900)
        finally:
            done.terminate()  # and with it all that it started
    assert "lost         0" in said, said[-3_000:]
    assert "doubled      0" in said
    assert "web-2" in said
    assert "acts answered" in said
