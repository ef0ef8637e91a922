"""Matchers mean what Alertmanager's mean, and whoever writes them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.lib.errors import Invalid
from incidents.routing import matching

NAMES = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
MATCHERS = st.fixed_dictionaries(
    {"name": NAMES, "value": VALUES, "isRegex": st.just(False), "isEqual": st.booleans()}
)


def _does(text: str, **labels: str) -> bool:
    return matching.compiled(matching.read("matchers", text, some=False))(labels)


@pytest.mark.parametrize(
    ("text", "labels", "holds"),
    [
        ('service="agent"', {"service": "agent"}, True),
        ("service=agent", {"service": "agent"}, True),
        ('service="agent"', {"service": "agents"}, False),
        ('service!="agent"', {}, True),  # what is not there is the empty text
        ('service=""', {}, True),
        ('service=~"a.*"', {"service": "agent"}, True),
        ('service=~"gent"', {"service": "agent"}, False),  # the whole value
        ('service=~"a|b"', {"service": "b"}, True),
        ('service!~"a.*"', {"service": "agent"}, False),
        ('{service="agent", env=~"prod|stage"}', {"service": "agent", "env": "prod"}, True),
        ('service="agent",env="dev"', {"service": "agent", "env": "prod"}, False),
        ('title="a, b \\"c\\" d"', {"title": 'a, b "c" d'}, True),
        ("", {"anything": "at all"}, True),
    ],
)
def test_matcher__holds_as_alertmanagers_does(
    text: str, labels: dict[str, str], holds: bool
) -> None:
    assert _does(text, **labels) is holds


@pytest.mark.parametrize(
    "given_text",
    ["service", "=agent", 'service="a" env="b"', 'service=~"("', 'a=~"(?P<x>.)(?P=x)"', "a==b,,"],
)
def test_matcher__that_cannot_be_read_is_refused(given_text: str) -> None:
    with pytest.raises(Invalid):
        matching.compiled(matching.read("matchers", given_text))


@pytest.mark.parametrize("text", ['service=""', 'service!="x"', 'service=~".*"', 'a!~"b"'])
def test_silence__that_would_hold_for_everything_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="a value that is there"):
        matching.read("matchers", text)


@pytest.mark.parametrize(
    "odd",
    [
        "service", 5, [5], [{"name": "a"}] * 21, [{"name": "", "value": "x"}],
        [{"name": "a", "value": 5}], [{"name": "a", "value": "b", "isRegex": "yes"}],
        [{"name": "a", "value": "b", "more": 1}], [{"name": "a", "value": "x\0y"}],
        [{"name": "a", "value": "x" * 1001}],
    ],
)  # fmt: skip
def test_matchers__of_any_other_form_are_refused(odd: Any) -> None:
    with pytest.raises(Invalid):
        matching.read("matchers", odd)


def test_pattern__that_backtracks_for_ever_elsewhere_is_answered_at_once() -> None:
    assert not _does('a=~"(x+x+)+y"', a="x" * 5_000)


@given(st.lists(MATCHERS, min_size=1, max_size=5))
def test_words__are_read_back_as_they_were(matchers: list[dict[str, Any]]) -> None:
    assert matching.read("matchers", matching.words(matchers), some=False) == matchers
