"""Values of rows as the console shows them: which kind each is, so that templates can draw it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import label_for_field, lookup_field
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.utils.safestring import SafeString

from controlplane.access import policy
from controlplane.access.models import Agent, User
from controlplane.audit.models import AuditEvent
from controlplane.lib.actors import Actor

STATES = frozenset({"state", "status", "health", "outcome", "lifecycle"})
CODES = frozenset({"key", "slug", "ref", "topic", "action", "kind", "uid", "prefix", "request_id"})
# Times by which somebody has to act, with the word for it.
DEADLINES = {"due_at": "due", "expires_at": "expires"}
LONG = 160


@dataclass(frozen=True, slots=True)
class Cell:
    label: str
    name: str
    kind: str  # text state when countdown bool number json person link html code long none
    value: Any = None
    url: str = ""

    @property
    def verb(self) -> str:
        return DEADLINES.get(self.name, "due")


@dataclass(frozen=True, slots=True)
class Row:
    obj: Any
    key: Any
    url: str
    first: Cell
    rest: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Header:
    label: str
    name: str
    number: bool
    sort_url: str = ""
    sorted: str = ""  # "ascending", "descending" or nothing


def rows(cl: Any) -> Iterator[Row]:
    names = [name for name in cl.list_display if name != "action_checkbox"]
    labels = {name: _label(name, cl.model_admin) for name in names}
    for obj in cl.result_list:
        cells = [_cell(obj, name, labels[name], cl.model_admin) for name in names]
        yield Row(obj, obj.pk, cl.url_for_result(obj), cells[0], cells[1:])


def facts(model_admin: Any, obj: Any, names: Sequence[str], actor: Actor) -> list[Cell]:
    found = []
    for name in names:
        cell = _cell(obj, name, _label(name, model_admin), model_admin)
        if cell.kind == "link":
            cell = _linked(cell, actor)
        found.append(cell)
    return found


def kind_of(name: str, field: Any, value: Any) -> str:
    """The kind by the value first, for a method of the admin has no field."""
    if value is None or value == "":
        return "none"
    if isinstance(value, SafeString):
        return "html"
    if isinstance(value, bool):
        return "bool"
    # An audit event as a value stands for whoever did it.
    if isinstance(value, User | Agent | Actor | AuditEvent):
        return "person"
    if isinstance(value, models.Model):
        return "link"
    if isinstance(value, datetime):
        return "countdown" if name in DEADLINES else "when"
    if isinstance(value, date):
        return "text"
    if isinstance(value, timedelta):
        return "duration"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, dict | list | tuple):
        return "json" if value else "none"
    if name in STATES:
        return "state"
    text = str(value)
    if name in CODES:
        return "code"
    return "long" if len(text) > LONG or "\n" in text or isinstance(field, _LONG_TEXT) else "text"


_LONG_TEXT = models.TextField


def _label(name: str, model_admin: Any) -> str:
    return short_label(name, str(label_for_field(name, model_admin.model, model_admin)))


def short_label(name: str, label: str) -> str:
    """A time needs no "at": "Opened" says it."""
    return label.removesuffix(" at") if name.endswith("_at") else label


def _cell(obj: Any, name: str, label: str, model_admin: Any) -> Cell:
    try:
        field, _, value = lookup_field(name, obj, model_admin)
    except (ObjectDoesNotExist, AttributeError):
        return Cell(label, name, "none")
    if field is not None and getattr(field, "choices", None):
        words = getattr(obj, f"get_{field.name}_display")()
        kind = "state" if name in STATES else "text"
        return Cell(label, name, kind if value not in (None, "") else "none", words)
    if field is not None and field.is_relation and not isinstance(value, models.Model):
        value = getattr(obj, field.name, None)
    kind = kind_of(name, field, value)
    # A deadline that no longer runs is a time like any other.
    if kind == "countdown" and _is_over(obj):
        kind = "when"
    return Cell(label, name, kind, value)


_OVER = frozenset(
    {"leased", "done", "dead", "cancelled", "closed", "revoked", "complete", "sent", "failed"}
)


def _is_over(obj: Any) -> bool:
    state = getattr(obj, "state", None) or getattr(obj, "status", None)
    ended = any(getattr(obj, name, None) for name in ("finished_at", "revoked_at", "closed_at"))
    return ended or state in _OVER


def _linked(cell: Cell, actor: Actor) -> Cell:
    model_admin = admin.site._registry.get(type(cell.value))
    action = getattr(model_admin, "view_action", None)
    if model_admin is None or action is None or not policy.can(actor, action, cell.value):
        return cell
    url = model_admin.object_url(cell.value)  # type: ignore[attr-defined]
    return Cell(cell.label, cell.name, cell.kind, cell.value, url)
