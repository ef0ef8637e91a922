"""Actions as people read them: every one that is recorded has words, and the right ones."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import controlplane
from controlplane.access import policy
from controlplane.audit import words

ROOT = Path(controlplane.__file__).parent
# Benches write rows nobody reads; chaos breaks its own.
LEFT_OUT = ("benches", "migrations")


def recorded() -> Iterator[tuple[str, str]]:
    """The action names written out in calls of `record(actor, "area.verb", ...)` and
    `record_each`, and where."""
    for path in sorted(ROOT.rglob("*.py")):
        if not set(LEFT_OUT) & set(path.parts):
            yield from _in_file(path)


def _in_file(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or len(node.args) < 3:
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        action = node.args[1]
        if name not in {"record", "record_each"} or not isinstance(action, ast.Constant):
            continue
        if "." in str(action.value):
            yield str(action.value), f"{path.relative_to(ROOT)}:{node.lineno}"


def event(action: str, kind: str = "x.y", outcome: str = "done", **kept: Any) -> words.Kept:
    return words.Kept(action, outcome, kind, **kept)


def test_every_recorded_action__has_words() -> None:
    found = dict(recorded())
    assert len(found) > 40
    assert not {name: where for name, where in found.items() if not words.is_told(name)}


@pytest.mark.parametrize(
    ("said", "phrase"),
    [
        (event("key.rotate"), "rotated the key"),
        (event("key.rotate", outcome="denied"), "was not allowed to rotate the key"),
        (event("audit.verify", outcome="failed"), "failed to verify the audit log"),
        (event("catalog.manage", "catalog.probe", after={"url": "x"}), "added the probe"),
        (
            event("catalog.manage", "catalog.probe", before={"url": "x"}, after={"url": "y"}),
            "changed the probe",
        ),
        (
            event(
                "catalog.manage",
                "catalog.component",
                before={"is_active": True},
                after={"is_active": False},
            ),
            "switched off the component",
        ),
        (
            event("catalog.manage", "catalog.service", details={"transition": "active -> retired"}),
            "retired the service",
        ),
        (event("notify.manage_channels", "notify.channel"), "tested the channel"),
        (
            event("job.manage", "jobs.timer", before={"state": "a"}, after={"state": "cancelled"}),
            "cancelled the timer",
        ),
    ],
)
def test_phrase__says_what_was_done(said: words.Kept, phrase: str) -> None:
    assert words.phrase(said) == phrase
    assert words.sentence(said)[0].isupper()


def test_phrase__of_what_only_the_policy_names__its_label() -> None:
    label = policy.ACTIONS["audit.view"].label
    assert words.phrase(event("audit.view", outcome="denied")) == f"was refused: {label.lower()}"


def test_phrase__refused_where_one_action_is_several__the_label() -> None:
    """Which of them was wanted nobody wrote down."""
    said = words.phrase(event("notify.manage_channels", outcome="denied"))
    assert said == "was refused: change and test channels"


@pytest.mark.parametrize("action", ["", "x", "a.b", "a.b.c", "..", "a_b.c_d", "<b>.c"])
def test_phrase__of_the_unknown__never_empty_and_never_fails(action: str) -> None:
    for outcome in ("done", "denied", "failed", "?"):
        assert words.phrase(event(action, outcome=outcome, before=[1], after="x", details=3))


@pytest.mark.parametrize("text", ["", "rotate", "/rotated", "rotate/", "turn on/turned on"])
def test_define__half_told__refused(text: str) -> None:
    with pytest.raises(ValueError, match="write do/did"):
        words.define("tests", {"half": text})
    assert not words.is_told("tests.half")


def test_define__told_twice__only_the_same() -> None:
    words.define("key", {"rotate": "rotate/rotated the key"})
    with pytest.raises(ValueError, match="told twice"):
        words.define("key", {"rotate": "turn/turned the key"})
