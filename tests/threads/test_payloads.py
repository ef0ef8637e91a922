"""Payloads of each version as they were when it came out: what was sent then is understood for as
long as the version is, and is answered in the same form. Files here are added, never changed."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from controlplane.base.api.deprecation import Deprecation
from missions.threads import drafts
from missions.threads.drafts import SUPPORTED
from tests.kit import settled
from tests.kit.api import refused
from tests.kit.threads_api import Callers

pytestmark = pytest.mark.django_db
FOLDER = Path(__file__).parent / "payloads"
FROZEN = sorted(FOLDER.glob("v*/*.json"))
_UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@settled.once
def world() -> Callers:
    return Callers()


def names(world: Callers) -> dict[str, str]:
    return {
        "<executioner>": str(world.talk.executioner.uid),
        "<reviewer>": str(world.talk.reviewer.uid),
        "<thread>": str(world.thread.uid),
    }


def filled(value: Any, known: dict[str, str]) -> Any:
    text = json.dumps(value)
    for name, uid in known.items():
        text = text.replace(name, uid)
    return json.loads(text)


def same(expected: Any, found: Any) -> bool:
    """Everything that was there is there, of the same form; more may have come since."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(
            name in found and same(value, found[name]) for name, value in expected.items()
        )
    if isinstance(expected, list):
        return isinstance(found, list) and len(expected) == len(found) and all(
            map(same, expected, found)
        )  # fmt: skip
    forms: dict[str, Any] = {"<uid>": _UID.fullmatch, "<at>": _AT.fullmatch, "<name>": bool}
    if expected == "<n>":
        return isinstance(found, int)
    if isinstance(expected, str) and expected in forms:
        return isinstance(found, str) and bool(forms[expected](found))
    return bool(expected == found and type(expected) is type(found))


def test_every_version_has_its_payloads() -> None:
    assert {int(path.parent.name[1:]) for path in FROZEN} == set(SUPPORTED)


@pytest.mark.parametrize("path", FROZEN, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_frozen__is_understood_and_answered_the_same(world: Callers, path: Path) -> None:
    case = filled(json.loads(path.read_text()), names(world))
    url = case["path"] if case["path"].startswith("/") else f"{world.path}/{case['path']}"
    answer = world.executioner.send(case["method"], url, case.get("request"))
    assert answer.status_code == case["status"], answer.content
    assert same(case["answer"], answer.json()), answer.json()
    if "kept" in case:
        (row,) = world.read().json()["messages"]
        assert same(case["kept"], row), row


def test_another_version__is_refused_with_those_that_are_known(world: Callers) -> None:
    for version in (0, 2, -1, 10**9):
        told = refused(world.post(schema_version=version), "UNSUPPORTED_SCHEMA_VERSION")
        assert told == {"schema_version": version, "supported": list(SUPPORTED)}


def test_a_version_that_will_go_away__says_so(
    world: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Deprecation" not in world.post().headers
    notice = Deprecation(date(2027, 1, 1), date(2027, 4, 1), "/docs/changes")
    monkeypatch.setitem(drafts.RETIRING, 1, notice)
    answer = world.post()
    assert answer.status_code == 201
    assert answer.headers["Sunset"] == "Thu, 01 Apr 2027 00:00:00 GMT"
    assert 'rel="deprecation"' in answer.headers["Link"]
