"""What holds for any input: no exception, same shape, redacting twice changes nothing, work in
proportion to length, and nothing past the cap."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from controlplane.lib.redaction import CAP, MARK, TRUNCATED, redact, redact_text
from controlplane.lib.redaction.scan import find_all, hit
from tests.kit.redaction_corpus import TEMPLATES, fill

FRAGMENTS = st.sampled_from(
    [
        "password",
        "token",
        "=",
        ": ",
        '"',
        "\\",
        "'",
        "@",
        "example.com",
        "+49 30 ",
        "0171",
        "-",
        " ",
        "4111",
        "1111",
        "eyJ" + "hbGciOi",
        ".",
        "://",
        "u:p@",
        "Bearer ",
        "acct_",
        "user_id=",
        MARK,
        "\n",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "x",
        "9",
        "\x00",
        "é",
        "\ud800",
        "Cookie: a=b",
        "curl -u a:bcd",
    ],
)
TEXTS = st.one_of(
    st.text(max_size=200),
    st.text(st.characters(), max_size=60),
    st.lists(FRAGMENTS, max_size=25).map("".join),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(TEXTS)
def test_text__redacting_twice_changes_nothing(text: str) -> None:
    once = redact_text(text)
    assert redact_text(once) == once


@given(st.randoms(use_true_random=False), st.sampled_from(sorted(TEMPLATES)), TEXTS)
def test_real_lines_in_any_surroundings__redacting_twice_changes_nothing(
    rng: Any, kind: str, around: str
) -> None:
    once = redact_text(around + fill(rng.choice(TEMPLATES[kind]), rng).text + around)
    assert redact_text(once) == once


@given(VALUES)
def test_value__keeps_its_shape(value: Any) -> None:
    assert _shape(redact(value), value)


def _shape(result: Any, value: Any) -> bool:
    if result == MARK:
        return True
    if isinstance(value, dict):
        return len(result) == len(value) and all(
            _shape(a, b) for a, b in zip(result.values(), value.values(), strict=True)
        )
    if isinstance(value, list):
        return len(result) == len(value) and all(map(_shape, result, value))
    return isinstance(result, str) or result is value or result == value


def test_depth_and_cycles__end_in_the_marker() -> None:
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    assert MARK in str(redact(deep))
    loop: list[Any] = []
    loop += [loop, loop]
    assert MARK in str(redact(loop))[-200_000:]


def test_past_the_cap__nothing_is_kept_and_nothing_at_the_edge_leaks() -> None:
    secret = "gh" + "p_" + "a1B2" * 9
    for start in (CAP - 60, CAP - 20, CAP - 3, CAP + 10, CAP + 50_000):
        text = "x " * (start // 2) + f" {secret} tail"
        result = redact_text(text)
        assert secret[:12] not in result
        assert len(result.encode()) <= CAP
        assert result.endswith(TRUNCATED) is (len(text) > CAP)
        assert redact_text(result) == result


def test_growing_text__stays_within_the_cap() -> None:
    text = "pin=123;" * (CAP // 8)
    assert len(redact_text(text).encode()) <= CAP


HOSTILE = [
    "a",
    "a@",
    "@a.",
    "1 ",
    "12",
    "eyJ",
    "eyJaaaaaaaa.",
    "+4",
    "(0",
    "token=",
    "a_token=b",
    "://a:",
    "password: ",
    "-----BEGIN PRIVATE KEY-----",
    "acct_1",
    "DE12",
    "4111 ",
    '"\\',
    '\\"password\\":\\"',
    "Bearer a1",
    "a.b-c@d-e.",
    "0171-",
    '[{"token":',
    "user_id=",
    "Cookie: a=b;",
    "0 30 ",
    "é@",
    "<password>",
    "curl -u a:b ",
    "call 12",
    "http://a:8080/",
    "\x00",
    "sk-a1",
    "key is a1 ",
    "?sig=a1",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text__work_grows_with_its_length(
    piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanned = 0
    plain_search = re2._Regexp.search

    def counting(self: Any, text: bytes, pos: int = 0, endpos: int | None = None) -> Any:
        nonlocal scanned
        match = plain_search(self, text, pos, endpos)
        scanned += (len(text) if match is None else match.end()) - pos + 1
        return match

    monkeypatch.setattr(re2._Regexp, "search", counting)
    work = []
    for size in (4_000, 16_000):
        scanned = 0
        find_all((piece * size)[:size].encode())
        work.append(scanned)
    assert work[1] <= 5 * work[0] + 20_000
    assert work[1] <= 16_000 * 19 * 3 * 4  # rules × passes × what a rejected match repeats


@pytest.mark.parametrize("at", [0, 500, 40_000])
def test_long_text_under_the_name_of_an_id__is_a_text(at: int) -> None:
    told = f"{'x ' * (at // 2)}ada@example.org said so{' y' * 300}"
    found = redact({"mission_id": told})["mission_id"]
    assert "ada@" not in found
    assert len(found.encode()) <= CAP


def _seconds(texts: list[bytes]) -> float:
    begun = time.thread_time()
    for text in texts:
        hit(text)
    return time.thread_time() - begun


def test_text_of_chance__is_scanned_nearly_as_fast_as_text_that_was_seen() -> None:
    chance = random.Random(7)
    ids = [b"\n\n".join(b"%032x" % chance.getrandbits(128) for _ in range(3)) for _ in range(900)]
    _seconds(ids[:300])
    fresh = min(_seconds(ids[300:600]), _seconds(ids[600:]))
    seen = min(_seconds(ids[:1] * 300) for _ in range(3))
    assert fresh < 25 * seen  # a hundred times, where all rules stand in one automaton
