"""What a ticket is about, put right: its subject, its kind, whom it is for, whether it blocks."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.lib.actors import Actor
from controlplane.lib.given import line, refuse
from incidents.models import Ticket
from incidents.support import (
    clocks,
    reading,
)
from incidents.support.holding import hold_with_work, put
from incidents.support.moving import BLOCKS, TRIAGE, reprioritise, tell_blocks
from incidents.support.noting import note


@transaction.atomic
def describe(ticket: Ticket, *, actor: Actor, version: int | None = None, **given: Any) -> Ticket:
    """What is no state: its subject, what it is about, whether it blocks, its service, who asked
    by name and address."""
    row = hold_with_work(ticket, version=version)
    policy.require(actor, TRIAGE, row)
    values = {name: _read(row, name, value) for name, value in given.items()}
    before = {name: _plain(getattr(row, name)) for name in values}
    after = {name: _plain(value) for name, value in values.items()}
    if before == after:
        return row
    blocks = bool(values.get("blocking")) and not row.blocking
    put(row, values)
    note(row, TRIAGE, actor=actor, details={"transition": "described"}, before=before, after=after)
    if blocks and row.is_open:
        _blocks_now(row, actor)
    return row


def _blocks_now(row: Ticket, actor: Actor) -> None:
    wanted = reading.at_least(row.priority, blocks=True)
    if wanted != row.priority:
        reprioritise(row, wanted, actor, BLOCKS)
        clocks.set_all(row)
    tell_blocks(row)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool) else str(value)


def _read(row: Ticket, name: str, value: Any) -> Any:
    if name == "subject":
        return reading.subject(value)
    if name == "category":
        return reading.category(value)
    if name == "blocking":
        return reading.flag(name, value)
    if name == "service":
        return reading.here(row.workspace, name, value)
    if name == "requester_name":
        return line(name, value, 120)
    if name == "requester_email":
        return reading.address(name, value)
    raise refuse(name, "This can't be changed.")
