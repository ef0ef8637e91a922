"""A packet in words: in order, nothing twice, nothing left out; the difference field by field."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.approvals import diffing
from controlplane.approvals.shown import packet
from controlplane.approvals.shown.comparing import aligned

NAMED = (("risks", "Risks", ("risks",)), ("play", "The play", ("play",)))


def test_named_sections__stand_first_and_once() -> None:
    read = packet.read({"risks": [{"title": "Fire"}], "why": "So.", "undo": "Back."}, NAMED)
    assert [section.title for section in read.sections] == ["Risks", "Why", "How it is undone"]
    assert read.details == []


def test_what_is_empty__is_said_not_left_out() -> None:
    read = packet.read({"what": "x", "safeguards": [], "toolkits": {}, "brief": {"kpi": ""}})
    told = dict(read.details)
    assert told["Safeguards"].text == "none"
    assert dict(told["Brief"].facts)["Key figure"].text == "none"
    assert "Toolkits" in told


def test_entries__a_word_in_the_line__sentences_below() -> None:
    entry = {"action": "Drafts", "summary": "One each.", "changes": True, "rank": 2, "note": "",
             "why": "Because somebody has to read it first."}  # fmt: skip
    (shown,) = packet.shown([entry]).entries
    assert (shown.title, shown.text) == ("Drafts", "One each.")
    assert dict(shown.short) == {"Changes": "yes", "Rank": "2"}
    assert [name for name, _ in shown.long] == ["Why"]


UID = "01a202de-9c34-706a-bd82-13b76bc1bde6"


def test_terms__names_and_codes_in_words__a_uid_is_a_way_not_a_word() -> None:
    """What nobody has words for is read as it stands, never left out."""
    terms = packet.Terms(
        {"mode": "A violation"}, {"mode": {"hint": "is told"}}, {UID: "/somewhere/"}
    )
    read = packet.read(
        {"what": "x", "mode": "hint", "other": UID,
         "rules": [{"rule": UID, "title": "No mail", "mode": ["hint", "new"], "kpi": 1},
                   {"rule": UID.replace("0", "1"), "title": "Elsewhere"}, {"rule": UID}]},
        terms=terms,
    )  # fmt: skip
    told = dict(read.details)
    assert (told["A violation"].text, told["Other"].text) == ("is told", UID)
    first, second, bare = told["Rules"].entries
    assert (first.title, first.url, second.url) == ("No mail", "/somewhere/", "")
    assert [(name, one.text) for name, one in first.facts] == [
        ("Key figure", "1"), ("A violation", "is told, new"),
    ]  # fmt: skip
    assert [one.text for _, one in bare.facts] == [UID]  # nothing else names it


def test_depth__tables_in_tables_until_nobody_reads_on() -> None:
    deep: Any = {"a": {"b": {"c": {"d": {"e": 1}}}}}
    shown = packet.shown(deep)
    for _ in range(2):
        shown = shown.facts[0][1]
        assert shown.kind == "facts"
    assert shown.facts[0][1].kind == "json"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"play": None}, {"play": {"title": "A", "steps": [{"n": 1}]}},
         [("play", None, "A (2 fields)")]),
        ({"undo": {"label": "Back"}}, {}, [("undo", "Back (1 field)", None)]),
        ({"list": [{"n": 1}]}, {"list": [{"n": 2}, {"title": "B"}]},
         [("list[0].n", 1, 2), ("list[1]", None, "B (1 field)")]),
        ({"list": []}, {"list": list("abcdefg")}, [("list", "[]", "a; b; c; d; e; and 2 more")]),
        ({"list": ["a", "b"]}, {"list": ["a"]}, [("list[1]", "b", None)]),
        ({"x": None}, {"x": {}}, [("x", None, "{}")]),
        ({"x": []}, {"x": {}}, [("x", "[]", "{}")]),
        ({"x": {"a": 1}}, {"x": [1]}, [("x", '{"a": 1}', "[1]")]),
        ({"same": {"a": [1, {"b": None}]}}, {"same": {"a": [1, {"b": None}]}}, []),
    ],
)  # fmt: skip
def test_difference__by_what_it_is_called__and_never_hidden(
    before: Any, after: Any, told: list[tuple[str, Any, Any]]
) -> None:
    found = diffing.diff(*aligned(before, after))
    assert [(each["path"], each["before"], each["after"]) for each in found] == told


def test_two_packets__with_other_names__in_the_order_they_were_written() -> None:
    before, after = aligned({"b": 1, "a": 2, "z": 3}, {"y": 4, "a": 2, "x": 5})
    assert list(before) == ["b", "a", "z"]
    assert list(after) == ["a", "y", "x"]
