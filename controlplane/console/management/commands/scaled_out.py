"""`manage.py scaled_out`: two of everything that may be two, on one machine, and the proof of it.

PostgreSQL and Redis of this system, two web servers, two workers, two beats, two wake supervisors
and one stream process behind one proxy, in a folder that is removed afterwards. The same chaos and
the same load as against one of each; whatever was started ends with it.
"""

from __future__ import annotations

import argparse
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError
from redis import Redis

from controlplane.base import bench
from controlplane.console import chaos_doors
from controlplane.console.benches import load
from controlplane.console.benches.load.place import FREE, LoadedPortal
from controlplane.console.benches.load.profiles import PROFILES, Profile
from controlplane.console.chaos_doors.trial import ENVIRONMENT, mails
from controlplane.embedded import caddy, portal
from controlplane.embedded.launch import Launch
from controlplane.embedded.portal import Address, Sockets
from controlplane.embedded.state import State, Trouble
from controlplane.embedded.supervise import Program
from controlplane.lib.ending import asked_to_end

TWICE = ("web", "worker", "beat", "waker")
PLACES = "/usr/lib/postgresql/*/bin"
START_S = 240.0
_ROLES = (
    "CREATE ROLE cp_owner LOGIN CREATEDB CREATEROLE",
    "CREATE ROLE cp_app LOGIN",
    "CREATE ROLE cp_reader LOGIN",
    "GRANT cp_app, cp_reader TO cp_owner WITH ADMIN OPTION",
    "CREATE DATABASE controlplane OWNER cp_owner",
)


