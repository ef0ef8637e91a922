"""Ours beside the original: what is asked of it, and what is said where there is none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jwt
import pytest

from missions.threads.benches import original
from missions.threads.benches.crowd import Speaker

NOBODY: Any = None  # neither a server nor a crowd is looked at


def told(path: str) -> str:
    (row,) = original.beside(path, NOBODY, NOBODY, 0.1)
    assert row.figure == "the original: not measured"
    assert row.baseline_value is None
    return row.note


def test_no_checkout__is_said_and_nothing_is_measured() -> None:
    assert told("") == "no checkout was named; --original PATH names one"


def test_checkout_that_is_not_built__is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: "/bin/true")
    assert "apps/bridge-api/dist/main.js" in told(str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert told(str(tmp_path)) == "there is no node on the path"


def test_its_tokens__are_of_one_issuer_and_one_agent_each() -> None:
    token = original.Signer().token("writer-1", "participant")
    assert jwt.get_unverified_header(token)["alg"] == "ES256"
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["agent_id"], claims["role"]) == ("writer-1", "participant")


def test_reader__asks_with_other_credentials_than_the_writer() -> None:
    client = original.Theirs(1, "", Speaker("writes", "reads", "th_1"))
    talk = client.post_and_read()
    said = next(talk)
    looked = talk.send((200, json.dumps({"seq": 7}).encode()))
    with pytest.raises(StopIteration):
        talk.send((200, json.dumps({"messages": [{"seq": 7}]}).encode()))
    assert [(each.path, each.key) for each in (said, looked)] == [
        ("/v1/mcp/post_message", "writes"), ("/v1/mcp/read_messages", "reads"),
    ]  # fmt: skip
    assert [json.loads(each.body)["thread_id"] for each in (said, looked)] == ["th_1", "th_1"]
    assert (said.link, looked.link) == (client.writer, client.reader)
    assert client.heard.failed_posts == client.heard.failed_reads == []
