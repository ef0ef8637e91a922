"""Freezes: made, changed, ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.base.states import plain
from controlplane.catalog.models import Environment
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.lib.redaction import redact_text
from deployments.models import Freeze
from deployments.services import reading


@transaction.atomic
def make_freeze(
    workspace: Workspace,
    *,
    actor: Actor,
    title: str,
    reason: str,
    starts_at: datetime,
    ends_at: datetime,
    environments: Iterable[Environment] = (),
) -> Freeze:
    """Nothing goes out from then till then. Without environments it holds for all of them."""
    policy.require(actor, "freeze.manage", workspace)
    places = list(environments)
    for place in places:
        reading.same_workspace(workspace.pk, environment=place)
    row = Freeze(
        workspace=workspace,
        title=redact_text(reading.line("title", title, 120, required=True)),
        reason=reading.reason(redact_text(reason)),
        starts_at=_moment("starts_at", starts_at),
        ends_at=_moment("ends_at", ends_at),
        created_by=actor.ref[:80],
    )
    _in_order(row)
    if row.ends_at <= clock.now():
        raise reading.refuse("ends_at", "It is over already.")
    row.save(force_insert=True)
    row.environments.set(places)
    record(actor, "freeze.manage", row, after=_shown(row), reason=row.reason,
           details={"added": True})  # fmt: skip
    return row


def _moment(name: str, value: Any) -> datetime:
    found = reading.moment(name, value)
    if found is None:
        raise reading.refuse(name, "Missing.")
    return found


def _in_order(row: Freeze) -> None:
    if row.ends_at <= row.starts_at:
        raise reading.refuse("ends_at", "After it starts.")


@transaction.atomic
def change_freeze(
    freeze: Freeze,
    *,
    actor: Actor,
    version: int | None = None,
    environments: Iterable[Environment] | None = None,
    **given: Any,
) -> Freeze:
    policy.require(actor, "freeze.manage", freeze)
    row = _held(freeze, version)
    if row.ended_at is not None or row.ends_at <= clock.now():
        raise Conflict("It is over.")
    before = _shown(row)
    readers: dict[str, Callable[[Any], Any]] = {
        "title": lambda value: redact_text(reading.line("title", value, 120, required=True)),
        "reason": lambda value: reading.reason(redact_text(value)),
        "starts_at": lambda value: _moment("starts_at", value),
        "ends_at": lambda value: _moment("ends_at", value),
    }
    for name, value in given.items():
        if name not in readers:
            raise reading.refuse(name, "A freeze has no such field.")
        setattr(row, name, readers[name](value))
    _in_order(row)
    row.version += 1
    row.save()
    if environments is not None:
        places = list(environments)
        for place in places:
            reading.same_workspace(row.workspace_id, environment=place)
        row.environments.set(places)
    record(actor, "freeze.manage", row, before=before, after=_shown(row), reason=row.reason)
    return row


@transaction.atomic
def end_freeze(freeze: Freeze, *, actor: Actor, reason: str) -> Freeze:
    """Before its time. One that has not begun never will."""
    policy.require(actor, "freeze.manage", freeze)
    why = reading.reason(redact_text(reason))
    row = _held(freeze, None)
    now = clock.now()
    if row.ended_at is not None or row.ends_at <= now:
        raise Conflict("It is over.")
    row.ended_at = now
    row.version += 1
    row.save(update_fields=["ended_at", "version"])
    record(
        actor,
        "freeze.manage",
        row,
        before={"ended_at": None},
        after={"ended_at": plain(now)},
        reason=why,
        details={"off": True},
    )
    return row


def _held(freeze: Freeze, version: int | None) -> Freeze:
    row: Freeze = Freeze.objects.select_for_update(no_key=True).get(pk=freeze.pk)
    if version is not None and row.version != version:
        raise Conflict("Somebody changed it since you looked. Look again.")
    return row


def _shown(row: Freeze) -> dict[str, Any]:
    return {
        "title": row.title,
        "starts_at": plain(row.starts_at),
        "ends_at": plain(row.ends_at),
        "environments": sorted(row.environments.values_list("slug", flat=True)),
    }
