"""The strict parser: a value or `Invalid`, nothing else, and no sentence quotes the input."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.lib import strictjson
from controlplane.lib.errors import Invalid

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")), inner
        )
    ),
    max_leaves=20,
)

REFUSED: list[bytes | str] = [
    b"",
    b" ",
    b"{",
    b"[1,]",
    b"{'a':1}",
    b"nul",
    b"1 2",
    b"{}x",
    b'"a',
    b"\xff",
    b'"\xc3("',
    b"\xef\xbb\xbf{}",
    b"\xff\xfe{\x00}\x00",
    b"NaN",
    b"-Infinity",
    b"Infinity",
    b"[NaN]",
    b"1e999",
    b"-1e999",
    b"1" * 101,
    b"[0." + b"1" * 101 + b"]",
    b"1" * 5000,
    b'{"a":1,"a":2}',
    b'[{"x":{"b":1,"\\u0062":2}}]',
    b'"\\u0000"',
    b'{"\\u0000":1}',
    b'"a\x00b"',
    b'"\\ud800"',
    b'"\\udc00\\ud800"',
    b'{"\\uDFFF":1}',
    b'"\\x"',
    b'"\n"',
    b"[" * 65 + b"]" * 65,
    b'{"a":' * 65 + b"1" + b"}" * 65,
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"[]]",
    b"01",
    b"+1",
    b".5",
    '"\ud800"',
    "\ufeff1",
    b"[" * 64 + b'"' + b"[" * 9 + b"]" * 64,
]


@pytest.mark.parametrize("body", REFUSED, ids=lambda body: repr(body[:24]))
def test_refused__with_the_one_code_and_a_sentence_that_quotes_nothing(body: bytes | str) -> None:
    with pytest.raises(Invalid) as caught:
        strictjson.loads(body)
    assert caught.value.error_code == "INVALID_ARGUMENT"
    assert not any(c.isdigit() for c in caught.value.message.replace("UTF-8", ""))
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b" {} \n", {}),
        (b"0", 0),
        (b"-1.5e3", -1500.0),
        (b"1" * 100, int("1" * 100)),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"\\\\u0000"', "\\u0000"),
        ('"é"', "é"),
        (bytearray(b"[1]"), [1]),
        (memoryview(b"true"), True),
        (b"[" * 64 + b"]" * 64, json.loads("[" * 64 + "]" * 64)),
        (b'"' + b"[{" * 500 + b'"', "[{" * 500),
        (b'["\\"[[[", "' + b"[" * 80 + b'"]', ['"[[[', "[" * 80]),
        (b"1e-400", 0.0),
        (b'{"a":{"a":1}}', {"a": {"a": 1}}),
        (b"[" + b"[]," * 999 + b"[]]", [[]] * 1000),
    ],
)
def test_accepted(body: Any, value: Any) -> None:
    assert strictjson.loads(body) == value


def test_size__is_bounded_in_bytes() -> None:
    assert strictjson.loads('"éé"', max_bytes=6) == "éé"
    with pytest.raises(Invalid):
        strictjson.loads('"éé"', max_bytes=5)


@given(JSON_VALUES)
def test_whatever_json_writes__is_read_back(value: Any) -> None:
    for ascii_only in (True, False):
        assert strictjson.loads(json.dumps(value, ensure_ascii=ascii_only)) == value


def quietly(body: bytes) -> None:
    try:
        strictjson.loads(body)
    except Invalid:
        return


@settings(max_examples=300)
@given(st.binary(max_size=60))
def test_random_bytes__raise_nothing_else(body: bytes) -> None:
    quietly(body)


@settings(max_examples=300)
@given(
    st.lists(
        st.sampled_from(
            [
                b"{",
                b"}",
                b"[",
                b"]",
                b'"',
                b":",
                b",",
                b"\\",
                b"\\u0000",
                b"\\ud83d",
                b"\\ude00",
                b"1",
                b"e9",
                b"-",
                b".",
                b"9" * 40,
                b"true",
                b"NaN",
                b" ",
                b"\x00",
                b"\xc3\xa9",
                b"\xff",
                b'"a"',
            ]
        ),
        max_size=40,
    )
)
def test_shuffled_json__raises_nothing_else(pieces: list[bytes]) -> None:
    quietly(b"".join(pieces))


@settings(max_examples=150)
@given(JSON_VALUES, st.data())
def test_torn_and_bent_json__raises_nothing_else(value: Any, data: st.DataObject) -> None:
    body = bytearray(json.dumps(value).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(body)))
        body[position : position + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    quietly(bytes(body))
