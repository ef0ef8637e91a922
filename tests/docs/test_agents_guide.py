"""The agent guide's examples are run, in the order they stand, against a live portal."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests import make
from tests.kit import guides

GUIDE = "agents.md"


def blocks(language: str, mark: str) -> list[str]:
    return guides.blocks(GUIDE, language, mark)


def keys() -> dict[str, str]:
    """What the guide's commands print, by the variable it is put into."""
    found = {}
    for text in blocks("sh", "key"):
        name, command = re.fullmatch(r"(\w+)=\$\((.*)\)\n", text).groups()  # type: ignore[union-attr]
        python, script, *arguments = shlex.split(command)
        assert (python, script) == ("python3", "manage.py")
        out = io.StringIO()
        call_command(*arguments, stdout=out, stderr=io.StringIO())
        found[name] = out.getvalue().strip()
    return found


@pytest.fixture
def portal(transactional_db: None, live_server: Any, settings: Any) -> dict[str, str]:
    settings.PUBLIC_URL = live_server.url
    make.workspace("demo")
    path = os.environ["PATH"]
    return {"PATH": path, "BASE": live_server.url, "LC_ALL": "C.UTF-8", **keys()}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_shell_examples__run_as_they_stand(portal: dict[str, str], tmp_path: Path) -> None:
    script = "\n".join(blocks("sh", "run"))
    out = guides.bash(script, portal, tmp_path)
    answers = [json.loads(line) for line in out.replace("}{", "}\n{").splitlines()]
    assert [answer["kind"] for answer in answers[:2]] == ["agent", "agent"]
    assert answers[2] == answers[3], "a repeat under one key is the same answer"


@pytest.mark.slow
def test_python_examples__run_as_they_stand(portal: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "guide.py"
    script.write_text("\n".join(blocks("python", "run")))
    guides.run([sys.executable, "-I", str(script)], portal, tmp_path)


def test_python_examples__need_nothing_but_the_standard_library_and_pyjwt() -> None:
    names = re.findall(r"^import (.+)$", "\n".join(blocks("python", "run")), re.MULTILINE)
    modules = {part.strip().split(".")[0] for line in names for part in line.split(",")}
    assert modules - sys.stdlib_module_names == {"jwt"}
