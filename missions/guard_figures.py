"""The figures of a safeguard and of a policy template: what people call them, and as fields.

They are kept as agents read them, by names such as `max_calls_per_minute`. A list or an object
among them is an agent's own; people see it, and it stays as it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.lib.given import refuse
from missions import guarding

FIELD = "figure-"  # and its name
NEW_NAME, NEW_VALUE, NEW_UNIT = "new_figure", "new_value", "new_unit"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,9})?")
MOST_TEXT = 200
MOST = 30


@dataclass(frozen=True, slots=True)
class Known:
    """A figure that the portal itself reads. `categories` are the safeguards it belongs to."""

    label: str
    unit: str = ""
    before: str = ""  # "at most 60 calls a minute"
    categories: tuple[str, ...] = ()
    least: float = 0
    most: float = math.inf
    whole: bool = False
    is_text: bool = False


KNOWN: Mapping[str, Known] = {
    guarding.PERCENT: Known("The data covers at least", "%", "covers at least", ("data",),
                            most=100),
    guarding.RATE: Known("Calls at most", "calls a minute", "at most", ("rate",), whole=True,
                         most=1_000_000),
    guarding.OF_TOOLKIT: Known("Only of the toolkit", "", "only of", is_text=True),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    label: str
    unit: str
    value: Any  # None: it may be given, and is not

    @property
    def is_switch(self) -> bool:
        return isinstance(self.value, bool)

    @property
    def typed(self) -> str:
        """What stands in its field."""
        if self.value is None:
            return ""
        return ("yes" if self.value else "no") if self.is_switch else str(self.value)


def is_simple(value: Any) -> bool:
    return isinstance(value, str | int | float)


def figures(params: Any, category: str) -> list[Figure]:
    """What somebody may fill in: what is there, and what a safeguard of this kind may have."""
    there = params if isinstance(params, dict) else {}
    names = [name for name, known in KNOWN.items() if name in there or category in known.categories]
    names += sorted(name for name in there if name not in KNOWN)
    found = []
    for name in names:
        if name in there and not is_simple(there[name]):
            continue
        known = KNOWN.get(name) or Known(_words(name))
        found.append(Figure(name, known.label, known.unit, there.get(name)))
    return found


def said(params: Any) -> str:
    """In a line: "at most 60 calls a minute; largest discount 20"."""
    return "; ".join(_said(params))[:300] if isinstance(params, dict) else ""


def _said(params: Mapping[str, Any]) -> Iterator[str]:
    for name, value in sorted(params.items()):
        known = KNOWN.get(name)
        text = value if is_simple(value) and not isinstance(value, bool) else _plain(value)
        if known is None:
            yield f"{_words(name)}: {text}"
        else:
            unit = known.unit if known.unit in {"", "%"} else f" {known.unit}"
            yield f"{known.before} {text}{unit}"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_plain(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{_words(name)} {_plain(each)}" for name, each in value.items())
    return "none" if value is None else str(value)


def _words(name: str) -> str:
    return name.replace("_", " ")


# --- What was filled in -------------------------------------------------------------------------


def given(posted: Mapping[str, Any], params: Any, category: str) -> dict[str, Any]:
    """The figures that a form leaves. A field that was not there changes nothing, an empty one
    takes its figure away."""
    found = dict(params) if isinstance(params, dict) else {}
    for figure in figures(params, category):
        text = posted.get(FIELD + figure.name)
        if text is None:
            continue
        found.pop(figure.name, None)
        if text.strip():
            found[figure.name] = _read(figure, text.strip())
    return found | _new(posted, found)


def _new(posted: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    name, value, unit = (
        str(posted.get(field) or "").strip() for field in (NEW_NAME, NEW_VALUE, NEW_UNIT)
    )
    if not (name or value or unit):
        return {}
    if not name:
        raise refuse(NEW_NAME, "Another figure: say what it is called.")
    if not value:
        raise refuse(NEW_VALUE, "Another figure: say how much, or what.")
    key = "_".join(re.findall(r"[a-z0-9]+", f"{name} {'percent' if unit == '%' else unit}".lower()))
    if not _NAME.fullmatch(key):
        raise refuse(NEW_NAME, "Another figure: a name of letters, such as “largest discount”.")
    if key in there:
        raise refuse(NEW_NAME, "Another figure: there is one of this name already; change that.")
    if len(there) >= MOST:
        raise refuse(NEW_NAME, f"Another figure: at most {MOST} belong to one safeguard.")
    known = KNOWN.get(key)
    label = known.label if known else name
    return {key: _read(Figure(key, label, "", None), value)}


def _read(figure: Figure, text: str) -> Any:
    """As what it was: a number stays one, or whoever reads it would find a word there."""
    field, known = FIELD + figure.name, KNOWN.get(figure.name)
    if figure.is_switch:
        if text not in {"yes", "no"}:
            raise refuse(field, f"{figure.label}: yes or no.")
        return text == "yes"
    if known is not None and not known.is_text:
        return _number(field, figure.label, text, known)
    if isinstance(figure.value, int | float):
        return _number(field, figure.label, text, Known("", least=-math.inf))
    if known is None and figure.value is None and _NUMBER.fullmatch(text):
        return _number(field, figure.label, text, Known("", least=-math.inf))
    if len(text) > MOST_TEXT:
        raise refuse(field, f"{figure.label}: at most {MOST_TEXT} characters.")
    return text


def _number(field: str, label: str, text: str, known: Known) -> int | float:
    if not _NUMBER.fullmatch(text) or (known.whole and "." in text):
        raise refuse(field, f"{label}: a {'whole ' if known.whole else ''}number.")
    number = float(text) if "." in text else int(text)
    if not known.least <= number <= known.most:
        raise refuse(field, f"{label}: from {known.least:g} to {known.most:,.0f}.")
    return number


# --- As lines of text ---------------------------------------------------------------------------


def lines(params: Any) -> str:
    """One a line: "max calls per minute: 60"."""
    there = params if isinstance(params, dict) else {}
    return "\n".join(f"{_words(name)}: {_plain(value)}" for name, value in sorted(there.items()))


def from_lines(text: str, before: Any) -> dict[str, Any]:
    """What the lines say. A line that was not touched keeps what it stands for, a list as well."""
    there = before if isinstance(before, dict) else {}
    same = {f"{_words(name)}: {_plain(value)}": name for name, value in there.items()}
    found: dict[str, Any] = {}
    for line in filter(None, (each.strip() for each in text.splitlines())):
        if line in same:
            found[same[line]] = there[same[line]]
            continue
        name, colon, value = (part.strip() for part in line.partition(":"))
        key = "_".join(re.findall(r"[a-z0-9]+", name.lower()))
        if not colon or not value or not _NAME.fullmatch(key):
            raise refuse("params", f"“{line[:60]}”: a name, a colon and its value.")
        known = KNOWN.get(key)
        kind = there.get(key) if is_simple(there.get(key)) else None
        found[key] = _read(Figure(key, known.label if known else name, "", kind), value)
    if len(found) > MOST:
        raise refuse("params", f"At most {MOST}.")
    return found
