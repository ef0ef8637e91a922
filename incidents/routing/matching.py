"""Matchers, with Alertmanager's meaning: a regular expression matches the whole value, and a label
that is not there is the empty text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import re2

from controlplane.lib.given import line, refuse

Matcher = Mapping[str, Any]
Matches = Callable[[Mapping[str, str]], bool]

MOST = 20
_VALUE, _NAME = 1_000, 200
_WORD = re.compile(
    r"\s*([a-zA-Z_][a-zA-Z0-9_.\-/]*)\s*(=~|!~|!=|=)\s*(\"(?:[^\"\\]|\\.)*\"|[^,}]*)\s*"
)


def _options() -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20  # a pattern that would take more is refused
    return options


def compiled(matchers: Sequence[Matcher]) -> Matches:
    """All of them hold. None: everything does."""
    tests = [_test(each) for each in matchers]
    return lambda labels: all(test(labels) for test in tests)


def _test(matcher: Matcher) -> Matches:
    name, value = str(matcher["name"]), str(matcher["value"])
    wanted = bool(matcher.get("isEqual", True))
    if not matcher.get("isRegex"):
        return lambda labels: (labels.get(name, "") == value) == wanted
    pattern = _pattern(value)
    return lambda labels: (pattern.fullmatch(labels.get(name, "")) is not None) == wanted


def _pattern(text: str) -> Any:
    try:
        return re2.compile(text, _options())
    except (re2.error, UnicodeError) as error:
        raise refuse("matchers", f"“{text[:60]}” is no regular expression.") from error


def read(field: str, given: Any, *, some: bool = True) -> list[dict[str, Any]]:
    """As they are kept, from a list of objects or from a text like `service="agent", env!=dev`."""
    if isinstance(given, str):
        given = parsed(field, given)
    if not isinstance(given, Sequence):
        raise refuse(field, "A list of matchers.")
    if some and not given:
        raise refuse(field, "Name at least one label.")
    if len(given) > MOST:
        raise refuse(field, f"At most {MOST}.")
    found = [_one(field, each) for each in given]
    if some and all(_matches_nothing_given(each) for each in found):
        raise refuse(field, "At least one must ask for a value that is there.")
    compiled(found)
    return found


def _one(field: str, given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping) or set(given) - {"name", "value", "isRegex", "isEqual"}:
        raise refuse(field, "A matcher has a name, a value, isRegex and isEqual.")
    flags = {
        flag: given.get(flag, default) for flag, default in (("isRegex", False), ("isEqual", True))
    }
    if not all(isinstance(value, bool) for value in flags.values()):
        raise refuse(field, "isRegex and isEqual are true or false.")
    name = line(field, given.get("name", ""), _NAME, required=True)
    value = given.get("value", "")
    if not isinstance(value, str) or "\0" in value or len(value) > _VALUE:
        raise refuse(field, f"A value is a text of at most {_VALUE} characters.")
    return {"name": name, "value": value, **flags}


def _matches_nothing_given(matcher: Matcher) -> bool:
    """Whether an alert without any label would match: such a matcher narrows nothing down."""
    return _test(matcher)({})


def parsed(field: str, text: str) -> list[dict[str, Any]]:
    """`a="b", c=~"d.*"`, with or without braces, as Alertmanager's clients write it."""
    rest = text.strip().removeprefix("{").removesuffix("}").strip()
    found: list[dict[str, Any]] = []
    while rest:
        match = _WORD.match(rest)
        if match is None:
            raise refuse(field, f"Can't be read from “{rest[:40]}” on.")
        name, sign, value = match.groups()
        found.append(
            {
                "name": name,
                "value": _unquoted(value.strip()),
                "isRegex": "~" in sign,
                "isEqual": "!" not in sign,
            }
        )
        rest = rest[match.end() :]
        if rest and not rest.startswith(","):
            raise refuse(field, f"Can't be read from “{rest[:40]}” on.")
        rest = rest[1:].strip()
    return found


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], text[1:-1])
    return text


def words(matchers: Sequence[Matcher]) -> str:
    """As people read and write them."""
    return (
        ", ".join(f'{each["name"]}{_sign(each)}"{_escaped(each["value"])}"' for each in matchers)
        or "everything"
    )


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _sign(matcher: Matcher) -> str:
    equal, regex = matcher.get("isEqual", True), matcher.get("isRegex", False)
    return {(True, False): "=", (False, False): "!=", (True, True): "=~", (False, True): "!~"}[
        equal, regex
    ]
