"""`up`, step by step: servers, preparation, processes, readiness; then watching until told."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from controlplane.embedded import caddy, discovery, portal, ports, processes, secrets, servers
from controlplane.embedded.portal import Address, Sockets
from controlplane.embedded.state import Lock, Run, State, Trouble
from controlplane.embedded.supervise import Supervisor, stop_leftovers

READY_WITHIN = 90.0
# Work that waited for the start, a demo's first month or a weekend's, does not keep people out.
BEHIND_FOR = 30.0
TICK = 0.25


class AlreadyRunning(Exception):
    def __init__(self, run: Run) -> None:
        super().__init__(run.url)
        self.run = run


class Launch:
    def __init__(
        self,
        state: State,
        address: Address,
        *,
        say: Callable[[str], None],
        environ: Mapping[str, str],
        demo: bool = True,
        second_factor: bool | None = None,
    ) -> None:
        self.state = state
        self.address = address
        self.demo = demo
        self.second_factor = portal.wants_second_factor(
            second_factor, address, environ=environ, demo=demo
        )
        self._say = say
        self._environ = environ
        self._run = Run(url=address.url)
        self._lock = Lock(state)
        self._stopping = threading.Event()
        self._preparing: subprocess.Popen[str] | None = None
        self._supervisor = Supervisor(state, self._run, say, self._stopping.is_set)
        self._introduction = discovery.Introduction(state, say)

    # --- The whole ----------------------------------------------------------------------------

    @contextmanager
    def running(self) -> Iterator[None]:
        """Everything is up inside, and everything is down again after, whatever happens."""
        self._claim()
        try:
            ports.check(self.address)
            with self._signals():
                try:
                    self._start()
                    self._enter("running")
                    yield
                finally:
                    self._say("Stopping")
                    self._enter("stopping")
                    self._introduction.end()
                    self._supervisor.stop()
        finally:
            self.state.record.unlink(missing_ok=True)
            self._lock.release()

    def watch(self) -> None:
        """Until a signal comes. Restarts whatever falls meanwhile."""
        while not self._stopping.wait(TICK):
            self._supervisor.tick()
            self._introduction.tick()

    # --- Steps --------------------------------------------------------------------------------

    def _claim(self) -> None:
        self.state.create()
        if not self._lock.take():
            self._await_other()
        if not stop_leftovers(Run.read(self.state), self._say):
            self._lock.release()
            raise Trouble("Stop the processes named above as their user, then try again.")
        self._run.supervisor = processes.identify(os.getpid())
        self._run.write(self.state)

    def _await_other(self) -> None:
        """Another one holds the folder: report it, unless it is just leaving."""
        # The holder writes its record right after taking the lock.
        processes.wait_until(lambda: Run.read(self.state).running, 5)
        run = Run.read(self.state)
        if run.running and run.phase != "stopping":
            raise AlreadyRunning(run)
        self._say("Waiting for the portal that is stopping")
        if not processes.wait_until(self._lock.take, 60):
            raise AlreadyRunning(Run.read(self.state))

    def _enter(self, phase: str) -> None:
        self._run.phase = phase
        self._run.write(self.state)

    def _start(self) -> None:
        have = secrets.load(self.state)
        urls, embedded = self._start_servers(have)
        env = portal.environment(
            self.state,
            self.address,
            secrets=secrets.for_the_portal(have, self._environ),
            servers=urls,
            environ=self._environ,
            second_factor=self.second_factor,
        )
        portal.write_environment(self.state, env)
        self._forget_metrics()
        self._prepare(env, embedded=embedded)
        self._introduction.begin(env)
        self._start_programs(env)
        self._wait_ready()
        self._introduction.finish()

    def _start_servers(self, have: Mapping[str, str]) -> tuple[dict[str, str], bool]:
        urls: dict[str, str] = {}
        embedded = not self._environ.get("DATABASE_URL")
        if not self._environ.get("REDIS_URL"):
            urls["REDIS_URL"] = servers.start_broker(self.state, self._supervisor, self._say).url()
        if embedded:
            postgres = servers.start_database(self.state, have, self._supervisor, self._say)
            urls["DATABASE_URL"] = postgres.url("cp_app")
            urls["DATABASE_OWNER_URL"] = postgres.url("cp_owner")
        return urls, embedded

    def _prepare(self, env: Mapping[str, str], *, embedded: bool) -> None:
        """Migrations, rights, static files, demo. Skipped when this code did it here already."""
        note = self.state.root / "prepared"
        wanted = fingerprint(portal.ROOT, f"{self.demo} {os.path.realpath(self.state.root)}")
        if embedded and note.exists() and note.read_text(encoding="ascii") == wanted:
            return
        command = [sys.executable, str(portal.ROOT / "manage.py"), "prepare"]
        command += [] if self.demo else ["--no-demo"]
        with subprocess.Popen(
            command,
            env=dict(env),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=processes.dies_with_us(signal.SIGTERM),
        ) as process:
            self._preparing = process
            said = []
            for line in process.stdout or ():
                said.append(line.rstrip())
                if line.startswith("- "):
                    self._say(line[2:].rstrip())
        self._preparing = None
        if self._stopping.is_set():
            raise KeyboardInterrupt
        if process.returncode:
            raise Trouble("Preparing the database failed:\n" + "\n".join(said[-25:]))
        if embedded:
            note.write_text(wanted, encoding="ascii")

    def _start_programs(self, env: Mapping[str, str]) -> None:
        self._say("Starting web, stream, worker and beat")
        sockets = Sockets.of(self.state)
        for program in portal.programs(env, sockets):
            self._supervisor.start(program)
        static = Path(env.get("CONTROLPLANE_STATIC_ROOT") or self.state.root / "static")
        proxy = caddy.environment(
            self.state,
            bind=self.address.bind,
            port=self.address.port,
            web=sockets.web,
            stream=sockets.stream,
            static=static,
            tls=self.address.tls,
        )
        self._supervisor.start(caddy.program(proxy))

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        told = behind_since = time.monotonic()
        missing = "no answer"
        while not self._stopping.wait(TICK):
            self._supervisor.tick()
            missing = probe(self.address)
            if not missing:
                return
            if missing != BEHIND:
                behind_since = time.monotonic()
            elif time.monotonic() - behind_since > BEHIND_FOR:
                self._say("What waited for the start is still being worked off; all else is ready")
                return
            if time.monotonic() - told > 10:
                self._say(f"Waiting: {missing}")
                told = time.monotonic()
            if time.monotonic() > deadline:
                raise Trouble(
                    f"The portal isn't ready after {READY_WITHIN:.0f} s: {missing}.\n"
                    f"What each process says lies in {self.state.logs}; "
                    "`python3 manage.py doctor` looks for the cause."
                )
        raise KeyboardInterrupt

    def _forget_metrics(self) -> None:
        """Counters of processes that are gone would be added to those of the new ones."""
        for left in self.state.metrics.glob("*.db"):
            left.unlink(missing_ok=True)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def stop(number: int, frame: object) -> None:
            self._stopping.set()
            # A migration is a transaction: ended here, it runs again at the next start.
            if self._preparing is not None:
                self._preparing.terminate()

        handled = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, stop) for number in handled}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def fingerprint(root: Path, *more: str) -> str:
    """Changes whenever a file of the product does; cheap enough for every start."""
    digest = hashlib.sha256(" ".join((*more, sys.version)).encode())
    for folder in ("controlplane", "missions", "incidents", "deployments", "telemetry"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".pyc", "") or not path.is_file():
                continue
            info = path.stat()
            digest.update(f"{path} {info.st_size} {info.st_mtime_ns}\n".encode())
    return digest.hexdigest()


_NOT_YET = "not ready yet: "
BEHIND = f"{_NOT_YET}lag"  # nothing else is missing


def probe(address: Address) -> str:
    """What `/ready` says is missing, asked through the proxy; empty when it is ready."""
    connection: http.client.HTTPConnection
    host = "localhost" if address.tls else address.host.strip("[]")
    if address.tls:
        context = ssl.create_default_context()
        # Our own local authority, on our own machine: only whether it answers is asked.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, address.port, timeout=5, context=context)
    else:
        connection = http.client.HTTPConnection(host, address.port, timeout=5)
    try:
        connection.request("GET", "/ready", headers={"Accept": "application/json"})
        answer = connection.getresponse()
        body = answer.read(65_536)
    except (OSError, http.client.HTTPException) as error:
        return f"the proxy doesn't answer yet ({error})"
    finally:
        connection.close()
    return "" if answer.status == 200 else _missing(answer.status, body)


def _missing(status: int, body: bytes) -> str:
    try:
        said: Any = json.loads(body)
    except ValueError:
        return f"/ready answers {status}"
    failing = said.get("failing") if isinstance(said, dict) else None
    if isinstance(failing, list) and failing:
        return _NOT_YET + ", ".join(map(str, failing))
    return f"/ready answers {status}"
