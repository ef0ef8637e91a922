"""The examples of the page about flags are run, against a live portal."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import make
from tests.kit import guides
from tests.kit import sdk as flags

pytestmark = pytest.mark.slow
GUIDE = "flags.md"


@pytest.fixture
def portal(transactional_db: None, live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("CONTROLPLANE_FLAGS_LOOK_SECONDS", "0")
    workspace = make.workspace("demo")
    flags.flag(workspace, "new-planner")
    return {
        "PATH": os.environ["PATH"],
        "BASE": live_server.url,
        "LC_ALL": "C.UTF-8",
        "FLAGS_TOKEN": str.__str__(flags.token(workspace).secret),
        "KILL_KEY": make.key(make.agent(workspace, role=""), scopes=["flag.kill"])[1],
    }


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_shell_examples__run_as_they_stand(portal: dict[str, str], tmp_path: Path) -> None:
    script = "\n".join(
        [
            *guides.blocks(GUIDE, "sh", "run"),
            *guides.blocks(GUIDE, "sh", "kill"),
            guides.blocks(GUIDE, "sh", "run")[0],
        ]
    )
    out = guides.bash(script, portal, tmp_path)
    one, everything, killed, after, _ = (
        json.loads(line) for line in out.replace("}{", "}\n{").splitlines()
    )
    assert (one["value"], killed["enabled"], after["value"]) == (True, False, False)
    assert [each["key"] for each in everything["flags"]] == ["new-planner"]


@pytest.mark.parametrize("number", [0, 1])
def test_python_examples__run_as_they_stand(
    portal: dict[str, str], tmp_path: Path, number: int
) -> None:
    script = tmp_path / "example.py"
    script.write_text(guides.blocks(GUIDE, "python", "run")[number])
    out = guides.run([sys.executable, "-I", str(script)], portal, tmp_path)
    assert out.splitlines()[0] == "True"
