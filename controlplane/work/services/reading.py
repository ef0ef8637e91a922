"""What callers give, made into what is stored, or refused with a sentence beside the field."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from datetime import datetime
from typing import Any

from controlplane.access.models import User
from controlplane.lib.errors import Invalid
from controlplane.work import vocabulary
from controlplane.work.models import Item, Project

TITLE = 500
YEARS = (1900, 9000)
TEXT = 1_000_000
TEXTS = ("description", "design", "acceptance_criteria", "notes")
LINES = {
    "spec_id": 200,
    "assignee": 200,
    "owner": 200,
    "external_ref": 300,
    "source_system": 100,
    "kpi": 80,
    "readiness_artifact": 300,
    "backlog_category": 80,
    "evidence_url": 500,
    "closed_by_session": 200,
    "await_id": 200,
}
MOMENTS = ("due_at", "defer_until")
SCORES = ("impact", "effort")
GATE = "gate"
AWAITS = ("await_type", "await_id")
# What a caller may give when making or changing an item, beside title, status and labels.
FIELDS = (
    *TEXTS,
    *LINES,
    *MOMENTS,
    *SCORES,
    "title",
    "priority",
    "item_type",
    "estimated_minutes",
    "metadata",
    "ephemeral",
    "in_backlog",
    "stage",
    "await_type",
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BREAKS = re.compile(r"[\r\n\t\x0b\x0c\x85\u2028\u2029]+")
_EDGE = re.compile(r"[a-z][a-z0-9_-]{0,49}")
LABEL = 255
LABELS = 100


def refuse(field: str, sentence: str) -> Invalid:
    return Invalid(sentence, details={field: sentence})


def fields(project: Project, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every given field, checked."""
    unknown = sorted(set(given) - set(FIELDS))
    if unknown:
        raise refuse(unknown[0], f"There is no field {unknown[0]}.")
    return {name: _field(project, name, value) for name, value in given.items()}


def _field(project: Project, name: str, value: Any) -> Any:
    if name == "title":
        return title(value)
    if name == "priority":
        return priority(value)
    if name == "item_type":
        return item_type(project, value)
    if name in TEXTS:
        return text(name, value)
    if name in LINES:
        return line(name, value, LINES[name])
    if name in MOMENTS:
        return moment(name, value)
    if name in SCORES:
        return number(name, value, 1, 5)
    if name == "estimated_minutes":
        return number(name, value, 0, 2_000_000_000)
    if name == "metadata":
        return metadata(value)
    if name == "stage":
        return stage(value)
    if name == "await_type":
        return await_type(value)
    return flag(name, value)


def title(value: Any) -> str:
    said = _BREAKS.sub(" ", _string("title", value)).strip()
    if not said:
        raise refuse("title", "title is required")
    if len(said) > TITLE:
        raise refuse("title", f"title must be {TITLE} characters or less (got {len(said)})")
    return said


def text(name: str, value: Any) -> str:
    said = _string(name, value)
    if len(said) > TEXT:
        raise refuse(name, f"{name} is longer than {TEXT:,} characters.")
    return said


def line(name: str, value: Any, longest: int) -> str:
    said = _BREAKS.sub(" ", _string(name, value)).strip()
    if len(said) > longest:
        raise refuse(name, f"{name} is longer than {longest} characters.")
    return said


