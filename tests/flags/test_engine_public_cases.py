"""The public cases that every Unleash SDK is held to, as their owners publish them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deployments.flags.engine import Ruleset, compile
from tests.clients import installing

PUBLISHED = "unleash-client-specification"
CASES = 279


@pytest.fixture
def published(record_property: Callable[[str, object], None]) -> list[dict[str, Any]]:
    record_property("client", PUBLISHED)
    try:
        folder = installing.installed(PUBLISHED)
    except installing.Missing as missing:
        pytest.skip(f"the {CASES} public cases of flag evaluation can't be had: {missing}")
    specifications = folder / "node_modules" / "@unleash" / "client-specification"
    return list(_files(specifications / "specifications"))


def _files(folder: Path) -> Iterator[dict[str, Any]]:
    for name in json.loads((folder / "index.json").read_text()):
        yield json.loads((folder / name).read_text())


def ruleset(state: dict[str, Any]) -> Ruleset:
    """Of a whole document, or of a stream of changes."""
    if "events" not in state:
        return compile(state)
    found = compile({})
    for event in state["events"]:
        match event["type"]:
            case "hydration":
                found = compile(event)
            case "feature-updated":
                found = found.updated([event["feature"]])
            case "feature-removed":
                found = found.updated(removed=[event["featureName"]])
            case "segment-updated":
                found = found.updated(segments=[event["segment"]])
            case "segment-removed":
                found = found.updated(segments_removed=[event["segmentId"]])
    return found


@pytest.mark.slow
def test_public_cases__all_of_them__answered_as_published(published: list[dict[str, Any]]) -> None:
    right, wrong = 0, []
    for file in published:
        flags = ruleset(file["state"])
        for told, answer in _answers(flags, file):
            if answer == told["expectedResult"]:
                right += 1
            else:
                wrong.append((file["name"], told["description"], answer))
    assert wrong == []
    assert right == CASES


def _answers(flags: Ruleset, file: dict[str, Any]) -> Iterator[tuple[dict[str, Any], object]]:
    for told in file.get("tests", []):
        name, context = told["toggleName"], told["context"]
        on = flags.is_enabled(name, context)
        assert flags.decide(name, context).enabled is on
        assert flags.decide_all(context).get(name, flags.decide(name, {})).enabled is on
        yield told, on
    for told in file.get("variantTests", []):
        yield told, flags.variant(told["toggleName"], told["context"])