class Command(BaseCommand):
    help = (
        "Run two of each process against this system's PostgreSQL and Redis, kill them under"
        " traffic, load them, and prove that nothing is lost and nothing doubled."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--seconds", type=float, default=30, help="of the chaos, and the load")
        parser.add_argument("--kills", type=int, default=15)
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--users", type=int, default=100, help="0: no load")
        parser.add_argument("--rows", type=int, default=300, help="missions before the load")
        parser.add_argument("--serve", type=int, default=0, metavar="PORT", help=argparse.SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["serve"]:
            _serve(options["serve"], self.stdout.write)
            return
        if not binaries():
            raise CommandError("It takes PostgreSQL's programs and redis-server on this machine.")
        plan = chaos_doors.Plan(options["seconds"], options["kills"], options["seed"])
        missed = self._prove(plan, options["users"], options["rows"])
        if missed:
            raise CommandError("; ".join(missed))

    def _prove(self, plan: chaos_doors.Plan, users: int, rows: int) -> list[str]:
        """What was missed."""
        with asked_to_end(), tempfile.TemporaryDirectory(prefix="scaled-") as folder, mails() as to:
            Path(folder).chmod(0o711)  # the database runs as another user
            place = ScaledOut(
                Path(folder),
                {**FREE, **ENVIRONMENT, "EMAIL_URL": f"smtp://127.0.0.1:{to.port}"},
            )
            try:
                place.start()
                self.stdout.write(f"running: {', '.join(sorted(place.pids()))}")
                told = chaos_doors.carry_out(plan, place, to)
                for line in told.lines():
                    self.stdout.write(line)
                missed = told.missed() + doubled(place)
                if users:
                    missed += self._load(place, users, plan.seconds, rows)
            finally:
                ended = place.stop()
        return missed if ended else [*missed, "it did not end when it was asked to"]

    def _load(self, place: ScaledOut, users: int, seconds: float, rows: int) -> list[str]:
        baseline = PROFILES["baseline"]
        profile = Profile(f"{users} users", users, baseline.missions, None, baseline.errors)
        found = load.hold(place, profile, seconds, rows)
        for line in bench.table(list(found.rows())):
            self.stdout.write(line)
        return found.missed()


class ScaledOut(LoadedPortal):
    """The same to whoever tries it; of most programs there are two."""

    def start(self) -> None:
        self._up = self._spawn("scaled_out", "--serve", str(self.port))
        end = time.monotonic() + START_S
        while self.failing():
            if self._up.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"It did not start:\n{self.last_words('scaled_out')}")
            time.sleep(0.5)

    def kill(self, victim: str, random: Random) -> bool:
        """One of those of this name."""
        base, space, part = victim.partition(" ")
        some = [name for name in self.pids() if name.partition("-")[0] == base]
        if not some:
            return base == "engine"  # there is none beside them
        return super().kill(f"{random.choice(some)}{space}{part}", random)

    def empty_broker(self) -> None:
        client = Redis(unix_socket_path=str(self.state / "run" / "redis.sock"), socket_timeout=5)
        client.flushall()
        client.close()


# Of two beats and two workers each must have done a thing once.
_DOUBLED = {
    "runs of one job for one due time": """
        SELECT count(*) FROM (SELECT 1 FROM jobs_jobrun
            GROUP BY name, due_at HAVING count(*) > 1) AS found
    """,
    "news of one key": """
        SELECT count(*) FROM (SELECT 1 FROM notify_notification
            GROUP BY workspace_id, key HAVING count(*) > 1) AS found
    """,
    "pages of one step": """
        SELECT count(*) FROM (SELECT 1 FROM incidents_page WHERE user_id IS NOT NULL
            GROUP BY run_id, round, step, target HAVING count(*) > 1) AS found
    """,
    "messages of one key in the outbox": """
        SELECT count(*) FROM (SELECT 1 FROM notify_outboxmessage
            GROUP BY topic, key HAVING count(*) > 1) AS found
    """,
}


def doubled(place: ScaledOut) -> list[str]:
    found = []
    with place.database() as database:
        for what, statement in _DOUBLED.items():
            row = database.execute(statement).fetchone()
            if row and row[0]:
                found.append(f"doubled: {row[0]} {what}")
    return found


# --- What is started ----------------------------------------------------------------------------


def binaries() -> Path | None:
    """PostgreSQL's programs, where Redis is there, too."""
    places = sorted(Path("/").glob(PLACES.lstrip("/")))
    found = [place for place in places if (place / "postgres").exists()]
    return found[0] if found and shutil.which("redis-server") else None


def _serve(port: int, say: Any) -> None:
    launch = Scaled(
        State.at(os.environ["CONTROLPLANE_STATE_DIR"]), Address(port=port), say=say,
        environ=os.environ, demo=False, second_factor=False,
    )  # fmt: skip
    with launch.running():
        launch.watch()


class Scaled(Launch):
    """As `up` starts them, with the system's servers and a second of most."""

    def _start_servers(self, have: Mapping[str, str]) -> tuple[dict[str, str], bool]:
        folder = self.state.root / "run"
        home = binaries()
        if home is None:
            raise Trouble("PostgreSQL's programs or redis-server are missing.")
        folder.chmod(0o711)
        user = _user()
        data = self.state.root / "database"
        _initialise(home, data, user)
        database = Program(
            "postgres",
            [str(home / "postgres"), "-D", str(data), "-c", "listen_addresses=", "-k", str(data),
             "-c", "max_connections=200"],
            {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, "/",
            uid=user.pw_uid if user else None, stop_signal=signal.SIGINT,
        )  # fmt: skip
        broker = Program(
            "valkey",
            ["redis-server", "--port", "0", "--unixsocket", str(folder / "redis.sock"),
             "--unixsocketperm", "700", "--save", "", "--appendonly", "yes", "--dir", str(folder)],
            {"PATH": "/usr/bin:/bin"}, "/",
        )  # fmt: skip
        self._supervisor.start(broker)
        self._supervisor.start(database)
        _make_roles(data)
        at = f"?host={data}"
        return {
            "DATABASE_URL": f"postgresql://cp_app@/controlplane{at}",
            "DATABASE_OWNER_URL": f"postgresql://cp_owner@/controlplane{at}",
            "REDIS_URL": f"redis+socket://{folder / 'redis.sock'}?virtual_host=0",
        }, False

    def _start_programs(self, env: Mapping[str, str]) -> None:
        folder = self.state.root / "run"
        one = Sockets((folder / "web-1.sock",), folder / "stream.sock")
        two = Sockets((folder / "web-2.sock",), folder / "unused.sock")
        for program in named(portal.programs(env, one), portal.programs(env, two)):
            self._supervisor.start(program)
        proxy = caddy.environment(
            self.state, bind=self.address.bind, port=self.address.port,
            web=[*one.web, *two.web], stream=one.stream, static=self.state.root / "static",
        )  # fmt: skip
        self._supervisor.start(caddy.program(proxy))


def named(first: list[Program], second: list[Program]) -> list[Program]:
    """Two of those that may be two, one of the others."""
    ones = [replace(each, name=f"{each.name}-1") if each.name in TWICE else each for each in first]
    return ones + [replace(each, name=f"{each.name}-2") for each in second if each.name in TWICE]


def _user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid():
        return None
    names = {each.pw_name: each for each in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def _initialise(home: Path, data: Path, user: pwd.struct_passwd | None) -> None:
    data.mkdir(mode=0o700)
    if user is not None:
        os.chown(data, user.pw_uid, user.pw_gid)
    done = subprocess.run(  # noqa: S603 - the system's own program
        [str(home / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8",
         "--locale=C.UTF-8", "--no-sync"],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, cwd="/",
        user=user.pw_uid if user else None, group=user.pw_gid if user else None,
        extra_groups=[] if user else None, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise Trouble(f"PostgreSQL's folder could not be made:\n{done.stderr[-1_000:]}")


def _make_roles(data: Path) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            with psycopg.connect(
                host=str(data), user="postgres", dbname="postgres", autocommit=True
            ) as database:
                for statement in _ROLES:
                    database.execute(statement)
                return
        except psycopg.OperationalError:
            if time.monotonic() > end:
                raise Trouble("PostgreSQL does not answer.") from None
            time.sleep(0.2)