def _string(name: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise refuse(name, f"{name} is a text.")
    if _CONTROL.search(value):
        raise refuse(name, f"{name} holds control characters.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise refuse(name, f"{name} is not valid Unicode.") from error
    return value


def priority(value: Any) -> int:
    said = str(value).strip().upper().removeprefix("P")
    if isinstance(value, bool) or said not in {"0", "1", "2", "3", "4"}:
        raise refuse("priority", f"invalid priority {value!r} (expected 0-4 or P0-P4)")
    return int(said)


def item_type(project: Project, value: Any) -> str:
    said = line("issue_type", value, 50).lower()
    said = vocabulary.TYPE_ALIASES.get(said, said)
    if said in vocabulary.TYPES or said in project.custom_types:
        return said
    raise refuse("issue_type", f"invalid issue type: {said}")


def status(project: Project, value: Any) -> tuple[str, str]:
    """A status and what it means."""
    said = line("status", value, 50).lower().replace("-", "_")
    category = vocabulary.STATUSES.get(said) or project.custom_statuses.get(said)
    if category is None:  # a project's own may be written with a dash
        said = line("status", value, 50).lower()
        category = project.custom_statuses.get(said)
    if category is None:
        raise refuse("status", f"invalid status: {value}")
    return said, category


def flag(name: str, value: Any) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    raise refuse(name, f"{name} is true or false.")


def stage(value: Any) -> str:
    said = line("stage", value, 20)
    if said and said not in vocabulary.STAGES:
        raise refuse("stage", f"There is no stage {said}.")
    return said


def await_type(value: Any) -> str:
    said = line("await_type", value, 20).lower()
    if said and said not in vocabulary.AWAITED:
        known = ", ".join(vocabulary.AWAITED)
        raise refuse("await_type", f"invalid await type: {said} (one of {known})")
    return said


def leave_gate(item: Item, changed: dict[str, Any]) -> None:
    """What a gate waits for goes with its type, in the same step of its history: kept unseen, it
    would wait again for last year's run as soon as somebody calls the item a gate once more."""
    if item.item_type == GATE and changed.get("item_type", GATE) != GATE:
        for name in AWAITS:
            if getattr(item, name):
                changed.setdefault(name, "")


def check_gate(item: Item, given: Container[str]) -> None:
    """Only a gate waits for something outside, and it says for what kind of thing."""
    touched = [name for name in AWAITS if name in given]
    for name in touched:
        if getattr(item, name) and item.item_type != GATE:
            raise refuse(name, f"{name} is for items of the type gate.")
    if touched and item.await_id and not item.await_type:
        raise refuse("await_type", "await_id needs an await_type.")


def labels(given: Iterable[Any]) -> list[str]:
    found = set()
    for each in given:
        said = line("labels", each, LABEL)
        if said:
            found.add(said)
    if len(found) > LABELS:
        raise refuse("labels", f"At most {LABELS} labels.")
    return sorted(found)


def edge_kind(value: Any) -> str:
    said = line("type", value, 50).lower()
    if not _EDGE.fullmatch(said):
        raise refuse("type", f"invalid dependency type: {said or '(empty)'}")
    return said


def metadata(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise refuse("metadata", "metadata must be a JSON object")
    if _nul_inside(value):
        raise refuse("metadata", "metadata holds the character NUL.")
    return value


def _nul_inside(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_nul_inside(key) or _nul_inside(item) for key, item in value.items())
    if isinstance(value, list):
        return any(_nul_inside(item) for item in value)
    return False


def moment(name: str, value: Any) -> datetime | None:
    if value is None or value == "":
        return None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise refuse(name, f"{name} is a moment with its time zone.")
    if not YEARS[0] <= value.year < YEARS[1]:
        raise refuse(name, f"{name} lies outside the years {YEARS[0]} to {YEARS[1]}.")
    return value


def number(name: str, value: Any, least: int, most: int) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise refuse(name, f"{name} is a whole number from {least} to {most}.")
    return value


def account(assignee: str, workspace_id: int) -> User | None:
    """The member whom this name means, so that it is found under "mine"."""
    if "@" not in assignee:
        return None
    return User.objects.filter(
        email__iexact=assignee, is_active=True, memberships__workspace_id=workspace_id
    ).first()


def plain(item: Item, names: Iterable[str]) -> dict[str, Any]:
    """Some fields as the audit log keeps them."""
    shown = {}
    for name in names:
        value = getattr(item, name)
        shown[name] = value.isoformat() if isinstance(value, datetime) else value
    return shown
