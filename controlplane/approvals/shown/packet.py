"""A packet as people read it before they sign it.

A packet is any JSON object. Under these names pages know what they are looking at; each may be a
text (Markdown), a list, or an object:

- `what`: what will happen, in a few sentences.
- `before`, `after`: what changes, compared field by field.
- `reason`: why it is asked.
- `affected`: who is affected (`records`, `segments`, `data_sources`, or a sentence).
- `safeguards`, `risks`: a list; an object of them may hold `title`, `severity`, `text`.
- `undo`: how it is taken back (`label`, `impact`, `window_minutes`, `steps`).
- `permissions`: what it needs, by toolkit.
- `evidence`: a list of objects with `title`, and `url` or `content` with its `type`; `sha256`.

Whatever else it holds stands under "Details": nobody signs what was not shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

WHAT = ("what", "what_will_happen", "summary", "description")
AFFECTED = ("affected", "who_is_affected", "who")
WHY = ("reason", "why")
UNDO = ("undo", "undo_plan", "rollback")
SECTIONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("why", "Why", WHY),
    ("affected", "Who is affected", AFFECTED),
    ("safeguards", "Safeguards", ("safeguards",)),
    ("risks", "Risks", ("risks", "risk_matrix")),
    ("undo", "How it is undone", UNDO),
    ("permissions", "What it needs", ("permissions", "required_permissions")),
)
EVIDENCE = ("evidence", "evidence_links")
CHANGES = ("before", "after")
MOST_LINES = 200
MOST_FILES = 20
SHORT = 300
_SEVERITY = ("severity", "level")
NAMES = ("title", "label", "name", "line", "action")
_TEXT = ("text", "summary")
# What one asks first stands first; the text that is signed has its keys by the alphabet.
_FIRST = (
    "title", "label", "name", "objective", "business_objective", "audience", "kpi", "timeline",
    "unit", "baseline", "target", "direction", "deadline", "flag", "environment", "text",
    "reason", "impact", "records", "segments", "window_minutes", "steps",
)  # fmt: skip
_INLINE = 60
_WORD = 24
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d[\d:.]*(?:Z|[+-]\d\d:\d\d)")
_UID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_SOMEBODY = re.compile(r"(?:user|agent):[0-9]{1,18}")
# Tables in tables in tables are read by nobody; what goes deeper folds as JSON does.
_DEEPEST = 3

Kind = Literal["text", "line", "moment", "person", "lines", "facts", "entries", "json"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What people call the names and codes of a packet, which are made for programs, and where
    what it names is found by this reader."""

    names: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # name -> code -> words
    links: Mapping[str, str] = field(default_factory=dict)  # uid -> address

    def name(self, name: str) -> str:
        return self.names.get(name) or words(name)

    def code(self, name: str, value: Any) -> Any:
        return self.codes.get(name, {}).get(value, value) if isinstance(value, str) else value


