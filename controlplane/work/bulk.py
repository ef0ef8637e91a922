"""One action on many items: the same service for each, each in its own transaction, with what is
needed to take it back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from controlplane.audit.services import record_denied
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, ControlPlaneError, NotAllowed
from controlplane.work import services
from controlplane.work.models import Item


@dataclass(slots=True)
class Report:
    done: list[Item] = field(default_factory=list)
    refused: list[tuple[Item, str]] = field(default_factory=list)
    # What was, and how each row can be known to be as it was left: for `take_back`.
    undo: list[dict[str, Any]] = field(default_factory=list)


Change = Callable[[Item, Actor, Any], Item]


def act(verb: str, items: Sequence[Item], value: Any, *, actor: Actor) -> Report:
    report = Report()
    before = {item.pk: _picture(item) for item in items}
    if verb == "close":
        _close(items, str(value), actor, report)
    else:
        for item in items:
            _each(item, lambda item: _CHANGES[verb](item, actor, value), report)
    for item in report.done:
        item.refresh_from_db(fields=["revision", "status", "labels"])
        was = before[item.pk]
        if was["before"] != item.revision:
            report.undo.append({"verb": verb, "item": item.pk, "revision": item.revision, **was})
    return report


def _close(items: Sequence[Item], reason: str, actor: Actor, report: Report) -> None:
    """Together: what closes here does not stand in the way of what it holds up."""
    try:
        closed = services.close_items(items, actor=actor, reason=reason)
    except NotAllowed as error:
        record_denied(error)
        report.refused = [(item, error.message) for item in items]
        return
    report.done = closed.closed
    report.refused = [(item, error.message) for item, error in closed.refused]


def _each(item: Item, change: Callable[[Item], Item], report: Report) -> None:
    try:
        with transaction.atomic():
            done = change(item)
    except NotAllowed as error:
        record_denied(error)
        report.refused.append((item, error.message))
    except ControlPlaneError as error:
        report.refused.append((item, error.message))
    else:
        report.done.append(done)


def _claim(item: Item, actor: Actor, value: Any) -> Item:
    return services.claim(item, actor=actor)


def _label(item: Item, actor: Actor, value: Any) -> Item:
    return services.update_item(item, actor=actor, add_labels=[str(value)])


def _priority(item: Item, actor: Actor, value: Any) -> Item:
    return services.update_item(item, actor=actor, priority=value)


def _defer(item: Item, actor: Actor, value: datetime | None) -> Item:
    return services.defer_item(item, actor=actor, until=value)


_CHANGES: dict[str, Change] = {
    "claim": _claim,
    "label": _label,
    "priority": _priority,
    "defer": _defer,
}


def _picture(item: Item) -> dict[str, Any]:
    """As plain values, to be kept in a session."""
    return {
        "was": item.status,
        "assignee": item.assignee,
        "priority": item.priority,
        "labels": list(item.labels),
        "defer_until": item.defer_until.isoformat() if item.defer_until else None,
        "before": item.revision,
    }


# --- Taking back ------------------------------------------------------------------------------


def take_back(kept: Sequence[dict[str, Any]], items: Sequence[Item], *, actor: Actor) -> Report:
    """Only what nobody has touched since: the others are refused, each with its reason."""
    report = Report()
    known = {item.pk: item for item in items}
    # Last done, first undone: a parent opens before its child.
    for entry in reversed(kept):
        item = known.get(entry["item"])
        if item is not None:
            _each(item, lambda item, entry=entry: _back(item, entry, actor), report)  # type: ignore[misc]
    return report


def _back(item: Item, entry: dict[str, Any], actor: Actor) -> Item:
    revision = entry["revision"]
    verb = entry["verb"]
    if verb == "close":
        item = services.reopen_item(item, actor=actor, revision=revision, reason="Taken back.")
        if entry["was"] != "open":
            item = services.update_item(item, actor=actor, status=entry["was"])
        return item
    if item.category == "done":
        raise Conflict(f"{item.key} was closed meanwhile.")
    given: dict[str, Any]
    if verb == "claim":
        given = {"status": entry["was"], "assignee": entry["assignee"]}
    elif verb == "label":
        given = {"set_labels": entry["labels"]}
    elif verb == "priority":
        given = {"priority": entry["priority"]}
    else:
        until = entry["defer_until"]
        given = {
            "status": entry["was"],
            "defer_until": datetime.fromisoformat(until) if until else None,
        }
    return services.update_item(item, actor=actor, revision=revision, **given)
