"""The examples of the page about flags are run, against a live portal."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import make
from tests.kit import sdk as flags
from tests.kit.source import ROOT

pytestmark = pytest.mark.slow
GUIDE = ROOT / "docs" / "flags.md"


def blocks(language: str, mark: str) -> list[str]:
    fence = rf"^```{language} {mark}\n(.*?)^```$"
    return re.findall(fence, GUIDE.read_text(), re.MULTILINE | re.DOTALL)


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


def run(argv: list[str], env: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        argv, env=env, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_shell_examples__run_as_they_stand(portal: dict[str, str], tmp_path: Path) -> None:
    script = "\n".join([*blocks("sh", "run"), *blocks("sh", "kill"), blocks("sh", "run")[0]])
    out = run(["bash", "-euo", "pipefail", "-c", script], portal, tmp_path)
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
    script.write_text(blocks("python", "run")[number])
    out = run([sys.executable, "-I", str(script)], portal, tmp_path)
    assert out.splitlines()[0] == "True"
