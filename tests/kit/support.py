"""A desk of support: its people, tickets, and time that is moved under them."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Any

from controlplane.access.models import User
from controlplane.lib import clock
from controlplane.notify import outbox
from controlplane.notify.models import Notification
from incidents.models import Incident, Ticket
from incidents.support import answering, moving, opening
from tests import make
from tests.kit.incidents import Watchroom

NOON = "2026-03-04T12:00:00+00:00"  # a Wednesday


def noon() -> datetime:
    return datetime.fromisoformat(NOON)


class Desk(Watchroom):
    @cached_property
    def viewer(self) -> User:
        return self.person("viewer", "Somebody")

    @cached_property
    def docs(self) -> User:
        return self.person("docs_lead")

    @cached_property
    def sre(self) -> User:
        return self.person("sre_liaison")

    def ticket(self, subject: str = "I can't sign in", **given: Any) -> Ticket:
        values = {"body": "It says no.", "actor": self.by(self.viewer), **given}
        return opening.open_ticket(self.workspace, subject=subject, **values)

    def by_mail(self, subject: str = "I can't sign in", **given: Any) -> Ticket:
        values = {"actor": make.JOB, "source": "email", "requester_email": "ann@example.com",
                  "requester_name": "Ann", **given}  # fmt: skip
        return self.ticket(subject, **values)

    def triaged(self, priority: str = "p2", category: str = "question", **given: Any) -> Ticket:
        row = given.pop("row", None) or self.ticket(**given)
        return moving.triage(row, actor=self.by(self.primary), priority=priority, category=category)

    def resolved(self, **given: Any) -> Ticket:
        return moving.resolve(
            self.triaged(**given), actor=self.by(self.primary), resolution="A new password."
        )

    def answer(self, row: Ticket, text: str = "Try again.", **given: Any) -> Any:
        return answering.answer(row, actor=self.by(self.primary), text=text, **given)

    def send(self) -> int:
        """What waits in the outbox goes out."""
        return outbox.send_due()

    def told(self, kind: str) -> list[str]:
        rows = Notification.objects.filter(kind=kind).order_by("pk")
        return list(rows.values_list("subject", flat=True))


def minutes(row: Ticket, at: datetime | None) -> float | None:
    """From when it came in."""
    return None if at is None else (at - row.opened_at).total_seconds() / 60


def incident_of(row: Ticket) -> Incident:
    row.refresh_from_db()
    assert row.incident is not None
    return row.incident


__all__ = ["NOON", "Desk", "clock", "incident_of", "minutes", "noon"]
