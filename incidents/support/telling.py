"""Who of the house hears of a ticket. News are rows; sending is the outbox's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from controlplane.access.models import Grant
from controlplane.access.services import leaving
from controlplane.audit.refs import subject_ref
from controlplane.notify import wording
from controlplane.notify.models import Notification, Urgency
from controlplane.notify.services import To, notify
from incidents import links
from incidents.models import Ticket

DESK = ("primary_operator",)  # who answers where nobody is named yet
_LINES = "{text}\n\nFrom {who}. {priority}, {category}."
wording.register("ticket.opened", "A ticket was opened", subject="{ref} {priority}: {title}",
                 body=_LINES)  # fmt: skip
wording.register("ticket.assigned", "A ticket is yours", subject="{ref} is yours: {title}",
                 body=_LINES)  # fmt: skip
wording.register("ticket.said", "Whoever asked has written again",
                 subject="{ref} has an answer: {title}", body=_LINES)  # fmt: skip
wording.register("ticket.moved", "A ticket came to another state",
                 subject="{ref} {what}: {title}", body="{text}")  # fmt: skip
wording.register("ticket.near", "A promise of a ticket runs out soon",
                 subject="{ref}: {what} by {at} UTC: {title}",
                 body="Open it and keep what was promised.")  # fmt: skip
wording.register("ticket.missed", "A promise of a ticket was missed",
                 subject="{ref}: {what}: {title}", body="{text}")  # fmt: skip
MOST_TEXT = 1_500


def told(
    row: Ticket,
    kind: str,
    *,
    key: str,
    users: Iterable[int | None] = (),
    roles: Iterable[str] = (),
    urgent: bool = False,
    channels: bool = False,
    fallback: bool = True,
    **values: object,
) -> Notification:
    """`roles` nobody holds are left out; with `fallback` the desk hears of it where nobody is left.
    The same key again is the same news."""
    people = sorted({pk for pk in users if pk is not None})
    asked = held(row.workspace_id, roles)
    if not people and not asked and fallback:
        asked = list(DESK)
    return notify(
        workspace_id=row.workspace_id,
        kind=kind,
        to=To(users=people, roles=asked, channels=None if channels else ()),
        key=f"{kind}:{row.uid}:{key}"[:200],
        values={**values_of(row), **values},
        urgency=Urgency.CRITICAL if urgent else Urgency.NORMAL,
        link=links.page_of(row),
        about=subject_ref(row),
    )


def values_of(row: Ticket) -> Mapping[str, object]:
    return {
        "ref": row.ref, "title": row.subject, "priority": row.get_priority_display(),
        "category": row.get_category_display(), "who": name_of(row), "text": "", "what": "",
        "at": "",
    }  # fmt: skip


def name_of(row: Ticket) -> str:
    """Whoever asked, by name."""
    if row.requester is not None:
        return str(row.requester.name)
    if row.contact is not None:
        return row.contact.name
    if row.requester_email.endswith(f"@{leaving.ERASED}"):
        return leaving.NAME
    return row.requester_name or row.requester_email


def address_of(row: Ticket) -> str:
    """Where answers go; empty where whoever asked reads them elsewhere."""
    if row.requester_email:
        return row.requester_email
    if row.requester is not None and row.requester.is_active:
        return str(row.requester.email)
    return row.contact.email if row.contact is not None else ""


def held(workspace_id: int, roles: Iterable[str]) -> list[str]:
    """Of these the roles that somebody holds."""
    wanted = set(roles)
    if not wanted:
        return []
    grants = Grant.objects.held().filter(membership__workspace_id=workspace_id, role__in=wanted)
    return sorted(set(grants.values_list("role", flat=True)))
