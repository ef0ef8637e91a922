"""How a window stands, asked of the rows around it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from controlplane.access import policy
from controlplane.lib import clock
from controlplane.notify.models import Delivery, Notification
from controlplane.work.models import Item
from deployments.maintenance import numbers, plans
from deployments.models import MaintenanceWindow, Notice

LEADS = ("engineering_lead", "product_manager")
SENT_BY = {"email": "email", "chat": "channel", "inapp": "inbox"}


def tasks(window: MaintenanceWindow) -> list[Item]:
    """Its subtasks, in the order they were made."""
    if window.item_id is None:
        return []
    rows = Item.objects.filter(parent=window.item_id, workspace=window.workspace_id)
    return list(rows.select_related("assignee_user").defer("search").order_by("pk"))


def stays_open(item: Item) -> str:
    """For whoever closes it by hand: it is open until the watch of its window is over."""
    rows = MaintenanceWindow.objects.under_way().filter(item=item)
    found: MaintenanceWindow | None = rows.order_by("pk").first()
    if found is None:
        return ""
    return f"{found.ref} is {found.get_status_display().lower()}: it closes with that"


def service_ids(window: MaintenanceWindow) -> set[int]:
    return {part.service_id for part in window.parts.all()}


def in_the_way(
    window: MaintenanceWindow,
    *,
    under_way: bool = False,
    given: Iterable[int] | None = None,
    owner: str = "us",
) -> MaintenanceWindow | None:
    """Another window of the same services at that time; `under_way`: one that goes on now."""
    rows = MaintenanceWindow.objects.of(window.workspace_id).exclude(pk=window.pk or 0)
    rows = rows.filter(environment=window.environment_id, owner=owner).prefetch_related("parts")
    if under_way:
        rows = rows.filter(status="in_progress")
    else:
        rows = rows.holding().filter(starts_at__lt=window.ends_at, ends_at__gt=window.starts_at)
    mine = set(given) if given is not None else service_ids(window) if window.pk else set()
    for other in rows.order_by("starts_at", "pk"):
        theirs = service_ids(other)
        if not mine or not theirs or mine & theirs:
            found: MaintenanceWindow = other
            return found
    return None


def named(other: MaintenanceWindow) -> str:
    whose = "" if other.is_ours else f"{other.partner}: "
    return (
        f"{other.ref} “{whose}{other.title}”, {plans.span_words(other.starts_at, other.ends_at)}."
    )


def beside(window: MaintenanceWindow) -> list[str]:
    """What does not stand in the way and should be known: partners' windows, freezes."""
    from deployments.freezing import freeze_at

    found = []
    other = in_the_way(window, owner="partner") if window.is_ours else None
    if other is not None:
        found.append(f"At the same time: {named(other)}")
    freeze = freeze_at(window.workspace_id, window.environment_id, window.starts_at)
    if freeze is not None:
        found.append(f"It lies in the freeze “{freeze.title}”.")
    return found


# --- Notices ----------------------------------------------------------------------------------


def for_users(window: MaintenanceWindow) -> bool:
    """Whether users are told. Of planned work they always are."""
    return window.user_facing or not window.is_emergency


def notices(window: MaintenanceWindow) -> list[Notice]:
    return list(window.notices.filter(revision=window.revision).order_by("due_at", "pk"))


def unsaid(window: MaintenanceWindow, now: datetime | None = None) -> tuple[list[str], list[str]]:
    """Notices ahead of it that have not left in their time, or reached nobody they were sent to;
    and those whose time has not come. A kind that is missing everywhere is named once; one that
    came when it was too late to prepare is missing too."""
    now = now or clock.now()
    every = notices(window)
    rows = [row for row in every if row.kind in plans.AHEAD]
    wanted = plans.AHEAD if not window.is_emergency else ("planned",)
    have = {row.kind for row in rows}
    missing = [str(Notice.Kind(kind).label) for kind in wanted if kind not in have]
    lost = failed(row for row in rows if row.notification_id is not None)
    missing += _uncorrected(every)
    ahead: list[str] = []
    for kind in wanted:
        of_kind = [row for row in rows if row.kind == kind]
        missing += _too_late(window, of_kind)
        if of_kind and for_users(window) and not any(row.channel == "email" for row in of_kind):
            missing.append(f"{Notice.Kind(kind).label} by e-mail")
        late = [row for row in of_kind if row.state == "due" or row.pk in lost]
        if not late:
            continue
        label = str(Notice.Kind(kind).label)
        if all(row.state == "due" and row.due_at > now for row in late):
            ahead.append(label)
        elif len(late) == len(of_kind):
            missing.append(label)
        else:
            missing += [f"{label} by {row.get_channel_display().lower()}" for row in late]
    return missing, ahead


