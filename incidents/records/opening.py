"""An incident is opened: its row, its item, its clocks, who is told and who is called, in one
transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.refs import subject_ref
from controlplane.base import refs
from controlplane.base.states import plain
from controlplane.catalog.models import Environment, Service
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.lib.given import line, refuse, text
from controlplane.lib.redaction import redact_text
from controlplane.work import services as work
from controlplane.work.models import Item
from controlplane.work.services import graph
from incidents.models import Incident, SeverityLevel
from incidents.paging import preview, runs
from incidents.records import calling, clocks, levels, related, telling
from incidents.records.noting import PORTAL, note
from incidents.runbooks import books

# (incident) -> what follows from its opening, in the same transaction; it refuses nothing.
ALONG: list[Callable[[Incident], None]] = []


@transaction.atomic
def open_incident(
    workspace: Workspace,
    *,
    actor: Actor,
    title: str,
    severity: str,
    category: str = "service",
    origin: str = "person",
    service: Service | None = None,
    environment: Environment | None = None,
    group_key: str = "",
    policy_slug: str = "",
    notify_roles: Sequence[str] = (),
    labels: Sequence[str] = (),
    summary: str = "",
    symptoms: str = "",
    started_at: datetime | None = None,
    runbook: str = "",
    item_priority: int | None = None,
    pages: bool = True,
) -> Incident:
    """A new one. `group_key`: of all that share it one is open at a time (`Conflict`).

    `policy_slug`, `notify_roles`: whom to call where that differs from what its level says.
    `item_priority`: its work item is at least as urgent."""
    policy.require(actor, "incident.open", workspace)
    graph.lock(workspace.pk)
    level = levels.level(workspace.pk, severity)
    _here(workspace, service=service, environment=environment)
    now = clock.now()
    row = Incident(
        workspace=workspace,
        title=redact_text(line("title", title, 200, required=True))[:200],
        severity=level.code,
        category=_one_of("category", category, Incident.Category.values),
        origin=_one_of("origin", origin, Incident.Origin.values),
        group_key=group_key[:300],
        service=service,
        environment=environment,
        summary=redact_text(text("summary", summary, 8000)),
        symptoms=redact_text(text("symptoms", symptoms, 4000)),
        runbook=_runbook(workspace, runbook, actor),
        started_at=_began(started_at, now),
        detected_at=now,
        opened_at=now,
        created_by=actor.ref[:80],
    )
    row.ref = str(refs.allocate(workspace.pk, "INC"))
    _insert(row)
    row.item = _item(row, level, labels, item_priority)
    Incident.objects.filter(pk=row.pk).update(item=row.item)
    note(
        row, "incident.open", actor=actor,
        said=f"{row.ref} is open as {level.title}: {row.title}",
        after={"title": row.title, "severity": row.severity, "category": row.category,
               "service": plain(service), "group": row.group_key},
    )  # fmt: skip
    related.link(row)
    clocks.set_all(row, level)
    for follow in ALONG:
        follow(row)
    if not (pages and level.pages):
        telling.opened(row, level, notify_roles, on_call=preview.on_call(workspace.pk))
        return row
    chosen = policy_slug or level.policy
    also = (*level.at_once, *notify_roles, *calling.specialists(row.category))
    called = preview.called_first(workspace.pk, chosen, also)
    telling.opened(row, level, notify_roles, called=called)
    runs.begin(row, policy=chosen, why="opened", actor=actor, also=also)
    return row


def _insert(row: Incident) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if "incident_open_once" not in str(error):
            raise
        raise Conflict("An incident of this group is open already.") from None


def _item(row: Incident, level: SeverityLevel, labels: Sequence[str], least: int | None) -> Item:
    project = work.ensure_operations_project(row.workspace, actor=PORTAL)
    said = "\n\n".join(part for part in (row.summary, row.symptoms) if part)
    return work.open_item(
        project,
        subject=subject_ref(row),
        actor=PORTAL,
        title=f"{row.ref}: {row.title}"[:200],
        item_type="incident",
        priority=level.item_priority if least is None else min(least, level.item_priority),
        labels=sorted({"incident", row.severity, *labels}),
        description=said or f"{row.ref} stands for it.",
        status="in_progress",
    )


def _here(workspace: Workspace, **rows: Any) -> None:
    for name, row in rows.items():
        if row is not None and row.workspace_id != workspace.pk:
            raise refuse(name, "There is none of that name here.")


def _one_of(field: str, value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise refuse(field, f"One of {', '.join(known)}.")
    return value


def _runbook(workspace: Workspace, name: str, actor: Actor) -> str:
    """Whoever names one names one that there is. What a rule names must not keep an incident from
    being opened."""
    name = line("runbook", name, 60)
    if name and actor.kind != "job" and not books.is_known(workspace.pk, name):
        raise refuse("runbook", f"There is no runbook {name} here.")
    return name


def _began(value: datetime | None, now: datetime) -> datetime | None:
    if value is not None and value > now:
        raise refuse("started_at", "It can't have begun later than now.")
    return value
