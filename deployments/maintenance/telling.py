"""The words of maintenance, and who reads them. News are rows, written with the change; sending is
the outbox's."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from controlplane.access.models import Grant
from controlplane.audit.refs import subject_ref
from controlplane.notify import wording
from controlplane.notify.models import Notification
from controlplane.notify.services import To, notify
from controlplane.oncall.walls import local_of, zone_of
from deployments.maintenance import links, plans
from deployments.maintenance.standing import LEADS, lead_key
from deployments.models import MaintenanceWindow

STAKEHOLDERS = ("release_manager", "engineering_lead", "product_manager")
_BODY = "{when}\nConcerned: {concerned}\n\n{about}\n\n{late}"

for _kind, _label, _subject, _text in (
    ("planned", "Maintenance is planned", "Maintenance on {day}: {title}", _BODY),
    ("week", "Maintenance in a week", "Maintenance in a week, on {day}: {title}", _BODY),
    ("day", "Maintenance within a day", "Maintenance on {day}: {title}", _BODY),
    ("start", "Maintenance begins", "Maintenance begins: {title}", _BODY),
    ("done", "Maintenance is over", "Maintenance is over: {title}",
     "{outcome}\nConcerned: {concerned}\n\n{late}"),
    ("correction", "Maintenance has another time", "Moved to {day}: {title}",
     "It was to be {before}. Now: {when}\nWhy: {why}\nConcerned: {concerned}\n\n{about}\n\n{late}"),
    ("missed", "Maintenance did not begin", "Did not begin: {title}",
     "It was to be {when}. Nothing was done, and nothing was away for it. When it has another time"
     " you read of it.\nConcerned: {concerned}"),
    ("cancelled", "Maintenance is cancelled", "Cancelled: {title}",
     "It was to be {when}. {why}\nConcerned: {concerned}"),
):  # fmt: skip
    wording.register(f"maintenance.{_kind}", _label, subject=_subject, body=_text)
wording.register(
    "maintenance.emergency",
    "Emergency maintenance is scheduled",
    subject="Emergency maintenance {ref}: {title}",
    body="{when}\nTrigger: {trigger}. Urgency: {urgency}\nImpact: {impact}\nConcerned: {concerned}",
)
wording.register(
    "maintenance.partner",
    "A partner plans maintenance",
    subject="{partner} plans maintenance on {day}: {title}",
    body="{when}\nConcerned: {concerned}\n\n{about}",
)
wording.register(
    "maintenance.unstarted",
    "Announced maintenance has not begun",
    subject="{ref} should have begun: {title}",
    body="{when}\nStart it, give it another time, or cancel it: everybody was told of it.",
)
wording.register(
    "maintenance.overdue",
    "Maintenance takes longer than planned",
    subject="{ref} should be done: {title}",
    body="It was to end by now. Say when it will be done, or roll it back.",
)
wording.register(
    "maintenance.closable",
    "The watch after maintenance is over",
    subject="{ref} can be closed: {title}",
    body="Four hours are over. Close the subtasks that are open, then the window.",
)
wording.register(
    "maintenance.quarter",
    "No maintenance is planned this quarter",
    subject="No maintenance is planned in {quarter}",
    body="The playbook plans one each quarter, two weeks ahead. Work item: {item}.",
)


def members(workspace_id: int) -> list[int]:
    """Everybody who works there: whom maintenance concerns."""
    held = Grant.objects.held().filter(membership__workspace_id=workspace_id)
    return list(held.order_by().values_list("membership__user_id", flat=True).distinct())


def concerned(window: MaintenanceWindow) -> str:
    rows = window.parts.select_related("service").order_by("service__name")
    names = [part.service.name for part in rows]
    return f"{', '.join(names) or 'everything'} in {window.environment}"


def when_words(window: MaintenanceWindow) -> str:
    """In UTC, and by the workspace's own clock where that shows another time."""
    said = plans.span_words(window.starts_at, window.ends_at)
    zone = zone_of(window.workspace.time_zone)
    first, last = local_of(window.starts_at, zone), local_of(window.ends_at, zone)
    if first == window.starts_at.replace(tzinfo=None):
        return said
    return f"{said} ({first:%a %H:%M} to {last:%H:%M} in {zone.key})"


def values_of(window: MaintenanceWindow, **more: Any) -> dict[str, Any]:
    return {
        "ref": window.ref,
        "title": window.title if window.is_ours else f"{window.partner}: {window.title}",
        "day": f"{window.starts_at:%a} {window.starts_at.day} {window.starts_at:%b, %H:%M} UTC",
        "when": when_words(window),
        "concerned": concerned(window),
        "about": window.about or window.title,
        "partner": window.partner,
        "trigger": window.get_trigger_display(),
        "urgency": window.urgency,
        "impact": window.impact,
        "late": "",
        "why": "",
        "before": "",
        "outcome": "",
        **more,
    }


def late_words(since: datetime | None) -> str:
    if since is None:
        return ""
    return f"This was to reach you {since:%Y-%m-%d %H:%M} UTC. It comes late; we are sorry."


def announce(
    window: MaintenanceWindow, kind: str, *, users: bool, newly: bool = False, **more: Any
) -> Notification:
    """By e-mail, into the inbox, and into the channels: one piece of news, however often asked.
    `newly`: to those who were not told of it while users noticed nothing."""
    people = members(window.workspace_id) if users else _team(window)
    if newly:
        people = sorted(set(people) - set(_team(window)))
    return notify(
        workspace_id=window.workspace_id,
        kind=f"maintenance.{kind}",
        to=To(users=people, channels=() if newly else None),
        key=f"maintenance:{window.uid}:{window.revision}:{kind}{':users' if newly else ''}",
        values=values_of(window, **more),
        link=links.window(window),
        about=subject_ref(window),
    )


def _team(window: MaintenanceWindow) -> list[int]:
    """Those who work on it, where users notice nothing."""
    held = Grant.objects.held().filter(
        membership__workspace_id=window.workspace_id, role__in=[*STAKEHOLDERS, "primary_operator"]
    )
    return list(held.order_by().values_list("membership__user_id", flat=True).distinct())


def tell(
    window: MaintenanceWindow,
    kind: str,
    name: str,
    *,
    roles: Iterable[str] = STAKEHOLDERS,
    urgent: bool = False,
    channels: bool = False,
    **more: Any,
) -> Notification:
    people = [window.watcher_id] if window.watcher_id else []
    return notify(
        workspace_id=window.workspace_id,
        kind=kind,
        to=To(users=people, roles=list(roles), channels=None if channels else ()),
        key=name if name.startswith("maintenance:") else f"maintenance:{window.uid}:{name}",
        values=values_of(window, **more),
        urgency="critical" if urgent else "normal",
        link=links.window(window),
        about=subject_ref(window),
    )


def tell_leads(window: MaintenanceWindow) -> None:
    """Before it begins: the engineering lead and the product manager, each by news of their own."""
    for role in LEADS:
        key = lead_key(window, role)
        tell(window, "maintenance.emergency", key, roles=[role], urgent=True)
