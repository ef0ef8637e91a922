"""A ticket is opened: its row, its item, its clocks, its first words, and who is told, in one
transaction. What is P0 opens its incident at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import User, Workspace
from controlplane.audit.refs import subject_ref
from controlplane.base import refs
from controlplane.catalog.models import Service
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor
from controlplane.lib.given import line, refuse, text
from controlplane.lib.redaction import redact_text
from controlplane.notify.models import Contact
from controlplane.work import services as work
from controlplane.work.services import graph
from incidents.models import SeverityLevel, Ticket
from incidents.paging.matters import CALLED
from incidents.support import calling, clocks, escalating, hours, mailing, reading, said, telling
from incidents.support.holding import level_of
from incidents.support.noting import PORTAL, note
from incidents.support.people import ROLES, is_here

OPEN = "ticket.open"
MOST_TEXT = 20_000
CHANNELS = {"form": "support", "email": "mailbox", "api": "support", "console": "support"}
# Nobody who is known vouches for it: a person looks before others are woken.
UNKNOWN = frozenset({"form", "email"})
PER_REQUESTER = defaults.define(
    "support.open_per_requester",
    50,
    unit="open tickets",
    why="Of one address: a program that writes in circles fills no desk.",
)


@transaction.atomic
def open_ticket(
    workspace: Workspace,
    *,
    actor: Actor,
    subject: str,
    body: str,
    source: str = "console",
    channel: str = "",
    category: str = "other",
    priority: str = "p2",
    blocking: bool = False,
    service: Service | None = None,
    requester: User | None = None,
    contact: Contact | None = None,
    requester_name: str = "",
    requester_email: str = "",
    files: Sequence[said.Sent] = (),
    message_id: str = "",
    answered: bool = True,
) -> Ticket:
    """A new one. Nobody named: it is asked by whoever opens it. What comes from outside is P1 at
    most until somebody of the desk has looked. `answered`: whoever asked gets a receipt."""
    policy.require(actor, OPEN, workspace)
    graph.lock(workspace.pk)
    source = reading.one_of("source", source, Ticket.Source.values)
    requester = _asked_by(workspace, actor, requester, contact, requester_name, requester_email)
    row = Ticket(
        workspace=workspace,
        subject=reading.subject(subject),
        priority=_priority(priority, source, blocking),
        category=reading.category(category),
        blocking=reading.flag("blocking", blocking),
        source=source,
        channel=_channel(workspace, channel or CHANNELS[source]),
        service=reading.here(workspace, "service", service),
        requester=requester,
        contact=reading.here(workspace, "contact", contact),
        requester_name=line("requester_name", requester_name, 120),
        requester_email=reading.address("requester_email", requester_email),
        opened_at=clock.now(),
        created_by=actor.ref[:80],
    )
    _require_room(row)
    words = text("body", body, MOST_TEXT, required=not files)
    row.ref = str(refs.allocate(workspace.pk, "TKT"))
    row.save(force_insert=True)
    level = level_of(row)
    row.item = _item(row, level, words)
    Ticket.objects.filter(pk=row.pk).update(item=row.item)
    note(
        row, OPEN, actor=actor,
        after={"subject": row.subject, "priority": row.priority, "category": row.category,
               "source": row.source, "channel": row.channel, "blocking": row.blocking},
    )  # fmt: skip
    said.keep(
        row, "request", words, actor=actor, files=files, source=source, message_id=message_id,
        author_name=telling.name_of(row),
    )  # fmt: skip
    clocks.set_all(row)
    _tell(row, level, words)
    calling.follow(row, actor=actor)
    if answered:
        mailing.send_receipt(row)
    if row.priority == Ticket.Priority.P0:
        return escalating.escalate(row, actor=PORTAL, reason="It came in as P0.")
    return row


def _item(row: Ticket, level: SeverityLevel, words: str) -> Any:
    project = work.ensure_operations_project(row.workspace, actor=PORTAL)
    return work.open_item(
        project,
        subject=subject_ref(row),
        actor=PORTAL,
        title=f"{row.ref}: {row.subject}"[:200],
        item_type="task",
        priority=level.item_priority,
        labels=["support", row.priority],
        description=redact_text(words)[:8_000] or f"{row.ref} stands for it.",
    )


def _tell(row: Ticket, level: SeverityLevel, words: str) -> None:
    """Whoever works on this kind of trouble, or the desk; what stops somebody wakes them, and
    for what is P1 they are called. Whom its level informs hears of it as of any news."""
    urgent = row.blocking or row.priority != Ticket.Priority.P2
    role = ROLES.get(row.category, "")
    desk = () if row.priority in CALLED else telling.DESK  # who are called
    whom = {*desk, *([role] if role else [])} if urgent else {role} - {""}
    excerpt = redact_text(words)[: telling.MOST_TEXT]
    telling.told(
        row, "ticket.opened", key="opened", roles=whom, urgent=urgent, text=excerpt,
        fallback=row.priority not in CALLED,
    )  # fmt: skip
    informed = telling.held(row.workspace_id, set(level.informed) - whom)
    if urgent and informed:
        telling.told(row, "ticket.opened", key="informed", roles=informed, text=excerpt)


def _require_room(row: Ticket) -> None:
    rows = Ticket.objects.of(row.workspace_id).open()
    if row.requester_email:
        rows = rows.filter(requester_email__iexact=row.requester_email)
    elif row.requester is not None:
        rows = rows.filter(requester=row.requester)
    else:
        return
    if rows.count() >= PER_REQUESTER.value:
        raise refuse("requester", f"{PER_REQUESTER.value} tickets of theirs are open already.")


def _asked_by(
    workspace: Workspace, actor: Actor, requester: User | None, contact: Any, name: str, email: str
) -> User | None:
    if requester is not None:
        if not is_here(requester, workspace.pk):
            raise refuse("requester", "Nobody of that name is here.")
        return requester
    if contact is not None or name or email:
        return None
    if actor.user_id is None:
        raise refuse("requester_email", "Say who asks: a person, a contact, a name or an address.")
    return User.objects.get(pk=actor.user_id)


def _priority(given: str, source: str, blocking: bool) -> str:
    found = reading.at_least(given, blocks=blocking)
    return Ticket.Priority.P1 if source in UNKNOWN and found == Ticket.Priority.P0 else found


def _channel(workspace: Workspace, slug: str) -> str:
    known = hours.channels(workspace.pk)
    if slug not in known:
        raise refuse("channel", f"One of {', '.join(known)}.")
    return slug
