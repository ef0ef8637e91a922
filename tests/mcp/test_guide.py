"""What the agents' guide shows of MCP works as it stands."""

from __future__ import annotations

import json
import os
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from controlplane.base.mcp import eras
from controlplane.base.mcp.registry import server
from tests import make
from tests.docs.test_agents_guide import GUIDE, blocks
from tests.kit import guides
from tests.kit.mcp import Mcp
from tests.kit.source import ROOT


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_call_by_hand__answers(transactional_db: None, live_server: Any, tmp_path: Path) -> None:
    key = make.key(make.agent(make.workspace("demo"), role="planner"))[1]
    [script] = blocks("sh", "mcp")
    env = {"PATH": os.environ["PATH"], "BASE": live_server.url, "KEY": key}
    answer = json.loads(guides.bash(script, env, tmp_path))
    assert answer["result"]["structuredContent"]["threads"] == []


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_token_by_hand__opens_mcp(transactional_db: None, live_server: Any, tmp_path: Path) -> None:
    key = make.key(make.agent(make.workspace("demo"), role="planner"))[1]
    [script] = blocks("sh", "oauth")
    env = {"PATH": os.environ["PATH"], "BASE": live_server.url, "KEY": key}
    answer = json.loads(guides.bash(script, env, tmp_path))
    assert Mcp(answer["access_token"]).ask("tools/list").status_code == 200


@pytest.mark.django_db
def test_configurations__lead_here() -> None:
    [toml] = blocks("toml", "codex")
    [text] = blocks("json", "mcp")
    codex = tomllib.loads(toml)["mcp_servers"]["controlplane"]
    other = json.loads(text)["mcpServers"]["controlplane"]
    assert codex["url"] == other["url"]
    assert codex["url"].endswith("/mcp")
    assert codex["bearer_token_env_var"] == "KEY"
    key = make.key(make.agent(make.workspace()))[1]
    client = Mcp(Authorization=other["headers"]["Authorization"].replace("${KEY}", key))
    assert client.result("server/discover")["supportedVersions"] == list(eras.SUPPORTED)


def test_table__names_every_tool() -> None:
    text = (ROOT / "docs" / GUIDE).read_text()
    for name in server.tools:
        assert f"`{name}`" in text, name
    for version in eras.SUPPORTED:
        assert version in text
