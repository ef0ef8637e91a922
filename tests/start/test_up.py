"""`up`, `down`, `doctor`: the whole portal in its own state folder, killed and started again."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from controlplane.embedded import launch as launching
from controlplane.embedded import portal, processes
from controlplane.embedded.launch import Launch
from controlplane.embedded.processes import wait_until
from controlplane.embedded.state import Run, State, Trouble
from tests.kit.bd import Bd

MANAGE = portal.ROOT / "manage.py"
# Nothing of the suite's own servers may leak into the installation under test.
OURS = (
    *("DATABASE", "REDIS", "CONTROLPLANE", "SECRET", "PG", "TEST_", "DJANGO", "ALLOWED", "EMAIL"),
    *("PROMETHEUS", "PYTEST"),
)


class Installation:
    def __init__(self, root: Path) -> None:
        self.state = State.at(root)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.running: list[subprocess.Popen[bytes]] = []
        self.output = root.parent / "up.out"
        self.env = {n: v for n, v in os.environ.items() if not n.startswith(OURS)}
        self.env["CONTROLPLANE_NO_BOOTSTRAP"] = "1"
        # Where bd of this user looks for portals: not where it looks outside of tests.
        self.env["XDG_STATE_HOME"] = str(root.parent / "xdg")

    def argv(self, command: str, *more: str) -> list[str]:
        return [sys.executable, str(MANAGE), command, "--state", str(self.state.root), *more]

    def up(self) -> subprocess.Popen[bytes]:
        argv = self.argv("up", "--port", str(self.port), "--no-demo")
        with self.output.open("wb") as out:
            process = subprocess.Popen(argv, env=self.env, stdout=out, stderr=out, cwd="/")
        self.running.append(process)
        ready = wait_until(
            lambda: b"Ready: " in self.output.read_bytes() or process.poll() is not None, 120
        )
        assert ready, self.output.read_text()
        assert process.poll() is None, self.output.read_text()
        return process

    def run(self, command: str, *more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.argv(command, *more),
            env=self.env,
            capture_output=True,
            text=True,
            cwd="/",
            timeout=120,
        )

    def manage(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Another terminal, which finds the portal by its state folder."""
        env = {**self.env, "CONTROLPLANE_STATE_DIR": str(self.state.root)}
        return subprocess.run(
            [sys.executable, str(MANAGE), *argv],
            env=env, capture_output=True, text=True, cwd="/", timeout=120, check=False,
        )  # fmt: skip

    def status(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def environ_of(self, name: str) -> dict[str, str]:
        pid = Run.read(self.state).programs[name].pid
        words = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
        return dict(word.split("=", 1) for word in words if "=" in word)


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    root = Path(tempfile.mkdtemp(prefix="cpu-", dir="/tmp"))
    root.chmod(0o755)
    made = Installation(root / "s")
    yield made
    for process in made.running:
        if process.poll() is None:
            process.terminate()
            process.wait(60)
    home = made.state.root / "postgres"
    if home.is_symlink():
        shutil.rmtree(os.path.realpath(home))
    shutil.rmtree(root)


def everything(run: Run) -> list[processes.Identity]:
    assert run.supervisor
    return [run.supervisor, *run.programs.values()]


@pytest.mark.slow
@pytest.mark.chaos
def test_life__start_look_kill_start_again_stop(installation: Installation) -> None:
    """One long story, because each start costs seconds and each step needs the one before."""
    installation.up()
    run = Run.read(installation.state)
    assert set(run.programs) == {
        *("postgres", "valkey", "web-1", "web-2", "stream", "worker", "waker", "beat", "proxy")
    }
    assert installation.status("/ready") == 200
    assert installation.status("/health") == 200
    assert installation.status("/admin/") == 302

    check_secrets_stay_inside(installation)
    check_other_terminals(installation)
    check_second_up(installation, run)
    bd = Bd(installation.state.root.parent / "home")
    bd.env["XDG_STATE_HOME"] = installation.env["XDG_STATE_HOME"]
    assert "this portal has no workspace yet" in bd.refused("init")[1]
    made = installation.manage("create_workspace", "ops")
    assert made.returncode == 0, made.stderr

    supervisor = installation.running[-1]
    supervisor.kill()
    supervisor.wait()
    assert wait_until(lambda: not any(map(processes.is_alive, everything(run))), 20)

    assert "is not running any more" in bd.refused("init")[1]
    again = installation.up()
    assert installation.status("/ready") == 200
    check_bd_finds_it(installation, bd)
    before = everything(Run.read(installation.state))
    stopped = installation.run("down")
    assert stopped.returncode == 0, stopped.stderr
    assert again.wait(10) == 0
    assert not any(map(processes.is_alive, before))
    assert not installation.state.record.exists()
    assert "no portal found" in bd.refused("list")[1]
    assert installation.run("down").stdout.startswith("Nothing runs from")


def check_bd_finds_it(installation: Installation, bd: Bd) -> None:
    """Without any setting, by the key that `up` made for this user, and chosen anew by name."""
    assert bd.json("init")["workspace"] == "ops"
    key = bd.json("create", "Deploy", "-t", "deployment")["id"]
    assert [row["id"] for row in bd.json("ready")] == [key]
    [path] = (installation.state.root.parent / "xdg").rglob("*.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    secret = json.loads(path.read_text())["key"]
    assert secret not in installation.output.read_text()
    assert installation.manage("connect_bd").returncode == 0
    assert json.loads(path.read_text())["key"] == secret, "not a new key each time"
    assert "There is no workspace x" in installation.manage("connect_bd", "--workspace", "x").stderr


def check_secrets_stay_inside(installation: Installation) -> None:
    for name in ("web-1", "web-2", "stream"):
        env = installation.environ_of(name)
        assert "DATABASE_OWNER_URL" not in env
        assert "cp_app:" in env["DATABASE_URL"]
    for name in ("worker", "beat"):
        assert "cp_owner:" in installation.environ_of(name)["DATABASE_OWNER_URL"]
    for name in ("proxy", "postgres", "valkey"):
        assert not {"SECRET_KEY", "DATABASE_URL"} & set(installation.environ_of(name))
    for path in (installation.state.secrets, installation.state.environment):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(installation.state.logs.stat().st_mode) == 0o700


def check_other_terminals(installation: Installation) -> None:
    doctor = installation.run("doctor", "--json")
    found: list[dict[str, Any]] = json.loads(doctor.stdout)
    assert doctor.returncode == 0, doctor.stdout
    assert {"python", "disk", "database", "migrations", "broker", "ready", "audit"} <= {
        finding["check"] for finding in found if finding["level"] == "ok"
    }
    assert all(finding["mend"] for finding in found if finding["level"] != "ok")


def check_second_up(installation: Installation, run: Run) -> None:
    second = installation.run("up", "--port", "1")
    assert second.returncode == 0
    assert f"running already: http://127.0.0.1:{installation.port}" in second.stdout
    beside = Installation(installation.state.root.parent / "t")
    taken = beside.run("up", "--port", str(installation.port))
    assert taken.returncode == 1
    assert f"Port {installation.port} on 127.0.0.1 is taken by" in taken.stderr
    assert "Traceback" not in taken.stderr
    assert all(map(processes.is_alive, everything(run)))


def test_up__told_to_stop_while_preparing__does_not_wait_for_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal to `up` alone, as `down` sends it: migrations may take minutes."""
    (tmp_path / "manage.py").write_text("print('- Migrating', flush=True)\nwhile True: pass\n")
    monkeypatch.setattr(portal, "ROOT", tmp_path)
    state = State.at(tmp_path / "s")
    state.create()

    def say(text: str) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    launch = Launch(state, portal.Address(), say=say, environ={})
    with launch._signals(), pytest.raises(KeyboardInterrupt):
        launch._prepare({}, embedded=True)
    assert not (state.root / "prepared").exists()


@pytest.mark.parametrize(
    ("failing", "goes_on"), [("lag", True), ("worker", False), ('lag", "worker', False)]
)
def test_up__goes_on_while_only_what_waited_is_worked_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, goes_on: bool
) -> None:
    body = f'{{"failing": ["{failing}"]}}'.encode()

    class Ready(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    monkeypatch.setattr(launching, "BEHIND_FOR", 0.0)
    monkeypatch.setattr(launching, "READY_WITHIN", 0.6)
    with ThreadingHTTPServer(("127.0.0.1", 0), Ready) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        said: list[str] = []
        address = portal.Address(port=server.server_address[1])
        launch = Launch(State.at(tmp_path / "s"), address, say=said.append, environ={})
        if goes_on:
            launch._wait_ready()
            assert "worked off" in said[-1]
        else:
            with pytest.raises(Trouble, match="worker"):
                launch._wait_ready()
        server.shutdown()


def test_up__state_folder_that_is_a_file__says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    made = Installation(tmp_path / "file" / "s")
    done = made.run("up", "--port", str(made.port))
    assert done.returncode == 1
    assert "--state DIR" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
def test_up__impossible_port__is_refused_at_once(tmp_path: Path, port: str) -> None:
    done = Installation(tmp_path / "s").run("up", f"--port={port}")
    assert done.returncode == 2
    assert "a port is a number from 1 to 65535" in done.stderr


def test_down__pid_of_a_stranger_in_the_record__is_left_alone(tmp_path: Path) -> None:
    made = Installation(tmp_path / "s")
    made.state.create()
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    forged = {"pid": stranger.pid, "started": "another boot:1"}
    made.state.record.write_text(json.dumps({"supervisor": forged, "programs": {"web": forged}}))
    done = made.run("down")
    assert done.returncode == 0
    assert "Nothing runs from" in done.stdout
    assert stranger.poll() is None
    stranger.send_signal(signal.SIGKILL)
    stranger.wait()


@pytest.mark.slow
def test_doctor__not_started__says_how_and_is_no_error(tmp_path: Path) -> None:
    done = Installation(tmp_path / "s").run("doctor")
    assert done.returncode == 0, done.stdout
    assert "python3 manage.py up" in done.stdout


@pytest.mark.slow
def test_doctor__secrets_lost_or_open__is_serious(tmp_path: Path) -> None:
    made = Installation(tmp_path / "s")
    made.state.create()
    made.state.secrets.write_text("SECRET_KEY=x\n")
    made.state.secrets.chmod(0o644)
    done = made.run("doctor", "--json")
    assert done.returncode == 1
    said = [f["said"] for f in json.loads(done.stdout) if f["level"] == "error"]
    assert any("can be read by others" in text for text in said)
    assert any("CONTROLPLANE_AUDIT_SEAL_KEY" in text for text in said)


@pytest.mark.slow
def test_doctor__leftovers_of_a_killed_run__are_named(tmp_path: Path) -> None:
    made = Installation(tmp_path / "s")
    made.state.create()
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    Run(programs={"web": processes.Identity(left.pid, processes.started_at(left.pid))}).write(
        made.state
    )
    done = made.run("doctor")
    assert done.returncode == 1
    assert f"web (pid {left.pid})" in done.stdout
    left.kill()
    left.wait()