def _uncorrected(rows: Sequence[Notice]) -> list[str]:
    """Another time that nobody heard of; and with it what it said of what is to come."""
    said = [
        row
        for row in rows
        if row.kind == "correction" and row.notification_id and row.state in {"sent", "late"}
    ]
    lost = failed(said)
    return [str(Notice.Kind.CORRECTION.label)] if said and len(lost) == len(said) else []


def _too_late(window: MaintenanceWindow, of_kind: Sequence[Notice]) -> list[str]:
    """A week's or a day's notice that left with hardly any of it to go. What was due at once, for
    the time was near already, left in its time."""
    told = [row for row in of_kind if row.kind != "planned" and row.sent_at is not None]
    if not told:
        return []
    row = min(told, key=lambda row: row.sent_at or row.due_at)
    assert row.sent_at is not None
    least = (window.starts_at - row.due_at) * numbers.TELL_SHARE.value / 100
    left = window.starts_at - row.sent_at
    if left >= least:
        return []
    return [f"{row.get_kind_display()}, which left {_lasting(left)} before"]


def _lasting(left: timedelta) -> str:
    minutes = max(0, int(left.total_seconds() // 60))
    return f"{minutes // 60} h" if minutes >= 120 else f"{minutes} min"


def failed(rows: Iterable[Notice]) -> set[int]:
    """Those that left and came nowhere: every single delivery was given up."""
    known = [row for row in rows if row.channel in SENT_BY]
    figures = figures_of(known)
    lost = set()
    for row in known:
        counts = figures.get((row.notification_id, SENT_BY[row.channel]), {})
        dead = counts.get("dead", 0) + counts.get("rejected", 0)
        if dead and dead == sum(counts.values()):
            lost.add(row.pk)
    return lost


def figures_of(rows: Iterable[Notice]) -> dict[tuple[Any, str], dict[str, int]]:
    """(notification, method) -> how many deliveries are in which state."""
    from django.db.models import Count

    ids = {row.notification_id for row in rows if row.notification_id is not None}
    found: dict[tuple[Any, str], dict[str, int]] = {}
    if not ids:
        return found
    counted = (
        Delivery.objects.filter(notification__in=ids)
        .order_by()
        .values_list("notification", "method", "state")
        .annotate(number=Count("pk"))
    )
    for notification, method, state, number in counted:
        found.setdefault((notification, method), {})[state] = number
    return found


# --- Emergencies ------------------------------------------------------------------------------


def lead_key(window: MaintenanceWindow, role: str) -> str:
    return f"maintenance:{window.uid}:{role}"


def leads_untold(window: MaintenanceWindow) -> list[str]:
    keys = {lead_key(window, role): role for role in LEADS}
    rows = Notification.objects.filter(workspace_id=window.workspace_id, key__in=list(keys))
    told = set(rows.values_list("key", flat=True))
    return [str(policy.ROLES[role][0]) for key, role in keys.items() if key not in told]


def next_event(window: MaintenanceWindow, now: datetime) -> tuple[str, datetime] | None:
    """What happens next by itself, and when."""
    if window.status == "in_progress":
        return ("It should be done", window.ends_at)
    if window.status == "monitoring" and window.monitor_until is not None:
        return ("The watch ends", window.monitor_until)
    if window.status not in {"scheduled", "announced", "approved"}:
        return None
    ahead = [
        row
        for row in notices(window)
        if row.state == "due" and row.kind in plans.AHEAD and row.due_at < window.starts_at
    ]
    if ahead:
        return (f"Notice: {ahead[0].get_kind_display().lower()}", ahead[0].due_at)
    return ("It begins", window.starts_at)