NO_TERMS = Terms()
# Short names that the alphabet of programs writes small.
_WORDS = {
    "kpi": "Key figure", "params": "Figures", "sla_impact": "What it means for service levels",
    "auto_fix": "Agents may mend it", "pii_flags": "Personal data", "due_on": "Needed by",
    "sha256": "SHA-256", "url": "Address", "api": "API", "id": "ID", "uid": "ID",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """A value in the form it reads best in."""

    kind: Kind
    text: str = ""
    lines: Sequence[str] = ()
    facts: Sequence[tuple[str, Shown]] = ()
    entries: Sequence[Entry] = ()
    value: Any = None
    more: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One of a list: what it is called, how grave it is, and the rest of it."""

    title: str
    severity: str = ""
    text: str = ""
    facts: Sequence[tuple[str, Shown]] = ()
    url: str = ""

    @property
    def short(self) -> list[tuple[str, str]]:
        """What reads in one line: a word or a figure each."""
        return [(name, one.text) for name, one in self.facts if _is_short(one)]

    @property
    def long(self) -> list[tuple[str, Shown]]:
        return [(name, one) for name, one in self.facts if not _is_short(one)]


def _is_short(shown: Shown) -> bool:
    return shown.kind == "line" and len(shown.text) <= _WORD


@dataclass(frozen=True, slots=True)
class Section:
    slug: str
    title: str
    shown: Shown


@dataclass(frozen=True, slots=True)
class Packet:
    what: Shown | None
    before: Any
    after: Any
    changes: bool
    sections: Sequence[Section]
    evidence: Sequence[Mapping[str, Any]] = ()
    more_evidence: int = 0
    details: Sequence[tuple[str, Shown]] = field(default_factory=list)


def read(
    packet: Mapping[str, Any],
    named: Sequence[tuple[str, str, tuple[str, ...]]] = (),
    terms: Terms = NO_TERMS,
) -> Packet:
    """`named`: sections the owner of the packet has titles for; they stand before the usual.
    `terms`: what it calls things, where that is another word than its packets have."""
    used: set[str] = set()

    def take(names: Sequence[str]) -> Any:
        for name in names:
            if name not in used and packet.get(name) not in (None, "", [], {}):
                used.add(name)
                return packet[name]
        return None

    what = take(WHAT)
    changes = all(name in packet for name in CHANGES)
    if changes:
        used.update((*CHANGES, "changes"))  # a list of the same, where an app adds one
    sections = [
        Section(slug, title, _prose(value, terms))
        for slug, title, names in (*named, *SECTIONS)
        if (value := take(names)) is not None
    ]
    files = _files(take(EVIDENCE))
    return Packet(
        what=_prose(what, terms) if what is not None else None,
        before=packet.get("before"),
        after=packet.get("after"),
        changes=changes,
        sections=sections,
        evidence=files[:MOST_FILES],
        more_evidence=max(len(files) - MOST_FILES, 0),
        details=[
            (terms.name(name), shown(terms.code(name, packet[name]), terms))
            for name in sorted(packet, key=_place)
            if name not in used and packet[name] not in (None, "")
        ],
    )


def words(name: str) -> str:
    """A key as people call it: `data_sources` is "Data sources"."""
    if name in _WORDS:
        return _WORDS[name]
    text = str(name).replace("_", " ").strip()
    text = text.removesuffix(" minutes") + " (minutes)" if text.endswith(" minutes") else text
    return text[:1].upper() + text[1:]


def shown(value: Any, terms: Terms = NO_TERMS, depth: int = 1) -> Shown:
    if isinstance(value, str):
        if _SOMEBODY.fullmatch(value):
            return Shown("person", text=value)
        if _MOMENT.fullmatch(value):
            return Shown("moment", text=value)
        return Shown("line" if len(value) <= SHORT and "\n" not in value else "text", text=value)
    if _is_plain(value):
        return Shown("line", text=plain(value))
    if isinstance(value, list):
        return _list(value, terms, depth)
    if isinstance(value, Mapping) and len(value) <= MOST_LINES:
        return Shown("facts", facts=list(_facts(value, terms, depth)))
    return Shown("json", value=value)


def _prose(value: Any, terms: Terms) -> Shown:
    """What is told in words is Markdown, however short."""
    return Shown("text", text=value) if isinstance(value, str) else shown(value, terms)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == "":
        return "none"
    return f"{value:,}" if isinstance(value, int) and abs(value) >= 10_000 else str(value)


def _list(values: list[Any], terms: Terms = NO_TERMS, depth: int = 1) -> Shown:
    if not values:
        return Shown("line", text="none")
    if all(_is_plain(one) for one in values):
        return Shown(
            "lines",
            lines=[plain(one) for one in values[:MOST_LINES]],
            more=max(len(values) - MOST_LINES, 0),
        )
    if all(isinstance(one, Mapping) or _is_plain(one) for one in values):
        return Shown(
            "entries",
            entries=[_entry(one, terms, depth) for one in values[:MOST_LINES]],
            more=max(len(values) - MOST_LINES, 0),
        )
    return Shown("json", value=values)


def _entry(value: Any, terms: Terms, depth: int) -> Entry:
    """A uid beside a title says nothing to people: it leads to the thing, where it is known. All
    that is signed, uids too, can be read to the letter on the same page."""
    if not isinstance(value, Mapping):
        return Entry(title=plain(value))
    title_key = next((key for key in NAMES if isinstance(value.get(key), str)), "")
    grave_key = next((key for key in _SEVERITY if isinstance(value.get(key), str | int)), "")
    text_key = next((key for key in _TEXT if isinstance(value.get(key), str)), "")
    uids = [key for key, inner in value.items() if title_key and _is_uid(inner)]
    rest = {
        key: inner
        for key, inner in value.items()
        if key not in {title_key, grave_key, text_key, *uids} and inner not in (None, "", [], {})
    }
    return Entry(
        title=str(value.get(title_key, "")),
        severity=str(value.get(grave_key, "")),
        text=str(value.get(text_key, "")),
        facts=list(_facts(rest, terms, depth)),
        url=next((terms.links[value[key]] for key in uids if value[key] in terms.links), ""),
    )


def _is_uid(value: Any) -> bool:
    return isinstance(value, str) and _UID.fullmatch(value) is not None


def _facts(value: Mapping[str, Any], terms: Terms, depth: int) -> Iterator[tuple[str, Shown]]:
    for name in sorted(value, key=_place):
        inner, told = terms.code(name, value[name]), terms.name(name)
        if _is_plain(inner):
            yield told, shown(None if inner == "" else inner, terms)
        elif isinstance(inner, list) and all(_is_plain(one) for one in inner):
            yield told, _short_list([terms.code(name, one) for one in inner])
        elif depth < _DEEPEST:
            yield told, shown(inner, terms, depth + 1)
        else:
            yield told, Shown("json", value=inner)


def _place(name: str) -> int:
    return _FIRST.index(name) if name in _FIRST else len(_FIRST)


def _short_list(values: list[Any]) -> Shown:
    """A few names read better in a line, whole sentences below each other."""
    names = [plain(one) for one in values]
    joined = ", ".join(names)
    if len(joined) <= _INLINE and not any(name.count(" ") > 1 for name in names):
        return Shown("line", text=joined or "none")
    return _list(values)


def _files(value: Any) -> list[dict[str, Any]]:
    """Evidence in the form the console's previews take."""
    given = value if isinstance(value, list) else [] if value is None else [value]
    return [_file(one) for one in given if one]


def _file(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        text = plain(value)
        return {"name": text, "url": text if text.startswith(("/", "https://", "http://")) else ""}
    content = value.get("content")
    if content is not None and not isinstance(content, str):
        content = plain(content) if _is_plain(content) else None
    url = str(value.get("url") or value.get("link") or "")
    name = value.get("title") or value.get("name") or value.get("label") or url or "Evidence"
    size = value.get("size")
    return {
        "name": str(name),
        "type": str(value.get("type") or value.get("media_type") or ""),
        "url": url,
        "content": content,
        "size": size if isinstance(size, int) and not isinstance(size, bool) else None,
        "sha256": str(value.get("sha256") or ""),
        "kind": str(value.get("kind") or ""),
    }
