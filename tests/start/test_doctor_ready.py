"""What `doctor` says of a portal that does not answer yet: a start is waited for, not stopped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from controlplane.console.management.commands.doctor import readiness
from controlplane.embedded import processes
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
