"""Commands that wake: which may be started, with what, how many, and how each of them ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db.models.functions import Now

from controlplane.lib.errors import Invalid
from missions.threads import numbers
from missions.threads.models import RuntimeSession, WakeRun
from missions.threads.waking import commands, hosts, runs
from missions.threads.waking.delivering import deliver
from missions.threads.waking.runs import Keeper
from missions.threads.waking.services import settling
from missions.threads.waking.services.running import begin_run, kill_run
from tests.kit.waking import Night, program

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.servers]
ACK = numbers.ACK_SECONDS.value
TELL = (
    "import json, os, sys; open(sys.argv[1], 'a').write("
    "json.dumps({'argv': sys.argv[2:], 'env': dict(os.environ)}) + chr(10))"
)
CRASH = "print('password=hunter2secret'); raise SystemExit(3)"
HANG = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    " print('up', flush=True); time.sleep(600)"
)


@pytest.fixture
def night() -> Night:
    return Night()


def allow(monkeypatch: pytest.MonkeyPatch, **templates: Any) -> None:
    monkeypatch.setenv(commands.ENVIRONMENT, json.dumps(templates))


def turn(night: Night, wait: float = 0.0) -> list[str]:
    """A turn, and the end of what it started."""
    if wait:
        night.later(wait)
    rows = night.claim()
    done = [deliver(row, night.place) for row in rows]
    night.place.keeper.join()
    return done


def ended() -> list[tuple[str, str]]:
    return list(WakeRun.objects.order_by("pk").values_list("path", "status"))


def test_unmanaged_session__is_resumed_with_one_argument_each(
    night: Night, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    monkeypatch.setenv("SECRET_KEY", "not for agents")
    allow(monkeypatch, codex={"resume": [*program(TELL), str(told), "{session_id}", "{prompt}"]})
    night.session("s-1", management="unmanaged", resumable=True)
    row = night.post(body="The body stays in the thread; rm -rf $HOME")
    assert turn(night) == ["resume"]
    (line,) = told.read_text().splitlines()
    said = json.loads(line)
    session, prompt = said["argv"]
    assert session == "s-1"
    assert prompt.startswith(f"[wake {row.uid} thread={night.talk.thread.uid} ")
    assert "rm -rf" not in prompt
    assert said["env"]["WAKE_ID"] == str(row.uid)
    assert not {"SECRET_KEY", "DATABASE_URL", "REDIS_URL"} & said["env"].keys()
    run = WakeRun.objects.get()
    assert (run.status, run.exit_code, run.argv[-1]) == ("completed", 0, "{prompt}")
    # It ended well and nobody heard: the next way is tried, and it counts as no crash.
    assert turn(night) == ["unanswered"]
    assert night.tries == [("resume", "timeout")]


def test_runtime_that_crashes_at_once__is_spawned_then_given_up_then_not_resumed(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash = program(CRASH)
    allow(monkeypatch, codex={"resume": [*crash, "{session_id}"], "spawn": [*crash, "{prompt}"]})
    night.session(management="unmanaged", resumable=True)
    night.post()
    said = [step for _ in range(8) for step in turn(night)]
    assert said == [*("resume", "unanswered") * 2, "spawn", "unanswered", "dead"]
    assert ended() == [("resume", "failed")] * 2 + [("spawn", "failed")]
    assert "hunter2" not in "".join(WakeRun.objects.values_list("output", flat=True))
    night.talk.post("executioner", to={"role": "reviewer"})
    night.later(31)
    said = [step for _ in range(8) for step in turn(night)]
    assert said == ["resume", "unanswered", "spawn", "unanswered", "dead"]
    assert night.tries[-1] == ("spawn", "failed")
    codes = [each.error_code for each in night.wake.tries.all()]
    assert codes[-1] == "RUNTIME_CRASHED"


def test_summary__goes_with_whoever_is_spawned(
    night: Night, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    allow(monkeypatch, default={"spawn": [*program(TELL), str(told), "{role}", "{prompt}"]})
    night.post()
    assert turn(night) == ["spawn"]
    role, prompt = json.loads(told.read_text())["argv"]
    assert role == "reviewer"
    assert "So far: " in prompt
    assert "1 messages" in prompt
    night.beat()
    assert (night.wake.status, night.wake.result) == ("delivered", "fallback_spawned")


def test_program_that_is_not_there__is_told(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, default={"spawn": ["/no/such/program", "{prompt}"]})
    night.post()
    assert turn(night) == ["spawn"]
    assert (night.tries, ended()) == ([("spawn", "failed")], [("spawn", "failed")])
    assert turn(night) == ["dead"]


@pytest.mark.parametrize(
    ("number", "code"),
    [(numbers.RUNS_MOST, "RUNS_FULL"), (numbers.RUNS_PER_AGENT, "RUNS_OF_AGENT_FULL")],
)
def test_limits__hold_and_count_as_no_try(
    night: Night, monkeypatch: pytest.MonkeyPatch, number: Any, code: str
) -> None:
    monkeypatch.setenv(number.env_name, "0")
    allow(monkeypatch, default={"spawn": [*program("pass"), "{prompt}"]})
    night.post()
    assert turn(night) == ["held"]
    row = night.wake
    assert (row.status, row.error_code, row.spawn_tries, row.attempts) == ("deferred", code, 0, 0)
    monkeypatch.delenv(number.env_name)
    assert turn(night, 6) == ["spawn"]


def test_command_at_work__is_waited_for(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    night.post()
    (row,) = night.claim()
    _, run = begin_run(row, "spawn", None, ["codex"], supervisor=hosts.name_of())
    settling.wait(row, ACK)
    assert turn(night, ACK + 1) == ["wait"]
    assert WakeRun.objects.get(pk=run.pk).status == "running"


def test_time_out__ends_the_whole_group(
    night: Night, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What ignores the polite word, and a child of its own, end too."""
    pids = tmp_path / "pids"
    child = (
        f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {HANG!r}]);"
        f" open({str(pids)!r}, 'w').write(str(p.pid)); {HANG}"
    )
    allow(monkeypatch, default={"spawn": [*program(child), "{prompt}"]})
    monkeypatch.setenv(numbers.KILL_GRACE_SECONDS.env_name, "0.2")
    night.post()
    (row,) = night.claim()
    deliver(row, night.place)
    run = WakeRun.objects.get()
    _until(pids.exists)
    _until(lambda: bool(pids.read_text()))
    began = hosts.started(int(pids.read_text()))
    for one in night.place.keeper._followed.values():
        one.deadline = 0.0
    night.place.keeper.join()
    run.refresh_from_db()
    assert (run.status, run.exit_code) == ("timed_out", -9)
    _until(lambda: not hosts.same(int(pids.read_text()), began))
    assert turn(night) == ["unanswered"]
    assert night.tries == [("spawn", "failed")]


