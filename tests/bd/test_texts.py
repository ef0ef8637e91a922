"""What people read: it says what happened, and no title can write on the terminal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.bd import printing, texts

ISSUE = {"id": "bd-a1f", "title": "Roll out", "status": "open", "priority": 1, "issue_type": "task"}
_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["id", "title", "status", "depth", "parent_id", "parent", "blocked_by", "closed",
             "summary", "groups", "epic", "labels", "dependencies", "comments", "text", "priority"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


def shown(op: str, result: Any, args: Any = None, flags: Any = None) -> str:
    return texts.render(op, result, args or {}, flags or {})


@given(op=st.sampled_from(sorted(texts._RENDERERS)), result=_ANYTHING)
def test_any_answer__is_shown_somehow(op: str, result: Any) -> None:
    assert isinstance(shown(op, result), str)


@pytest.mark.parametrize("op", sorted(texts._RENDERERS))
def test_control_characters__never_reach_the_terminal(op: str) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\r\x9b31m\u202egnp.exe"
    row = {**ISSUE, "title": evil, "assignee": evil, "labels": [evil], "description": evil}
    row |= {"comments": [{"author": evil, "text": evil}], "depth": 0}
    for result in ([row], row, {"summary": {evil: evil}, "epic": row, "closed": [row]}):
        text = printing.clean(shown(op, result, {"id": evil}))
        assert not set(text) & set("\x1b\x07\r\x9b\u202e")


def test_json__escapes_what_a_terminal_would_obey() -> None:
    text = printing.one_json({"b": "\x1b\x9b\u202e\x7f", "a": "ü\u2028"})
    assert text == r'{"a":"ü\u2028","b":"\u001b\u009b\u202e\u007f","schema_version":1}'
    assert json.loads(text)["a"] == "ü\u2028"
    assert printing.one_json([1]) == "[1]"
    assert printing.one_json([1], envelope=True) == '{"data":[1],"schema_version":1}'


def test_parent_child__is_spelt_out() -> None:
    edge = {"issue_id": "bd-2", "depends_on_id": "bd-1", "type": "parent-child", "status": "added"}
    assert "bd-2 is now a child of bd-1" in shown("dep_add", edge)


def test_tree__shows_both_directions_and_where_it_is_cut() -> None:
    def node(key: str, depth: int, above: str, way: str, **more: Any) -> dict[str, Any]:
        kind = "parent-child" if depth else ""
        return {**ISSUE, "id": key, "depth": depth, "parent_id": above, "direction": way,
                "edge_from_parent": kind, "is_blocked": False, **more}  # fmt: skip

    nodes = [
        node("bd-1", 0, "", "down"),
        node("bd-0", 1, "bd-1", "down", is_blocked=True, truncated=True),
        node("bd-2", 1, "bd-1", "up"),
        node("bd-3", 2, "bd-2", "up", status="closed"),
    ]
    text = shown("dep_tree", nodes, {"id": "bd-1", "direction": "both"})
    assert "bd-0: Roll out [P1] (open) [parent-child] [BLOCKED]" in text
    above, _, below = text.partition("Subtasks and dependents of bd-1:")
    assert "bd-0" in above
    assert "bd-2" in below
    assert "    └── ✓ bd-3: Roll out [P1] (closed) [parent-child]\n" in below
    assert "the tree goes on" in below


def test_tree__thousands_of_levels_and_circles_are_drawn() -> None:
    nodes = [{**ISSUE, "id": "bd-0", "depth": 0}]
    for n in range(1, 3_000):
        nodes.append({**ISSUE, "id": f"bd-{n}", "depth": n, "parent_id": f"bd-{n - 1}"})
    nodes.append({**ISSUE, "id": "bd-0", "depth": 3_000, "parent_id": "bd-2999"})
    assert shown("dep_tree", nodes).count("\n") > 3_000
    two = [{**ISSUE, "id": "a", "parent": "b"}, {**ISSUE, "id": "b", "parent": "a"}]
    assert "Total: 2 issues" in shown("list", two)
