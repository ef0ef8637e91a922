"""JSON-like values: as a tree that folds, as highlighted lines, and as a list of what changed."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from controlplane.console.kit.clocks import as_time
from controlplane.lib import text
from controlplane.lib.redaction import MARK

# Before it is taken for a time: "2026" alone is a number to people.
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T")
DEEPEST = 12
MOST_NODES = 2_000
MOST_CHANGES = 300
LONGEST = 2_000
# An object with few keys, near the top, is open at once.
OPEN_DEPTH, OPEN_KEYS = 2, 20
_REDACTED = f'<span class="kit-redacted">{MARK.strip("*")}</span>'


# Made once: `json.dumps` makes one for each value.
_in_json = json.JSONEncoder(ensure_ascii=False, default=str, allow_nan=True).encode


def short(value: Any, most: int = LONGEST) -> str:
    """One line of JSON, cut to size. What JSON can't say is said by `str`."""
    try:
        text = _in_json(value)
    except (TypeError, ValueError, RecursionError):
        text = str(type(value).__name__)
    text = text if text.isascii() else encodable(text)
    return text if len(text) <= most else f"{text[:most]}… {len(text) - most:,} more"


def encodable(text: str) -> str:
    """JSON may hold half a surrogate pair; an answer in UTF-8 may not."""
    return text.encode("utf-8", "replace").decode()


# --- Highlighting -------------------------------------------------------------------------------

# An unclosed string ends with its line: a pattern that insisted on the closing quote would look
# for it again from every quote.
_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\]|\\.?)*"?)(?P<colon>\s*:)?'
    r"|(?P<number>-?\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b)"
    r"|(?P<word>\b(?:true|false|null)\b)"
)


def highlight(line: str) -> SafeString:
    """One line of JSON with its keys, strings, numbers and words marked. Never fails: what is
    not JSON comes back as it was, escaped."""
    out: list[str] = []
    at = 0
    for match in _TOKEN.finditer(line):
        out.append(escape(line[at : match.start()]))
        at = match.end()
        if match["string"] is not None:
            kind = "key" if match["colon"] else "string"
            out.append(_span(kind, match["string"]) + escape(match["colon"] or ""))
        else:
            out.append(_span("number" if match["number"] else "word", match[0]))
    out.append(escape(line[at:]))
    return mark_safe("".join(out))  # noqa: S308


def _span(kind: str, text: str) -> str:
    if kind == "string" and text == f'"{MARK}"':
        return _REDACTED
    return f'<span class="kit-json-{kind}">{html.escape(text)}</span>'


# What is one token from its beginning to its end, unless it was cut.
_WHOLE: dict[type, str] = {str: "string", int: "number", bool: "word", type(None): "word"}


def scalar(value: Any, most: int = LONGEST) -> SafeString:
    text, kind = short(value, most), _WHOLE.get(type(value))
    if kind is None or len(text) > most:
        return highlight(text)
    return mark_safe(_span(kind, text))  # noqa: S308


# --- The tree -----------------------------------------------------------------------------------


class _Tree:
    def __init__(self) -> None:
        self.nodes = 0

    def value(self, value: Any, depth: int, label: str) -> Iterator[str]:
        self.nodes += 1
        children = _children(value)
        if children is None or not children or depth >= DEEPEST or self.nodes > MOST_NODES:
            yield f'<div class="kit-json-line">{label}{_leaf(value, children)}</div>'
            return
        is_open = depth < OPEN_DEPTH and len(children) <= OPEN_KEYS
        brackets, noun = ("[…]", "item") if isinstance(value, list | tuple) else ("{…}", "key")
        count = f"{len(children):,} {noun}{'' if len(children) == 1 else 's'}"
        yield (
            f'<details class="kit-json-node"{" open" if is_open else ""}><summary>{label}'
            f'<span class="kit-json-brackets">{brackets}</span>'
            f' <span class="kit-json-count">{count}</span></summary>'
        )
        for index, (key, child) in enumerate(children):
            if self.nodes > MOST_NODES:
                yield f'<div class="kit-json-more">… {len(children) - index:,} more</div>'
                break
            yield from self.value(child, depth + 1, f"{key}: ")
        yield "</details>"


def _children(value: Any) -> list[tuple[str, Any]] | None:
    if isinstance(value, Mapping):
        names = ((short(str(key), 200), child) for key, child in value.items())
        return [(_span("key", name), child) for name, child in names]
    if isinstance(value, list | tuple):
        return [(f'<span class="kit-json-index">{i}</span>', v) for i, v in enumerate(value)]
    return None


def _leaf(value: Any, children: list[tuple[str, Any]] | None) -> str:
    if children:  # too deep, or too many before it
        return f'<span class="kit-json-count">… {len(children):,} inside, not shown</span>'
    return scalar(value)


def tree(value: Any) -> SafeString:
    """Nested values that fold without script; bounded in depth, number and length."""
    return mark_safe("".join(_Tree().value(value, 0, "")))  # noqa: S308


# --- What changed -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    path: str
    kind: str  # added | removed | changed
    before: SafeString
    after: SafeString

    @property
    def sign(self) -> str:
        return {"added": "+", "removed": "−", "changed": "±"}[self.kind]

    @property
    def words(self) -> str:
        """The field as people call it: `retry_at` is "Retry", `b.c` stays beside it as title."""
        name = self.path.removesuffix("_at").removesuffix("_id").replace("_", " ").strip()
        return name[:1].upper() + name[1:] if name else self.path