def test_kill__ends_it_and_wakes_nobody_anew(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, default={"spawn": [*program(HANG), "{prompt}"]})
    monkeypatch.setenv(numbers.KILL_GRACE_SECONDS.env_name, "0.2")
    night.post()
    (row,) = night.claim()
    deliver(row, night.place)
    run = WakeRun.objects.get()
    kill_run(run, actor=night.talk.operator, reason="It runs away.")
    runs.look_after(night.place.keeper)
    night.place.keeper.join()
    run.refresh_from_db()
    assert (run.status, night.wake.status) == ("killed", "cancelled")
    assert turn(night, 60) == []


def test_orphan__is_found_by_its_start_and_ended(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(numbers.KILL_GRACE_SECONDS.env_name, "0.2")
    night.post()
    (row,) = night.claim()
    gone = f"{hosts.host()}:999999:x:1"
    _, run = begin_run(row, "spawn", None, ["codex"], supervisor=gone)
    left = subprocess.Popen(program(HANG), stdout=subprocess.PIPE, start_new_session=True)
    assert left.stdout is not None
    left.stdout.readline()
    WakeRun.objects.filter(pk=run.pk).update(pid=left.pid, process_started=hosts.started(left.pid))
    assert runs.look_after(Keeper()) == 1
    assert left.wait(10) in {-9, -15}
    left.stdout.close()
    run.refresh_from_db()
    assert run.status == "orphaned"


def test_orphan__whose_number_is_another_process_now__is_let_be(night: Night) -> None:
    night.post()
    (row,) = night.claim()
    _, run = begin_run(row, "spawn", None, ["codex"], supervisor=f"{hosts.host()}:999999:x:1")
    WakeRun.objects.filter(pk=run.pk).update(pid=os.getpid(), process_started="other:1")
    assert runs.look_after(Keeper()) == 1
    run.refresh_from_db()
    assert run.status == "orphaned"


def test_runs_of_a_living_supervisor__are_its_own(night: Night) -> None:
    night.post()
    (row,) = night.claim()
    begin_run(row, "spawn", None, ["codex"], supervisor=hosts.name_of())
    assert runs.look_after(Keeper()) == 0


def test_stale_session__is_spawned_not_resumed(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    ok = [*program("pass"), "{prompt}"]
    allow(monkeypatch, codex={"resume": ok, "spawn": ok})
    night.session(resumable=True)
    old = Now() - timedelta(hours=numbers.STALE_HOURS.value + 1)
    RuntimeSession.objects.update(beat_at=old)
    night.post()
    assert turn(night) == ["spawn"]


def test_session_named_like_an_option__is_not_resumed(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    ok = [*program("pass"), "{session_id}", "{prompt}"]
    allow(monkeypatch, codex={"resume": ok})
    night.session("--dangerously", management="unmanaged", resumable=True)
    night.post()
    assert turn(night) == ["dead"]
    assert ended() == []


def test_role_named_like_an_option__is_refused(night: Night) -> None:
    """Templates may give it to a program, and who begins a thread says what it is."""
    talk = night.talk
    for role in ("--yolo", "_", "re viewer", "ü"):
        with pytest.raises(Invalid):
            talk.begin(participants=[(talk.reviewer, role)])
    thread = talk.begin(participants=[(talk.reviewer, "Lead-reviewer_2")])
    assert talk.part(talk.reviewer, thread).role == "lead-reviewer_2"


@pytest.mark.parametrize(
    "given",
    [
        "[]",
        "{",
        '{"codex": []}',
        '{"codex": {"shell": "rm"}}',
        '{"codex": {"resume": "codex exec"}}',
        '{"codex": {"spawn": ["{prompt}"]}}',
        '{"codex": {"spawn": ["codex", "{session_id}"]}}',
        '{"codex": {"spawn": ["codex", "{env}"]}}',
        '{"codex": {"folder": 3}}',
    ],
)
def test_templates__of_another_form__are_refused(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv(commands.ENVIRONMENT, given)
    with pytest.raises(Invalid):
        commands.allowed()


def test_filled__once(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"session_id": "{prompt}", "prompt": "p"}
    filled = commands.fill(("x", "{session_id} {prompt}"), values)
    assert filled == ["x", "{prompt} p"]
    assert commands.allowed() == {}, "nothing is allowed as shipped"


def _until(holds: Any) -> None:
    until = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < until
        subprocess.run([sys.executable, "-c", "pass"], check=True)
