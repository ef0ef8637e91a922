"""Windows planned and changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.refs import subject_ref
from controlplane.base import refs
from controlplane.base.states import plain
from controlplane.catalog.models import Environment, Service
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.lib.redaction import redact_text
from controlplane.oncall import duty
from controlplane.work import services as work
from controlplane.work.models import Item
from deployments.maintenance import plans, standing
from deployments.maintenance.holding import hold, hold_place, require_status
from deployments.maintenance.noting import PORTAL, note
from deployments.maintenance.services import consent, notices, tasks
from deployments.maintenance.services.scheduling import take_time
from deployments.maintenance.services.storing import span, store
from deployments.models import MaintenanceWindow, WindowService
from deployments.services import reading

Kind, Owner = MaintenanceWindow.Kind, MaintenanceWindow.Owner


def _line(name: str, most: int) -> Callable[[Any], str]:
    return lambda value: redact_text(reading.line(name, value, most))[:most]


def _text(name: str) -> Callable[[Any], str]:
    return lambda value: redact_text(reading.text(name, value))


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise reading.refuse("user_facing", "True or false.")
    return value


READERS: dict[str, Callable[[Any], Any]] = {
    "title": lambda value: redact_text(reading.line("title", value, 200, required=True))[:200],
    "about": _text("about"),
    "rollback_plan": _text("rollback_plan"),
    "urgency": _line("urgency", 500),
    "impact": _line("impact", 500),
    "trigger": lambda value: reading.choice("trigger", value, MaintenanceWindow.Trigger.values),
    "user_facing": _flag,
    "watcher": lambda value: value,
}
FIELDS = frozenset(READERS)
# Nobody was asked consent to who watches; and it is known last.
LATE = frozenset({"watcher"})
CHANGE_STATES = (*("draft", "scheduled", "announced", "approved", "in_progress", "monitoring"),)


@transaction.atomic
def plan_window(
    workspace: Workspace,
    *,
    actor: Actor,
    title: str,
    environment: Environment,
    starts_at: datetime,
    ends_at: datetime,
    kind: str = "scheduled",
    partner: str = "",
    services: Iterable[Service] = (),
    templates: Iterable[str] = (),
    **given: Any,
) -> MaintenanceWindow:
    """A draft with its work item, and subtasks from templates. `partner`: whose it is, where it
    isn't ours. It takes nobody's time before it is scheduled."""
    policy.require(actor, "maintenance.plan", workspace)
    reading.environment(workspace.pk, environment)
    reading.choice("kind", kind, Kind.values)
    values = _read(workspace.pk, {"title": title, **given})
    start, end = span(starts_at, ends_at)
    whose = _line("partner", 120)(partner)
    row = MaintenanceWindow(
        workspace=workspace,
        environment=environment,
        kind=kind,
        owner=Owner.PARTNER if whose else Owner.US,
        partner=whose,
        starts_at=start,
        ends_at=end,
        created_by=actor.ref[:80],
        **values,
    )
    _whole(row)
    wanted = tasks.templates_of(templates)
    row.ref = str(refs.allocate(workspace.pk, "MNT"))
    row.save(force_insert=True)
    _put_parts(row, _services(workspace.pk, services))
    row.item = _open_item(row, actor)
    MaintenanceWindow.objects.filter(pk=row.pk).update(item=row.item)
    note(
        row,
        "maintenance.plan",
        actor=actor,
        said=f"{row.ref} is planned: {plans.span_words(start, end)}.",
        after={name: plain(value) for name, value in values.items()}
        | {"starts_at": plain(start), "ends_at": plain(end), "kind": kind, "partner": whose},
    )
    for template in wanted:
        tasks.lay_out(row, template, actor)
    return row


def _read(workspace_id: int, given: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(given) - FIELDS)
    if unknown:
        raise reading.refuse(unknown[0], "A window has no such field.")
    values = {name: READERS[name](value) for name, value in given.items()}
    reading.watcher(workspace_id, values.get("watcher"))
    return values


def _whole(row: MaintenanceWindow) -> None:
    """What its kind asks for."""
    if row.is_emergency and not row.is_ours:
        raise reading.refuse("partner", "An emergency is ours. A partner's window is scheduled.")
    if not row.is_emergency:
        if row.trigger:
            raise reading.refuse("trigger", "Only an emergency has one.")
        return
    if not row.trigger:
        raise reading.refuse(
            "trigger", "An emergency is for a vulnerability, data integrity or a partner's demand."
        )
    for name in ("urgency", "impact"):
        if not getattr(row, name):
            raise reading.refuse(name, "Say it: an emergency is assessed first.")


def _services(workspace_id: int, given: Iterable[Service]) -> list[Service]:
    found = list({each.pk: each for each in given}.values())
    for each in found:
        reading.same_workspace(workspace_id, service=each)
        if each.status != Service.Status.ACTIVE:
            raise reading.refuse("services", f"{each.name} is out of use.")
    return found


def _put_parts(row: MaintenanceWindow, services: Iterable[Service]) -> None:
    WindowService.objects.bulk_create(
        WindowService(
            window=row,
            service=each,
            environment_id=row.environment_id,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
        )
        for each in services
    )


def _open_item(row: MaintenanceWindow, actor: Actor) -> Item:
    """What it hangs on: type task, priority 2, label maintenance; an emergency's is urgent, and
    belongs to who is on call."""
    project = work.ensure_operations_project(row.workspace, actor=PORTAL)
    by = actor if policy.can(actor, "work.create", project) else PORTAL
    on_call = duty.on_duty("primary_operator", workspace=row.workspace) if row.is_emergency else []
    person = on_call[0].person if on_call else row.watcher
    return work.ensure(
        project,
        f"maintenance:{row.uid}",
        actor=by,
        title=f"{row.ref}: {row.title}"[:500],
        item_type="task",
        priority=0 if row.is_emergency else 2,
        labels=["maintenance", *(["hotfix"] if row.is_emergency else [])],
        description=row.about or f"Maintenance window {row.ref}.",
        subject=subject_ref(row),
        assignee=person.email if person is not None and row.is_emergency else "",
    ).item


@transaction.atomic
def change_window(
    window: MaintenanceWindow,
    *,
    actor: Actor,
    version: int | None = None,
    services: Iterable[Service] | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    **given: Any,
) -> MaintenanceWindow:
    """Say what it is. What consent was given to something else falls; another plan to go back has
    to be tested anew. Its time is changed here only while it is a draft."""
    policy.require(actor, "maintenance.change", window)
    row = hold(window, version=version)
    require_status(row, *CHANGE_STATES)
    values = _read(row.workspace_id, given)
    moved = (starts_at or row.starts_at, ends_at or row.ends_at)
    if moved != (row.starts_at, row.ends_at):
        require_status(row, "draft")
        values["starts_at"], values["ends_at"] = span(*moved)
    values = {name: value for name, value in values.items() if getattr(row, name) != value}
    parts = None if services is None else _services(row.workspace_id, services)
    if parts is not None and {each.pk for each in parts} == standing.service_ids(row):
        parts = None
    if not values and parts is None:
        return row
    if row.started_at is not None and (set(values) - LATE or parts is not None):
        raise Conflict(f"{row.ref} has begun: what it is can't be changed any more.")
    before = {name: plain(getattr(row, name)) for name in values}
    for name, value in values.items():
        setattr(row, name, value)
    _whole(row)
    if parts is not None or "starts_at" in values or "ends_at" in values:
        hold_place(row)  # before its request
    if set(values) - LATE or parts is not None:
        consent.fall(row, actor=actor, why="What it is was changed.")
    if "rollback_plan" in values and row.tested_in_staging:
        values |= {
            "tested_in_staging": False, "test_evidence": "", "tested_by": "", "tested_at": None,
        }  # fmt: skip
    store(row, values)
    if parts is not None:
        row.parts.all().delete()
        _put_parts(row, parts)
    if parts is not None or "starts_at" in values or "ends_at" in values:
        take_time(row)
    if values.get("user_facing") and row.revision:
        notices.reach_users(row, clock.now())
    note(
        row,
        "maintenance.change",
        actor=actor,
        before=before,
        after={name: plain(value) for name, value in values.items()}
        | ({"services": [each.slug for each in parts]} if parts is not None else {}),
    )
    return row
