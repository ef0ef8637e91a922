"""The cookbook's recipes are run, in the order they stand, against a live portal."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests import make
from tests.kit import alerts, guides
from tests.kit.source import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="needs curl, jq"),
]
PAGE = "cookbook.md"


@pytest.fixture
def portal(transactional_db: None, live_server: Any, settings: Any) -> dict[str, str]:
    settings.PUBLIC_URL = live_server.url
    workspace = make.workspace("demo")
    text = (ROOT / "docs" / PAGE).read_text(encoding="utf-8")
    scopes = re.search(r"--scopes '([^']+)'", text)[1].split(",")  # type: ignore[index]
    return {
        "PATH": os.environ["PATH"],
        "LC_ALL": "C.UTF-8",
        "BASE": live_server.url,
        "KEY": make.key(make.agent(workspace, role=""), scopes=scopes)[1],
        "SOURCE_KEY": str.__str__(alerts.source(workspace).key),
    }


def test_recipes__run_as_they_stand(portal: dict[str, str], tmp_path: Path) -> None:
    said = guides.bash("\n".join(guides.blocks(PAGE, "sh", "run")), portal, tmp_path).splitlines()
    assert len([line for line in said if line.endswith(("key", "certificate", "access"))]) == 3
    assert any(line.endswith(" is closed") for line in said)
    assert [line for line in said if line in {"Triage", "Begin to mitigate", "Watch it"}] == [
        "Triage",
        "Begin to mitigate",
        "Watch it",
    ]
    assert [line for line in said if line.endswith(" is acknowledged")]
    assert said.count("true") == 2, "a fresh backup and a lifted limit"


def test_recipes__say_no_to_a_stranger(portal: dict[str, str], tmp_path: Path) -> None:
    stranger = make.key(make.agent(make.workspace("elsewhere"), role=""), scopes=["work.view"])[1]
    helpers, *_ = guides.blocks(PAGE, "sh", "run")
    script = f'{helpers}\napi POST /incidents \'{{"title": "x", "severity": "sev4"}}\''
    with pytest.raises(AssertionError, match="403"):
        guides.bash(script, {**portal, "KEY": stranger}, tmp_path)
