"""The state folder: what it records, who it trusts, and that no foreign process is ever hit."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.embedded import processes, secrets
from controlplane.embedded.processes import Identity
from controlplane.embedded.state import Lock, Run, State, write_private
from controlplane.embedded.supervise import stop_leftovers


@pytest.fixture
def state(tmp_path: Path) -> State:
    made = State.at(tmp_path / "state")
    made.create()
    return made


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def identity_of(process: subprocess.Popen[bytes]) -> Identity:
    identity = processes.identify(process.pid)
    assert identity is not None
    return identity


def test_identity__same_pid_another_start__is_not_alive(
    sleeper: subprocess.Popen[bytes],
) -> None:
    real = identity_of(sleeper)
    assert processes.is_alive(real)
    assert not processes.is_alive(Identity(real.pid, "another boot:1"))


def test_stop__reused_pid__is_left_alone(sleeper: subprocess.Popen[bytes]) -> None:
    stranger = Identity(sleeper.pid, "another boot:1")
    assert processes.stop(stranger)
    assert sleeper.poll() is None


def test_leftovers__only_the_recorded_process_ends(
    state: State, sleeper: subprocess.Popen[bytes]
) -> None:
    ours = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    run = Run(programs={"web": identity_of(ours), "beat": Identity(sleeper.pid, "another boot:1")})
    run.write(state)
    said: list[str] = []
    assert list(Run.read(state).leftovers()) == ["web"]
    # A zombie of this test counts as ended, so nobody has to reap it meanwhile.
    assert stop_leftovers(Run.read(state), said.append)
    assert ours.wait() == -signal.SIGTERM
    assert sleeper.poll() is None
    assert said == [f"Stopping web of an earlier run (pid {ours.pid})"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not json",
        "[]",
        '{"programs": 5}',
        '{"supervisor": {"pid": "7", "started": "x"}}',
        '{"supervisor": {"pid": 1, "started": "x"}}',
        '{"programs": {"web": {"pid": -1, "started": "x"}}}',
        '{"programs": {"web": {"pid": true, "started": "x"}}}',
    ],
)
def test_record__damaged__is_an_empty_one(state: State, content: str) -> None:
    state.record.write_text(content)
    run = Run.read(state)
    assert run.supervisor is None
    assert run.programs == {}
    assert not run.running


def test_record__round_trip(state: State) -> None:
    me = processes.identify(os.getpid())
    Run(url="http://x", phase="running", supervisor=me).write(state)
    again = Run.read(state)
    assert (again.url, again.phase, again.supervisor) == ("http://x", "running", me)
    assert again.running
    assert stat.S_IMODE(state.record.stat().st_mode) == 0o600


def test_lock__one_holder__also_within_one_process(state: State) -> None:
    first, second = Lock(state), Lock(state)
    assert first.take()
    assert not second.take()
    first.release()
    assert second.take()
    second.release()


def test_lock__holder_killed__is_free(state: State) -> None:
    code = (
        "import sys, time\n"
        "from controlplane.embedded.state import Lock, State\n"
        "print(Lock(State.at(sys.argv[1])).take(), flush=True)\n"
        "lock = Lock(State.at(sys.argv[1]))\n"
        "time.sleep(60)\n"
    )
    # The first Lock object of the child is dropped but its descriptor stays open.
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(state.root)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "True\n"
    lock = Lock(state)
    assert not lock.take()
    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert lock.take()
    lock.release()


def test_socket_dir__long_path__is_short_private_and_kept(tmp_path: Path) -> None:
    state = State.at(tmp_path / ("long" * 30))
    state.create()
    folder = state.socket_dir("postgres/.s.PGSQL.5432")
    try:
        assert len(str(folder / "postgres/.s.PGSQL.5432")) < 100
        assert not stat.S_IMODE(folder.stat().st_mode) & 0o066
        assert state.socket_dir("valkey.sock") == folder
        # Somebody opened it up: it is not trusted again.
        folder.chmod(0o777)
        other = state.socket_dir("valkey.sock")
        assert other != folder
        other.rmdir()
    finally:
        folder.rmdir()


def test_socket_dir__short_path__stays_in_the_state_folder() -> None:
    assert State.at("/srv/cp").socket_dir("web.sock") == Path("/srv/cp/run")


def test_secrets__made_once__kept_private_and_distinct(state: State) -> None:
    first = secrets.load(state)
    assert set(first) == set(secrets.NAMES)
    assert len(set(first.values())) == len(first)
    assert all(len(value) >= 50 for value in first.values())
    assert stat.S_IMODE(state.secrets.stat().st_mode) == 0o600
    assert secrets.load(state) == first


def test_secrets__new_name__is_added_and_the_old_stay(state: State) -> None:
    write_private(state.secrets, "SECRET_KEY=mine\nEXTRA=kept\n")
    have = secrets.load(state)
    assert have["SECRET_KEY"] == "mine"
    assert have["EXTRA"] == "kept"
    assert secrets.load(state) == have


def test_secrets__opened_up__are_closed_again(state: State) -> None:
    secrets.load(state)
    state.secrets.chmod(0o644)
    secrets.load(state)
    assert stat.S_IMODE(state.secrets.stat().st_mode) == 0o600


def test_secrets__the_environment_wins(state: State) -> None:
    given = secrets.for_the_portal(secrets.load(state), {"SECRET_KEY": "given"})
    assert given["SECRET_KEY"] == "given"
    assert not set(given) & set(secrets.DATABASE_PASSWORDS.values())


def test_record__holds_no_secret(state: State) -> None:
    have = secrets.load(state)
    Run(url="http://x", supervisor=processes.identify(os.getpid())).write(state)
    text = json.dumps(json.loads(state.record.read_text()))
    assert not any(value in text for value in have.values())