_ABSENT = object()
_APART = (MARK, ", ", "; ", ": ", "(", ")")  # what tells hidden from shown, and one from another
_DEEP = 4  # a change that lies deeper is read in its own form


def changes(before: Any, after: Any) -> tuple[list[Change], bool]:
    """Added, removed and changed fields by path, and whether there are more than are shown."""
    found: list[Change] = []
    for path, old, new in _walk(before, after, "", 0):
        if len(found) == MOST_CHANGES:
            return found, True
        kind = "added" if old is _ABSENT else "removed" if new is _ABSENT else "changed"
        found.append(Change(path or "value", kind, _side(old), _side(new)))
    return found, False


def _side(value: Any) -> SafeString:
    """One side as people read it: no quotes, times by the minute, yes and no."""
    if value is _ABSENT or value is None:
        return mark_safe("")  # the template says that it is not set
    if isinstance(value, bool):
        return escape("yes" if value else "no")
    if value == "":
        return mark_safe("empty")
    if isinstance(value, list | tuple) and (said := _listed(value)):
        return escape(said)
    if _has_fields(value) and (said := _spelled(value)):
        return escape(text.short(said, 600))
    if not isinstance(value, str) or MARK in value:
        return scalar(value, 600)
    at = as_time(value) if _MOMENT.match(value) else None
    return escape(f"{at:%Y-%m-%d %H:%M} UTC" if at else text.short(value, 600))


def _has_fields(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(isinstance(each, Mapping) for each in value)
    return isinstance(value, Mapping)


def _spelled(value: Any, depth: int = 0) -> str:
    """What has an inside, without braces and quotes: "percent: 10; conditions: (field: plan; …)".
    "" where something in it is hidden, or lies too deep to be read in a line."""
    if depth > _DEEP:
        return ""
    if isinstance(value, Mapping):
        parts = [
            (str(key).replace("_", " "), _spelled(each, depth + 1)) for key, each in value.items()
        ]
        said = "; ".join(f"{key}: {each}" for key, each in parts)
        whole = all(each for _, each in parts)
    elif isinstance(value, list | tuple):
        inner = [_spelled(each, depth + 1) for each in value]
        said, whole = ", ".join(inner), all(inner)
    else:
        return str(_plain_side(value))
    if not whole:
        return ""
    return (f"({said})" if depth and isinstance(value, Mapping) else said) or "none"


def _plain_side(value: Any) -> str:
    if value is None or value == "":
        return "not set" if value is None else "empty"
    if isinstance(value, bool):
        return "yes" if value else "no"
    told = str(value)
    return "" if any(sign in told for sign in _APART) else told


def _listed(value: Sequence[Any]) -> str:
    """Words and numbers one after the other; "" for what has an inside of its own."""
    if not value:
        return "none"
    if not all(type(each) in (str, int, float) and each != "" for each in value):
        return ""
    said = [text.short(str(each), 200) for each in value]
    apart = not any(MARK in each or ", " in each for each in said)
    return text.short(", ".join(said), 600) if apart else ""


def _walk(before: Any, after: Any, path: str, depth: int) -> Iterator[tuple[str, Any, Any]]:
    if depth == 0:  # an audit row without `before` is a creation, without `after` a removal
        before = _ABSENT if before is None else before
        after = _ABSENT if after is None else after
    names = _names(before, after) if depth < DEEPEST else None
    if names is None:
        if not _equal(before, after):
            yield path, before, after
        return
    for name, step in names:
        old, new = _inside(before, name), _inside(after, name)
        here = f"{path}{step}" if path or not step.startswith(".") else step[1:]
        yield from _walk_into(old, new, here, depth + 1)


def _walk_into(old: Any, new: Any, path: str, depth: int) -> Iterator[tuple[str, Any, Any]]:
    """A field that came or went is told whole, not leaf by leaf, below the first level."""
    if old is _ABSENT or new is _ABSENT:
        yield path, old, new
    else:
        yield from _walk(old, new, path, depth)


def _names(before: Any, after: Any) -> list[tuple[Any, str]] | None:
    """The steps down from here; None where the two are compared whole."""
    sides = [side for side in (before, after) if side is not _ABSENT]
    if sides and all(isinstance(side, Mapping) for side in sides):
        return [(key, f".{key}") for key in dict.fromkeys(key for side in sides for key in side)]
    if len(sides) == 2 and all(isinstance(side, list) for side in sides):
        if not any(isinstance(item, dict | list) for side in sides for item in side):
            return None  # ["a", "b"] reads better whole
        return [(index, f"[{index}]") for index in range(max(map(len, sides)))]
    return None


def _inside(value: Any, name: Any) -> Any:
    if isinstance(value, Mapping):
        return value.get(name, _ABSENT)
    if isinstance(value, list):
        return value[name] if name < len(value) else _ABSENT
    return _ABSENT


def _equal(before: Any, after: Any) -> bool:
    """`True == 1` in Python; in an audit trail they are two values."""
    try:
        return bool(before == after) and (
            before is _ABSENT or isinstance(before, bool) == isinstance(after, bool)
        )
    except RecursionError:
        return False
