"""The examples of a page in docs/, and a shell that runs them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.kit.source import ROOT


def blocks(page: str, language: str, mark: str) -> list[str]:
    """The fenced blocks whose first line says so: ```sh run."""
    fence = rf"^```{language} {mark}\n(.*?)^```$"
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(fence, text, re.MULTILINE | re.DOTALL)


def run(argv: list[str], env: dict[str, str], folder: Path) -> str:
    """What it printed. A failure shows all it said."""
    done = subprocess.run(
        argv, env=env, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def bash(script: str, env: dict[str, str], folder: Path) -> str:
    return run(["bash", "-euo", "pipefail", "-c", script], env, folder)
