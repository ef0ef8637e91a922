"""Values of rows as the console shows them: which kind each is, so that templates can draw it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import label_for_field, lookup_field
from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist
from django.db import models
from django.utils.safestring import SafeString

from controlplane.access import policy
from controlplane.access.models import Agent, User
from controlplane.audit.models import AuditEvent
from controlplane.base.admin.words import label_of
from controlplane.console.kit import people, tones
from controlplane.lib import refs
from controlplane.lib.actors import Actor
from controlplane.lib.lasting import Lasting

STATES = frozenset({"state", "status", "health", "outcome", "lifecycle"})
SEVERITIES = frozenset({"severity", "urgency", "priority"})
OWNERS = frozenset({"owner", "owner_role", "assignee", "commander"})
# What only somebody looking for a trace reads: folded away under the facts.
TRACES = frozenset(
    {"uid", "key", "action", "request_id", "correlation_id", "actor_ref", "subject_ref", "number"}
    | {"key_id", "provider_id", "instance", "jti", "session_hash"}
)
# Never a fact: how rows are stored, counted and ordered.
UNSAID = frozenset({"id", "lease_token", "version", "order"})
CODES = frozenset({"key", "slug", "ref", "topic", "action", "kind", "uid", "prefix", "request_id"})
REFS = frozenset({"ref", "reference"})
# Times by which somebody has to act, with the word for it.
DEADLINES = {"due_at": "due", "expires_at": "expires", "next_run_at": "runs"}
LONG = 160
# What hold several roles or purposes each; and how long a word of a list may be.
NAMING_ROLES = frozenset({"at_once", "informed"})
NAMED = 60


@dataclass(frozen=True, slots=True)
class Cell:
    label: str
    name: str
    kind: str  # text state severity when lasting countdown bool number json person link html code
    # ref long none
    value: Any = None
    url: str = ""
    tone: str = ""  # of a state
    low: bool = False  # a phone leaves it to the row's page

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
    drawn = [
        (obj, [_cell(obj, name, labels[name], cl.model_admin) for name in names])
        for obj in cl.result_list
    ]
    people.look_up(cell.value for _, cells in drawn for cell in cells if cell.kind == "person")
    kept = _on_a_phone(cl.model_admin, [cells[1:] for _, cells in drawn])
    for obj, cells in drawn:
        rest = [cell if cell.name in kept else replace(cell, low=True) for cell in cells[1:]]
        yield Row(obj, obj.pk, cl.url_for_result(obj), cells[0], rest)


PHONE_COLUMNS = 2
_MARKS = frozenset({"state", "severity"})
_TIMES = frozenset({"when", "countdown", "lasting"})


def _on_a_phone(model_admin: Any, rows: Sequence[Sequence[Cell]]) -> frozenset[str]:
    """Which columns a phone shows under the first: the same ones for every row of the list."""
    if model_admin.phone_columns:
        return frozenset(model_admin.phone_columns)
    names = list(dict.fromkeys(cell.name for cells in rows for cell in cells))
    kinds: dict[str, set[str]] = {name: set() for name in names}
    for cells in rows:
        for cell in cells:
            kinds[cell.name].add(cell.kind)
    mark = [name for name in names if kinds[name] & _MARKS or name in STATES | SEVERITIES][:1]
    time = [name for name in names if kinds[name] & _TIMES][:1]
    others = [name for name in names if name not in {*mark, *time} and kinds[name] != {"none"}]
    return frozenset([*mark, *time, *others][: max(PHONE_COLUMNS, len(mark) + len(time))])


@dataclass(frozen=True, slots=True)
class Shown:
    """A row's page in words: what stands in its head, beside it, in the middle, folded away."""

    state: Cell | None
    severity: Cell | None
    owner: Cell | None
    clocks: Sequence[Cell]
    short: Sequence[Cell]
    long: Sequence[Cell]
    traces: Sequence[Cell]

    @property
    def has_head(self) -> bool:
        return bool(self.state or self.severity or self.owner or self.clocks)


def shown(model_admin: Any, obj: Any, names: Sequence[str], actor: Actor) -> Shown:
    """Every fact once: what the head says is not said again beside it.

    Which facts the head takes a `ModelAdmin` declares (`head_state`, `head_severity`,
    `head_owner`, `head_clocks`); a state, severity or owner among the facts goes there by its
    name.
    """
    found = facts(model_admin, obj, [name for name in names if name not in UNSAID], actor)
    by_name = {cell.name: cell for cell in found}

    def declared(name: str) -> Cell | None:
        if not name:
            return None
        cell = by_name.get(name) or facts(model_admin, obj, [name], actor)[0]
        return cell if cell.kind != "none" else None

    def named(names: frozenset[str]) -> Cell | None:
        return next((cell for cell in found if cell.name in names and cell.kind != "none"), None)

    state = _as_state(obj, declared(model_admin.head_state)) or named(STATES)
    severity = _as_severity(declared(model_admin.head_severity)) or named(SEVERITIES)
    owner = declared(model_admin.head_owner) or named(OWNERS)
    clocks = [cell for name in model_admin.head_clocks if (cell := declared(name))]
    heads = {cell.name for cell in (state, severity, owner, *clocks) if cell}
    rest = [cell for cell in found if cell.name not in heads and cell.kind != "none"]
    return Shown(
        state=state,
        severity=severity,
        owner=owner,
        clocks=clocks,
        short=[c for c in rest if c.kind not in {"json", "long"} and c.name not in TRACES],
        long=[c for c in rest if c.kind in {"json", "long"}],
        traces=[c for c in rest if c.kind not in {"json", "long"} and c.name in TRACES],
    )


