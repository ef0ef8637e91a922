"""Beads' JSON lines, read: each line a record, or one sentence with the number of the line.

Nothing is stored here and nothing is looked up: what is wrong with a file is found before the
graph is locked.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from controlplane.lib import strictjson
from controlplane.lib.errors import Invalid
from controlplane.work.models import Project
from controlplane.work.services import naming, reading
from controlplane.work.services.transfer import past
from controlplane.work.services.transfer.values import listed, moment, text

MAX_LINE = 16 * 1024 * 1024
MAX_COMMENT = 1_000_000
MAX_MEMORY = 100_000
MOST_MEMORIES = 5_000
GENERATED_LENGTH = 8
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,118}[A-Za-z0-9]")
_LINES = (
    "spec_id",
    "assignee",
    "owner",
    "created_by",
    "external_ref",
    "source_system",
    "closed_by_session",
)
_LONGEST = {**reading.LINES, "created_by": 200}
_LONG = (*reading.TEXTS, "close_reason")
_TIMES = ("created_at", "updated_at", "started_at", "closed_at", "due_at", "defer_until")
# The portal's own fields. A tool that passed the line on may have dropped them, so what is absent
# here is left as it is, and never emptied.
OWN = (
    "in_backlog",
    "stage",
    "kpi",
    "readiness_artifact",
    "backlog_category",
    "impact",
    "effort",
    "evidence_url",
)
# Counted anew, or another way to say what stands elsewhere in the line.
_COMPUTED = frozenset(
    {
        "_type",
        "id",
        "labels",
        "dependencies",
        "comments",
        "comments_omitted",
        past.EVIDENCE,
        past.EVENTS,
        "dependency_count",
        "dependent_count",
        "comment_count",
        "parent",
        "revision",
        "expected_version",
        "subject",  # only the portal's own apps say what an item stands for
        "ensure_key",
        "schema_version",
    }
)
_HAVE_COLUMNS = frozenset(
    {
        *_LINES,
        *_LONG,
        *_TIMES,
        *OWN,
        "title",
        "status",
        "priority",
        "issue_type",
        "estimated_minutes",
        "metadata",
        "ephemeral",
    }
)
# Beads' fields that mean nothing here: kept, given back, and gone when a newer line lacks them.
# Keys that neither knows are kept until a line says otherwise.
BEADS_EXTRA = frozenset(
    {
        "compaction_level",
        "compacted_at",
        "compacted_at_commit",
        "original_size",
        "sender",
        "no_history",
        "wisp_type",
        "pinned",
        "is_template",
        "await_type",
        "await_id",
        "timeout",
        "waiters",
        "mol_type",
        "work_type",
        "bonded_from",
        "source_formula",
        "source_location",
        "event_kind",
        "actor",
        "target",
        "payload",
    }
)


@dataclass(slots=True)
class EdgeIn:
    target: str
    kind: str
    created_at: datetime | None
    created_by: str
    metadata: str
    thread_id: str


@dataclass(slots=True)
class CommentIn:
    origin: str
    author: str
    text: str
    created_at: datetime | None


@dataclass(slots=True)
class Line:
    """One item as a file has it: `values` by column, only what the line says."""

    number: int
    key: str
    values: dict[str, Any]
    labels: list[str]
    extra: dict[str, Any]
    edges: list[EdgeIn]
    comments: list[CommentIn]
    ensure_key: str = ""
    links: list[past.LinkIn] = field(default_factory=list)
    events: list[past.EventIn] = field(default_factory=list)


@dataclass(slots=True)
class Parsed:
    lines: list[Line] = field(default_factory=list)
    memories: dict[str, str] = field(default_factory=dict)
    tombstones: int = 0


class BadLine(Invalid):
    def __init__(self, number: int, sentence: str) -> None:
        super().__init__(
            f"line {number}: {sentence} Nothing was imported.",
            details={"line": number, "problem": sentence},
        )


def parse(project: Project, data: bytes) -> Parsed:
    """Every line, or the first that is wrong."""
    parsed = Parsed()
    seen: dict[str, tuple[int, bytes]] = {}
    repeats: dict[bytes, int] = {}
    raws = data.split(b"\n")
    for number, raw in enumerate(raws, 1):
        if not raw.strip():
            continue
        line = _read(project, number, raw, last=number == len(raws), into=parsed)
        if line is None:
            continue
        if not line.key:
            # The same line names the same item, however often it is read.
            repeats[raw] = repeats.get(raw, 0) + 1
            line.key = _key_for(project, raw, repeats[raw])
        other = seen.setdefault(line.key.upper(), (number, raw))
        if other[0] == number:
            parsed.lines.append(line)
        elif other[1] != raw:
            raise BadLine(number, f"{line.key} stands in line {other[0]} already.")
    return parsed


def _read(project: Project, number: int, raw: bytes, *, last: bool, into: Parsed) -> Line | None:
    try:
        found = strictjson.loads(raw, max_bytes=MAX_LINE)
        if not isinstance(found, dict):
            raise Invalid("A line is one JSON object.")
        kind = found.get("_type", "issue")
        if kind == "memory":
            _memory(found, into)
            return None
        if kind != "issue":
            raise Invalid(f"Lines of the type {str(kind)[:40]!r} are not known.")
        if found.get("status") == "tombstone":
            into.tombstones += 1  # what older versions leave of something deleted
            return None
        return _line(project, number, found)
    except Invalid as error:
        torn = last and not raw.rstrip().endswith(b"}")
        said = "The file ends in the middle of a line." if torn else _sentence(error)
        raise BadLine(number, said) from None


def _sentence(error: Invalid) -> str:
    said = error.message.strip()
    return said if said.endswith(".") else f"{said}."


def _memory(found: Mapping[str, Any], into: Parsed) -> None:
    key, value = found.get("key"), found.get("value")
    if not isinstance(key, str) or not isinstance(value, str) or not 0 < len(key) <= 200:
        raise Invalid("A memory has a key and a value, both texts.")
    if len(value) > MAX_MEMORY or len(into.memories) >= MOST_MEMORIES:
        raise Invalid("There is too much to remember.")
    into.memories[key] = value


def _key_for(project: Project, raw: bytes, nth: int) -> str:
    number = int.from_bytes(hashlib.sha256(raw + b"%d" % nth).digest()[:8], "big")
    digits = ""
    for _ in range(GENERATED_LENGTH):
        number, digit = divmod(number, 36)
        digits += naming.ALPHABET[digit]
    return f"{project.prefix}-{digits}"


def _line(project: Project, number: int, found: dict[str, Any]) -> Line:
    key = found.get("id")
    if key is not None and (not isinstance(key, str) or (key and not _KEY.fullmatch(key))):
        raise Invalid(f"{str(key)[:60]!r} is no id.")
    values = _values(project, found)
    extra = {
        name: value
        for name, value in found.items()
        if name not in _HAVE_COLUMNS and name not in _COMPUTED and value is not None
    }
    return Line(
        number,
        key or "",
        values,
        reading.labels(listed(found, "labels")),
        extra,
        [_edge(key or "", each) for each in listed(found, "dependencies")],
        [_comment(each) for each in listed(found, "comments")],
        reading.line("ensure_key", found.get("ensure_key"), 200),
        past.read_links(found),
        past.read_events(found),
    )


def _values(project: Project, found: Mapping[str, Any]) -> dict[str, Any]:
    status, category = reading.status(project, found.get("status") or "open")
    values: dict[str, Any] = {
        "title": reading.title(found.get("title")),
        "status": status,
        "category": category,
        "item_type": reading.item_type(project, found.get("issue_type") or "task"),
        # Beads reads a missing number as nought, and so it meant nought when it wrote none.
        "priority": reading.priority(found.get("priority") or 0),
        "estimated_minutes": reading.number(
            "estimated_minutes", found.get("estimated_minutes"), 0, 2_000_000_000
        ),
        "metadata": reading.metadata(found.get("metadata")),
        "ephemeral": reading.flag("ephemeral", found.get("ephemeral")),
    }
    for name in _LINES:
        value = found.get(name)
        values[name] = reading.line(name, value, _LONGEST[name]) if value else ""
    for name in _LONG:
        values[name] = text(name, found.get(name))
    for name in _TIMES:
        values[name] = moment(name, found.get(name))
    _closed(values)
    values |= _own(found)
    return values


def _closed(values: dict[str, Any]) -> None:
    """Set exactly when closed: what is missing is filled in, what contradicts is refused."""
    if values["status"] == "closed":
        values["closed_at"] = values["closed_at"] or values["updated_at"]
    elif values["closed_at"] is not None:
        raise Invalid("closed_at is set, and the status is not closed.")


def _own(found: Mapping[str, Any]) -> dict[str, Any]:
    own: dict[str, Any] = {}
    for name in OWN:
        if name not in found:
            continue
        value = found[name]
        if name == "in_backlog":
            own[name] = reading.flag(name, value)
        elif name == "stage":
            own[name] = reading.stage(value)
        elif name in reading.SCORES:
            own[name] = reading.number(name, value, 1, 5)
        else:
            own[name] = reading.line(name, value, reading.LINES[name])
    return own


def _edge(key: str, found: Any) -> EdgeIn:
    if not isinstance(found, dict):
        raise Invalid("A dependency is an object.")
    target = reading.line("depends_on_id", found.get("depends_on_id"), 200)
    if not target:
        raise Invalid("A dependency names what it depends on.")
    owner = found.get("issue_id") or key
    if key and str(owner).upper() != key.upper():
        raise Invalid(f"A dependency of {str(owner)[:60]} stands in the line of {key}.")
    if key and target.upper() == key.upper():
        raise Invalid(f"{key} cannot depend on itself.")
    return EdgeIn(
        target,
        reading.edge_kind(found.get("type") or "blocks"),
        moment("created_at", found.get("created_at")),
        reading.line("created_by", found.get("created_by"), 200),
        _edge_metadata(found.get("metadata")),
        reading.line("thread_id", found.get("thread_id"), 120),
    )


def _edge_metadata(value: Any) -> str:
    """A text that holds JSON; some tools write the JSON itself."""
    if isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text("metadata", value, 100_000) or "{}"


def _comment(found: Any) -> CommentIn:
    if not isinstance(found, dict):
        raise Invalid("A comment is an object.")
    said = found.get("text")
    if not isinstance(said, str) or not said.strip():
        raise Invalid("A comment has a text.")
    number = found.get("id")
    if isinstance(number, bool) or not isinstance(number, int | str | None):
        raise Invalid("The id of a comment is a number or a text.")
    return CommentIn(
        reading.line("id", str(number or ""), 80),
        reading.line("author", found.get("author"), 200),
        text("text", said, MAX_COMMENT),
        moment("created_at", found.get("created_at")),
    )
