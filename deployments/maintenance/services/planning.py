"""Windows planned, changed, given a time, moved, cancelled."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.refs import subject_ref
from controlplane.base import refs
from controlplane.base.states import advance, plain
from controlplane.catalog.models import Environment, Service
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.lib.redaction import redact_text
from controlplane.oncall import duty
from controlplane.work import services as work
from controlplane.work.models import Item
from deployments.maintenance import checks, numbers, plans, standing, telling
from deployments.maintenance.holding import hold, hold_place, require_status
from deployments.maintenance.noting import PORTAL, emit, note, say
from deployments.maintenance.services import consent, notices, tasks
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
    start, end = _span(starts_at, ends_at)
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


def _span(starts_at: Any, ends_at: Any) -> tuple[datetime, datetime]:
    start, end = reading.moment("starts_at", starts_at), reading.moment("ends_at", ends_at)
    if start is None or end is None:
        raise reading.refuse("starts_at" if start is None else "ends_at", "Missing.")
    if end <= start:
        raise reading.refuse("ends_at", "After it begins.")
    if end - start > timedelta(hours=numbers.LONGEST_HOURS.value):
        raise reading.refuse("ends_at", f"At most {numbers.LONGEST_HOURS.value} hours.")
    if start > clock.now() + timedelta(days=numbers.FURTHEST_DAYS.value):
        raise reading.refuse("starts_at", "That is years ahead.")
    return start, end


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
    person = row.watcher or (on_call[0].person if on_call else None)
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
        values["starts_at"], values["ends_at"] = _span(*moved)
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
    if set(values) - LATE or parts is not None:
        consent.fall(row, actor=actor, why="What it is was changed.")
    if "rollback_plan" in values and row.tested_in_staging:
        values |= {
            "tested_in_staging": False, "test_evidence": "", "tested_by": "", "tested_at": None,
        }  # fmt: skip
    _write(row, values)
    if parts is not None:
        row.parts.all().delete()
        _put_parts(row, parts)
    if parts is not None or "starts_at" in values or "ends_at" in values:
        take_time(row)
    note(
        row,
        "maintenance.change",
        actor=actor,
        before=before,
        after={name: plain(value) for name, value in values.items()}
        | ({"services": [each.slug for each in parts]} if parts is not None else {}),
    )
    return row


def _write(row: MaintenanceWindow, values: dict[str, Any]) -> None:
    values = {**values, "changed_at": clock.now()}
    MaintenanceWindow.objects.filter(pk=row.pk).update(**values, version=F("version") + 1)
    for name, value in values.items():
        setattr(row, name, value)
    row.version += 1


def take_time(row: MaintenanceWindow) -> None:
    """Its services carry its time; while it holds them, the database lets no other window in."""
    holds = row.is_ours and row.status in ("scheduled", "announced", "approved", "in_progress")
    hold_place(row)
    if holds:
        checks.require(
            [check for check in checks.before_schedule(row) if check.slug == "apart"],
            "It would be in the way of another.",
        )
    try:
        with transaction.atomic():
            row.parts.update(starts_at=row.starts_at, ends_at=row.ends_at, holds=holds)
    except IntegrityError as error:
        if "window_service_apart" not in str(error):
            raise
        raise Conflict("Another window has one of these services then.") from None


# --- Its time ---------------------------------------------------------------------------------


@transaction.atomic
def schedule(
    window: MaintenanceWindow,
    *,
    actor: Actor,
    override: str = "",
    version: int | None = None,
) -> MaintenanceWindow:
    """Give it the time it has. Every notice is laid out with it. `override`: why it goes without
    the two weeks or the quiet hours, from those who may say so."""
    policy.require(actor, "maintenance.plan", window)
    row = hold(window, version=version)
    require_status(row, "draft")
    now = clock.now()
    _may_have(row, actor, override, now)
    advance(row, "scheduled", actor=actor, changes={"revision": 1, "changed_at": now})
    take_time(row)
    notices.lay_out(row, now)
    if row.is_emergency:
        telling.tell_leads(row)
    if not row.is_ours:
        _partner_said(row)
    say(row, f"Scheduled: {plans.span_words(row.starts_at, row.ends_at)}.", actor=actor)
    notices.say_ahead(row, now)
    return row


def _partner_said(row: MaintenanceWindow) -> None:
    """An alert of the mildest kind for those who watch; users read of it by the notices."""
    emit(row, "maintenance.partner")
    telling.tell(
        row, "maintenance.partner", f"partner:{row.revision}",
        roles=["primary_operator", "release_manager"], channels=False,
    )  # fmt: skip


def _may_have(row: MaintenanceWindow, actor: Actor, override: str, now: datetime) -> None:
    """Whether it may have the time that it has. Emergencies go without the rules, on record."""
    hold_place(row)
    why = redact_text(reading.line("override", override, reading.REASON))
    found = checks.before_schedule(row, now)
    broken = [check.slug for check in found if check.slug in {"lead", "hours"}
              and check.stands_in_the_way]  # fmt: skip
    if broken and why:
        policy.require(actor, "maintenance.waive", row)
        waive_rules(row, broken, why, actor)
        found = checks.before_schedule(row, now)
    checks.require(found, "It can't have this time.")
    if row.is_emergency:
        rules = ["lead", "hours", "tested"]
        waive_rules(row, [rule for rule in rules if row.waiver(rule) is None],
                    f"Emergency: {row.urgency}"[:500], actor)  # fmt: skip


def waive_rules(row: MaintenanceWindow, rules: Iterable[str], reason: str, actor: Actor) -> None:
    """Put it on the record. Callers hold the window and have asked who may."""
    fresh = [
        {"rule": rule, "reason": reason, "by": actor.ref[:80], "at": clock.now().isoformat()}
        for rule in rules
    ]
    if not fresh:
        return
    taken = {each["rule"] for each in fresh}
    _write(row, {"waived": [each for each in row.waived if each["rule"] not in taken] + fresh})
    note(
        row,
        "maintenance.waive",
        actor=actor,
        said="".join(
            f"Goes without the rule “{checks.WAIVABLE[each['rule']]}”: {reason}\n" for each in fresh
        ),
        after={"waived": sorted(taken)},
        reason=reason,
    )


@transaction.atomic
def reschedule(
    window: MaintenanceWindow,
    *,
    actor: Actor,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    override: str = "",
    version: int | None = None,
) -> MaintenanceWindow:
    """Another time. Whoever was told of the old one is told at once; consent was to the old time,
    and so were exceptions made for it."""
    policy.require(actor, "maintenance.change", window)
    why = reading.reason(redact_text(reason))
    row = hold(window, version=version)
    require_status(row, "scheduled", "announced", "approved")
    start, end = _span(starts_at, ends_at)
    if (start, end) == (row.starts_at, row.ends_at):
        return row
    now = clock.now()
    before = plans.span_words(row.starts_at, row.ends_at)
    old = {"starts_at": plain(row.starts_at), "ends_at": plain(row.ends_at)}
    consent.fall(row, actor=actor, why="It has another time.")
    notices.forget(row)
    told = notices.was_told(row)
    kept = [each for each in row.waived if each["rule"] not in {"lead", "hours", "notices"}]
    _write(row, {"starts_at": start, "ends_at": end, "revision": row.revision + 1, "waived": kept})
    _may_have(row, actor, override, now)
    take_time(row)
    notices.lay_out(row, now)
    note(
        row,
        "maintenance.move",
        actor=actor,
        said=f"Moved from {before} to {plans.span_words(start, end)}: {why}",
        before=old,
        after={"starts_at": plain(start), "ends_at": plain(end)},
        reason=why,
    )
    if not row.is_ours:
        _partner_said(row)
    if told:
        _correct(row, now, before, why)
    notices.say_ahead(row, now)
    return row


def _correct(row: MaintenanceWindow, now: datetime, before: str, why: str) -> None:
    """The correction says all that is due by now: nobody reads two messages of one change."""
    due = row.notices.filter(revision=row.revision, kind__in=plans.AHEAD).due(now)
    folded = sorted(set(due.values_list("kind", flat=True)))
    notices.send(row, "correction", now, folded=folded, before=before, why=why)
    notices.told(row)


@transaction.atomic
def cancel(
    window: MaintenanceWindow, *, actor: Actor, reason: str, version: int | None = None
) -> MaintenanceWindow:
    """It will not be. Whoever was told of it is told so."""
    why = reading.reason(redact_text(reason))
    row = hold(window, version=version)
    if row.started_at is not None:
        raise Conflict(f"{row.ref} has begun: finish it, or roll it back.")
    now = clock.now()
    consent.withdraw(row, actor=actor, why=why)
    row.refresh_from_db(fields=["status", "version"])
    changes = {"closed_at": now, "close_reason": why, "changed_at": now}
    advance(row, "cancelled", actor=actor, reason=why, changes=changes)
    told = notices.was_told(row)
    notices.forget(row)
    row.parts.update(holds=False)
    if told:
        notices.send(row, "cancelled", now, why=why)
    say(
        row,
        f"{row.ref} is cancelled: {why}",
        actor=actor,
        parts=f"{row.ref} is cancelled.",
        close=f"Cancelled: {why}",
    )
    return row
