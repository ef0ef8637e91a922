"""A changed ruleset says what one compiled anew would say, and leaves the one before alone."""

from __future__ import annotations

from copy import deepcopy
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.flags.engine import Ruleset, buckets, compile
from tests.flags.definitions import NAMES, contexts, documents


class Certain:
    """Chance that always falls the same way."""

    def random(self) -> float:
        return 0.4

    def randint(self, first: int, last: int) -> int:
        return (first + last) // 2


def said(flags: Ruleset, seen: list[dict[str, Any]]) -> list[Any]:
    with mock.patch.object(buckets, "random", Certain()):
        return [
            (name, flags.is_enabled(name, context), flags.decide(name, context))
            for context in seen
            for name in sorted(flags.names())
        ]


def applied(document: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """The document after the change, by hand."""
    features = {one["name"]: one for one in document["features"]}
    segments = {one["id"]: one for one in document["segments"]}
    for name in change["removed"]:
        features.pop(name, None)
    for key in change["segments_removed"]:
        segments.pop(key, None)
    features |= {one["name"]: one for one in change["features_changed"]}
    segments |= {one["id"]: one for one in change["segments"]}
    return {"version": 2, "features": [*features.values()], "segments": [*segments.values()]}


@st.composite
def changes(draw: st.DrawFn) -> dict[str, Any]:
    other = draw(documents)
    features = draw(st.lists(st.sampled_from(other["features"]), unique_by=lambda f: f["name"]))
    segments = draw(st.lists(st.sampled_from(other["segments"]), unique_by=lambda s: s["id"]))
    kept = {one["id"] for one in segments}
    gone = draw(st.lists(st.sampled_from([1, 2, 3]), unique=True))
    return {
        "features_changed": features,
        "removed": draw(st.lists(st.sampled_from([*NAMES, "missing"]), max_size=2)),
        "segments": segments,
        "segments_removed": [key for key in gone if key not in kept],
    }


@pytest.mark.slow
@settings(deadline=None)
@given(documents, st.lists(changes(), min_size=1, max_size=3), st.lists(contexts(), min_size=3))
def test_updated__any_changes__as_compiled_anew(
    document: dict[str, Any], told: list[dict[str, Any]], seen: list[dict[str, Any]]
) -> None:
    flags = compile(document)
    for change in told:
        before, spoke = flags, said(flags, seen)
        document = applied(document, change)
        flags = flags.updated(**deepcopy(change))
        assert sorted(flags.names()) == sorted(one["name"] for one in document["features"])
        assert said(flags, seen) == said(compile(document), seen)
        assert said(before, seen) == spoke


def flag(name: str, *segments: int, **more: Any) -> dict[str, Any]:
    strategy = {"name": "default", "segments": list(segments)}
    return {"name": name, "enabled": True, "strategies": [strategy], **more}


def segment(key: int, *regions: str) -> dict[str, Any]:
    constraint = {"contextName": "region", "operator": "IN", "values": list(regions)}
    return {"id": key, "constraints": [constraint]}


def test_updated__one_flag__compiles_nothing_else() -> None:
    flags = compile({"features": [flag("a", 1), flag("b", 2), flag("c")], "segments": [segment(1)]})
    after = flags.updated([flag("c", enabled=False)])
    for name, again in (("a", False), ("b", False), ("c", True)):
        assert (after._features[name] is not flags._features[name]) is again


def test_updated__a_segment__compiles_the_flags_that_use_it() -> None:
    document = {"features": [flag("a", 1), flag("b", 2)], "segments": [segment(1, "eu")]}
    flags = compile(document)
    after = flags.updated(segments=[segment(1, "us"), segment(2, "us")])
    assert not flags.is_enabled("b", {"region": "us"})
    assert [after.is_enabled(name, {"region": "us"}) for name in "ab"] == [True, True]
    third = after.updated(segments_removed=[1])
    assert [third.is_enabled(name, {"region": "us"}) for name in "ab"] == [False, True]
    assert third._features["b"] is after._features["b"]


def test_updated__a_prerequisite__is_heard_by_who_needs_it() -> None:
    child = flag("child", dependencies=[{"feature": "parent"}])
    flags = compile({"features": [flag("parent"), child]})
    assert flags.is_enabled("child", {})
    off = flags.updated([flag("parent", enabled=False)])
    assert off.decide("child", {}).reason == "prerequisite"
    assert off._features["child"] is flags._features["child"]
    assert not flags.updated(removed=["parent"]).is_enabled("child", {})
    assert off.updated([flag("parent")]).is_enabled("child", {})
