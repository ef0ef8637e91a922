"""A portal of its own: started, looked at, killed in parts, stopped."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import psycopg
from django.conf import settings
from redis import Redis

START_S = 240.0
STARTED_S = 10.0
_GROUPS = {"worker", "web", "engine", "beat"}  # those that die with all of their own
_HOST = "127.0.0.1"
# What leads to somebody else's database, broker, keys or folder.
_NOT_OURS = ("DATABASE", "REDIS", "SECRET", "CONTROLPLANE_", "EMAIL", "ALLOWED_HOSTS", "PROMETHEUS")


def base_of(name: str) -> str:
    """Of a program of which there are several."""
    return name.partition("-")[0]


def free_port() -> int:
    with socket.socket() as found:
        found.bind((_HOST, 0))
        return int(found.getsockname()[1])


class Portal:
    """`manage.py up`, and beside it an engine of its own that needs no broker."""

    def __init__(self, folder: Path, extra: Mapping[str, str]) -> None:
        self.folder, self.state = folder, folder / "state"
        self.port = free_port()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}
        self.environment = {
            **kept,
            **extra,
            "CONTROLPLANE_NO_BOOTSTRAP": "1",
            "CONTROLPLANE_STATE_DIR": str(self.state),
            "DJANGO_SETTINGS_MODULE": "controlplane.settings",
        }
        self._up: subprocess.Popen[bytes] | None = None
        self._engine: subprocess.Popen[bytes] | None = None

    # --- From beginning to end ------------------------------------------------------------------

    def start(self) -> None:
        self._up = self._spawn("up", "--no-demo", "--port", str(self.port))
        end = time.monotonic() + START_S
        while self.failing():
            if self._up.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"The portal did not start:\n{self.last_words()}")
            time.sleep(0.5)
        self.keep_engine()

    def last_words(self, name: str = "up") -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-3_000:]

    def keep_engine(self) -> None:
        """Nobody supervises it but we."""
        if self._engine is None or self._engine.poll() is not None:
            self._engine = self._spawn("engine", "--loop")

    def stop(self) -> bool:
        """As an operator stops it; whether it ended by itself."""
        self.bring_database_back()  # one that was stopped hears nothing
        for process in (self._engine, self._up):
            if process is not None and process.poll() is None:
                process.terminate()
        well = True
        for process in (self._engine, self._up):
            if process is not None:
                well &= _ended(process)
        return well

    def inside(self, program: str) -> str:
        """What a short program prints that has this portal's keys and database."""
        done = subprocess.run(  # noqa: S603  (our own program)
            [sys.executable, "-c", program], cwd=settings.BASE_DIR, env=self.of_portal(),
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stderr[-3_000:])
        return done.stdout

    def _spawn(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603  (our own program)
                [sys.executable, "manage.py", name, *words], cwd=settings.BASE_DIR,
                env=self.environment if name in {"up", "scaled_out"} else self.of_portal(),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def of_portal(self) -> dict[str, str]:
        return {**self.environment, **self.known()}

    def known(self) -> dict[str, str]:
        lines = (self.state / "portal.env").read_text().splitlines()
        pairs = (line.partition("=") for line in lines if "=" in line and line[0] != "#")
        return {name: value for name, _, value in pairs}

    # --- Looking ----------------------------------------------------------------------------------

    def failing(self) -> list[str]:
        """What `/ready` says is not well; an answer that does not come is not well either."""
        asked = http.client.HTTPConnection(_HOST, self.port, timeout=5)
        try:
            asked.request("GET", "/ready", headers={"Accept": "application/json"})
            answer = asked.getresponse()
            said: Any = json.loads(answer.read(65_536))
        except (OSError, http.client.HTTPException, ValueError):
            return ["no answer"]
        finally:
            asked.close()
        if answer.status == 200:
            return []
        return [str(each) for each in said.get("failing") or [f"{answer.status}"]]

    @contextlib.contextmanager
    def database(self) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self.known()["DATABASE_URL"], autocommit=True) as found:
            yield found

    def pids(self) -> dict[str, int]:
        """Of the programs that run now, by what `up` keeps of them."""
        try:
            programs = json.loads((self.state / "run.json").read_text())["programs"]
        except (OSError, ValueError, KeyError):
            return {}
        found = {name: int(each["pid"]) for name, each in programs.items()}
        if self._engine is not None and self._engine.poll() is None:
            found["engine"] = self._engine.pid
        return {name: pid for name, pid in found.items() if _alive(pid)}

    # --- Killing ----------------------------------------------------------------------------------

    def kill(self, victim: str, random: Random) -> bool:
        """`worker`: it and all of its own; `worker child`: one of them, which it has to notice. Of
        those that are alike (`web-1`, `web-2`) one."""
        base, _, part = victim.partition(" ")
        alike = {name: pid for name, pid in self.pids().items() if base_of(name) == base_of(base)}
        name = base if base in alike else random.choice(sorted(alike) or [""])
        pid = alike.get(name)
        # One that is just being started does no work yet; killed again and again it never would.
        if pid is None or _age(pid) < (STARTED_S if part else 1.0):
            return False
        if not part:
            return _kill_group(pid) if base_of(name) in _GROUPS else _kill(pid)
        children = _children(pid)
        return bool(children) and _kill(random.choice(children))

    def empty_broker(self) -> None:
        path = self.known()["REDIS_URL"].partition("://")[2].partition("?")[0]
        client = Redis(unix_socket_path=path, socket_timeout=5)
        client.flushall()
        client.close()

    def hold(self, *names: str) -> list[int]:
        """They stand still, as on a machine that ran out of everything."""
        pids = self.pids()
        groups = [pids[name] for name in names if name in pids]
        for pid in groups:
            os.killpg(pid, signal.SIGSTOP)
        return groups

    def take_database_away(self) -> None:
        """Nobody starts it again until `bring_database_back`."""
        if self._up is not None:
            os.kill(self._up.pid, signal.SIGSTOP)
        _kill(self.pids()["postgres"])

    def bring_database_back(self) -> None:
        if self._up is not None and self._up.poll() is None:
            os.kill(self._up.pid, signal.SIGCONT)

    def let_go(self, groups: list[int]) -> None:
        for pid in groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGCONT)


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(90)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
    return True


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _age(pid: int) -> float:
    """Seconds since it was started."""
    try:
        ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
        up = float(Path("/proc/uptime").read_text().split()[0])
    except OSError:
        return 0.0
    return up - ticks / os.sysconf("SC_CLK_TCK")


def _children(pid: int) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _kill_group(pid: int) -> bool:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
