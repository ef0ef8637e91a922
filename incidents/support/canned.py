"""Answers that are given often. Places in braces are filled with what the ticket says."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.access.services.saving import save_checked
from controlplane.audit.services import record
from controlplane.base.states import plain
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.lib.given import line, refuse, text
from controlplane.lib.redaction import redact_text
from incidents.models import CannedReply, Ticket
from incidents.support import links, said, telling

WRITE, USE = "support.write", "ticket.respond"
FIELDS = ("title", "body", "audience", "category", "shortcut")
_PLACE = re.compile(r"\{([^{}]*)\}")
_TAKEN = "There is a reply of this shortcut already."


def _when(at: Any) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at is not None else "as soon as we know more"


# What may stand in braces, and what takes its place.
PLACES: dict[str, Callable[[Ticket, Actor], str]] = {
    "name": lambda row, actor: telling.name_of(row),
    "ref": lambda row, actor: row.ref,
    "subject": lambda row, actor: row.subject,
    "priority": lambda row, actor: str(row.get_priority_display()),
    "status": lambda row, actor: str(row.get_status_display()),
    "category": lambda row, actor: str(row.get_category_display()),
    "service": lambda row, actor: row.service.name if row.service is not None else "the service",
    "incident": lambda row, actor: row.incident.ref if row.incident is not None else "no incident",
    "next_update": lambda row, actor: _when(row.next_update_due_at),
    "link": lambda row, actor: links.page(row),
    "me": lambda row, actor: said.name_of(actor),
}


@transaction.atomic
def create_reply(workspace: Workspace, *, actor: Actor, **given: Any) -> CannedReply:
    policy.require(actor, WRITE, workspace)
    row = CannedReply(workspace=workspace, made_by=actor.ref[:80])
    for name in ("title", "body", "shortcut"):
        given.setdefault(name, "")
    _set(row, given)
    save_checked(row, conflict=_TAKEN)
    record(actor, WRITE, row, after=_shown(row))
    return row


@transaction.atomic
def change_reply(
    reply: CannedReply, *, actor: Actor, version: int | None = None, **given: Any
) -> CannedReply:
    policy.require(actor, WRITE, reply)
    row: CannedReply = CannedReply.objects.select_for_update(no_key=True).get(pk=reply.pk)
    if version is not None and row.version != version:
        raise Conflict("Somebody changed it since you looked. Look again.")
    before = _shown(row)
    _set(row, given)
    if _shown(row) == before:
        return row
    row.version += 1
    save_checked(row, conflict=_TAKEN)
    record(actor, WRITE, row, before=before, after=_shown(row))
    return row


@transaction.atomic
def switch_reply(reply: CannedReply, *, actor: Actor, on: bool) -> CannedReply:
    """Put away, or brought back: what was said with it stays said."""
    policy.require(actor, WRITE, reply)
    row: CannedReply = CannedReply.objects.select_for_update(no_key=True).get(pk=reply.pk)
    if row.is_active == on:
        return row
    row.is_active, row.version = on, row.version + 1
    row.save(update_fields=["is_active", "version"])
    record(actor, WRITE, row, before={"is_active": not on}, after={"is_active": on})
    return row


def _set(row: CannedReply, given: dict[str, Any]) -> None:
    unknown = sorted(set(given) - set(FIELDS))
    if unknown:
        raise refuse(unknown[0], "A reply has no such field.")
    for name, value in given.items():
        setattr(row, name, _read(name, value))


def _read(name: str, value: Any) -> Any:
    if name == "title":
        return redact_text(line(name, value, 120, required=True))[:120]
    if name == "shortcut":
        return line(name, value, 40, required=True)
    if name == "body":
        return checked(redact_text(text(name, value, 8_000, required=True)))
    known = CannedReply.Audience.values if name == "audience" else ["", *Ticket.Category.values]
    if value not in known:
        raise refuse(name, f"One of {', '.join(each for each in known if each)}.")
    return value


def checked(body: str) -> str:
    """Each place is one that can be filled, and every brace belongs to one."""
    wrong = [name for name in _PLACE.findall(body) if name not in PLACES]
    if wrong:
        raise refuse("body", f"Nothing fills {{{wrong[0][:30]}}}: one of {', '.join(PLACES)}.")
    if "{" in (rest := _PLACE.sub("", body)) or "}" in rest:
        raise refuse("body", "A brace stands alone. Places are written as {name}.")
    return body


def _shown(row: CannedReply) -> dict[str, Any]:
    return {name: plain(getattr(row, name)) for name in FIELDS}


# --- Used -----------------------------------------------------------------------------------------


def for_ticket(row: Ticket) -> list[CannedReply]:
    """Those of its category and of every; the most used first."""
    rows = CannedReply.objects.filter(workspace=row.workspace_id, is_active=True)
    return list(rows.filter(Q(category="") | Q(category=row.category)).order_by("-used", "title"))


def filled(reply: CannedReply, row: Ticket, actor: Actor) -> str:
    """Its words for this ticket. Braces in what the ticket says are words, no places."""
    return _PLACE.sub(lambda found: PLACES[found[1]](row, actor), reply.body)


def use(reply: CannedReply, row: Ticket, *, actor: Actor) -> str:
    """The words, to be looked over and sent; that it was used is counted."""
    policy.require(actor, USE, row)
    if reply.workspace_id != row.workspace_id or not reply.is_active:
        raise refuse("reply", "There is no such reply here.")
    CannedReply.objects.filter(pk=reply.pk).update(used=F("used") + 1, used_at=clock.now())
    return filled(reply, row, actor)
