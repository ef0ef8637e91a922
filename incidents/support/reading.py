"""What people and programs say of a ticket: one form, or a refusal with the field named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from controlplane.access.models import Workspace
from controlplane.lib.given import line, refuse
from controlplane.lib.redaction import redact_text
from incidents.models import Ticket


def one_of(name: str, value: Any, known: Sequence[str]) -> str:
    if value not in known:
        raise refuse(name, f"One of {', '.join(known)}.")
    return str(value)


def category(value: Any) -> str:
    return one_of("category", value, Ticket.Category.values)


def priority(value: Any) -> str:
    return one_of("priority", value, Ticket.Priority.values)


def at_least(value: Any, *, blocks: bool) -> str:
    """Whoever can't go on waits no longer than a P1 does."""
    found = priority(value)
    return Ticket.Priority.P1 if blocks and found == Ticket.Priority.P2 else found


def flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise refuse(name, "True or false.")
    return value


def subject(value: Any) -> str:
    return redact_text(line("subject", value, 200, required=True))[:200]


def address(name: str, value: Any) -> str:
    given = line(name, value, 254)
    if given:
        try:
            validate_email(given)
        except ValidationError:
            raise refuse(name, "Not an e-mail address.") from None
    return given


def here(workspace: Workspace, name: str, row: Any) -> Any:
    if row is not None and row.workspace_id != workspace.pk:
        raise refuse(name, "There is none of that name here.")
    return row