def _as_state(obj: Any, cell: Cell | None) -> Cell | None:
    """What is declared to be a state is drawn as one, whatever its name."""
    if cell is None or cell.kind != "text":
        return cell
    tone = tones.state_tone(cell.value, obj._meta.label_lower)
    return replace(cell, kind="state", tone=tone)


def _as_severity(cell: Cell | None) -> Cell | None:
    return replace(cell, kind="severity") if cell and cell.kind == "text" else cell


# Beside a length of time that names its own.
_UNIT = re.compile(r",? \(?seconds\)?$")


def facts(model_admin: Any, obj: Any, names: Sequence[str], actor: Actor) -> list[Cell]:
    found = []
    for name in names:
        cell = _cell(obj, name, _label(name, model_admin), model_admin)
        if cell.kind == "link":
            cell = _linked(cell, actor)
        if cell.kind == "number" and name.endswith("_s"):
            cell = replace(cell, kind="duration", label=_UNIT.sub("", cell.label))
        found.append(cell)
    people.look_up(cell.value for cell in found if cell.kind == "person")
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
        return "day"
    if isinstance(value, timedelta):
        return "duration"
    if isinstance(value, Lasting):
        return "lasting"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, dict | list | tuple):
        return "json" if value else "none"
    text = str(value)
    if name in STATES:
        return _state_kind(name, text)
    if name.endswith("_by") or name == "by":
        return "person"
    if name in REFS and refs.parse(text) is not None:
        return "ref"
    if name in CODES:
        return "code"
    return "long" if len(text) > LONG or "\n" in text or isinstance(field, _LONG_TEXT) else "text"


_LONG_TEXT = models.TextField


def _state_kind(name: str, text: str) -> str:
    """That something simply went as it should is no state to mark: in a log it is every line."""
    return "text" if name == "outcome" and text.lower() == "done" else "state"


def _label(name: str, model_admin: Any) -> str:
    return label_of(model_admin, name, label_for_field(name, model_admin.model, model_admin))


def _cell(obj: Any, name: str, label: str, model_admin: Any) -> Cell:
    try:
        field, value = _looked_up(obj, name, model_admin)
    except (ObjectDoesNotExist, AttributeError):
        return Cell(label, name, "none")
    if field is not None and getattr(field, "choices", None):
        words = getattr(obj, f"get_{field.name}_display")()
        kind = _state_kind(name, str(value)) if name in STATES else "text"
        if name in SEVERITIES:
            kind = "severity"
        kind = kind if value not in (None, "") else "none"
        return Cell(label, name, kind, words, tone=_tone(obj, kind, value))
    if field is not None and field.is_relation and not isinstance(value, models.Model):
        value = getattr(obj, field.name, None)
    kind = kind_of(name, field, value)
    if kind == "json" and _are_words(value):
        called = policy.purpose_label if name in NAMING_ROLES else str
        value = ", ".join(map(called, value))
        kind = "text"
    if kind == "text" and name in SEVERITIES and value in tones.CODES:
        kind = "severity"
    if kind == "text" and _is_role(name):
        value = policy.purpose_label(str(value))
    tone = _tone(obj, kind, value)
    if kind == "text" and name in STATES:
        value = tones.state_words(value)
    # A deadline that no longer runs is a time like any other.
    if kind == "countdown" and _is_over(obj):
        kind = "when"
    return Cell(label, name, kind, value, tone=tone)


def _looked_up(obj: Any, name: str, model_admin: Any) -> tuple[Any, Any]:
    """As Django's `lookup_field`, which asks anew in each row what the column is."""
    field, relates = _field(obj._meta, name)
    if field is not None and not relates:
        return field, getattr(obj, name)
    method = getattr(model_admin, name, None) if field is None and name != "__str__" else None
    if callable(method):
        return None, method(obj)
    found, _, value = lookup_field(name, obj, model_admin)
    return found, value


@cache
def _field(meta: Any, name: str) -> tuple[Any, bool]:
    try:
        field = meta.get_field(name)
    except FieldDoesNotExist:
        return None, False
    return field, bool(field.is_relation)


def _tone(obj: Any, kind: str, value: Any) -> str:
    """By what is kept, not by the words for it."""
    return tones.state_tone(value, obj._meta.label_lower) if kind == "state" else ""


def _is_role(name: str) -> bool:
    return name in {"role", "purpose"} or name.endswith("_role")


def _are_words(value: Any) -> bool:
    """A short list of words reads as one line; anything deeper is a tree."""
    return isinstance(value, list | tuple) and all(
        isinstance(each, str) and each and len(each) <= NAMED for each in value
    )


_OVER = frozenset(
    {"leased", "done", "dead", "cancelled", "closed", "revoked", "complete", "sent", "failed"}
)


def _is_over(obj: Any) -> bool:
    state = getattr(obj, "state", None) or getattr(obj, "status", None)
    ended = any(getattr(obj, name, None) for name in ("finished_at", "revoked_at", "closed_at"))
    return ended or state in _OVER or getattr(obj, "enabled", True) is False


def _linked(cell: Cell, actor: Actor) -> Cell:
    model_admin = admin.site._registry.get(type(cell.value))
    action = getattr(model_admin, "view_action", None)
    if model_admin is None or action is None or not policy.can(actor, action, cell.value):
        return cell
    url = model_admin.object_url(cell.value)  # type: ignore[attr-defined]
    return Cell(cell.label, cell.name, cell.kind, cell.value, url)
