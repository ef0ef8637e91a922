"""What `doctor` says of a portal that does not answer yet: a start is waited for, not stopped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from controlplane.console.management.commands.doctor import is_being_prepared, readiness
from controlplane.embedded import processes
from controlplane.embedded.findings import running
from controlplane.embedded.state import Run, State

NOBODY = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("phase", "serious", "said"), [("starting", False, "Wait: `up`"), ("running", True, "down`")]
)
def test_readiness__of_a_start_under_way_and_of_one_that_is_over(
    tmp_path: Path, phase: str, serious: bool, said: str
) -> None:
    state = State.at(tmp_path)
    Run(url=NOBODY, phase=phase, supervisor=processes.identify(os.getpid())).write(state)
    [found] = readiness(state)
    assert (found.serious, said in (found.mend or "")) == (serious, True)


def test_readiness__where_nothing_runs__says_nothing(tmp_path: Path) -> None:
    assert not list(readiness(State.at(tmp_path)))


@pytest.mark.parametrize(
    ("phase", "programs", "prepared", "said"),
    [
        ("starting", ("postgres",), True, "Starting at"),
        ("starting", ("postgres", "web-1"), False, "Starting at"),
        ("running", ("postgres",), False, "Running at"),
    ],
)
def test_being_prepared__only_before_the_first_program_of_the_portal(
    tmp_path: Path, phase: str, programs: tuple[str, ...], prepared: bool, said: str
) -> None:
    state, me = State.at(tmp_path), processes.identify(os.getpid())
    assert me is not None
    Run(url=NOBODY, phase=phase, supervisor=me, programs=dict.fromkeys(programs, me)).write(state)
    assert is_being_prepared(state) is prepared
    assert next(running(state)).said.startswith(said)


def test_being_prepared__of_a_start_that_was_killed__is_over(tmp_path: Path) -> None:
    state = State.at(tmp_path)
    Run(url=NOBODY, phase="starting", supervisor=None).write(state)
    assert not is_being_prepared(state), "its migrations are looked at again"
