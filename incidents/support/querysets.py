"""Reads of tickets, named."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Self

from django.contrib.postgres.search import SearchQuery
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Least

from controlplane.lib import clock
from incidents.querysets import ScopedQuerySet

OPEN = ("new", "acknowledged", "triaged", "working", "waiting", "escalated", "reopened")
OVER = ("resolved", "closed", "duplicate", "spam")
# While one of these an update is owed to whoever asked.
OWED = ("triaged", "working", "reopened")


class TicketQuerySet(ScopedQuerySet):
    def open(self) -> Self:
        return self.filter(status__in=OPEN)

    def over(self) -> Self:
        return self.filter(status__in=OVER)

    def calling(self, priorities: Collection[str]) -> Self:
        """Nobody has seen them, and somebody is called until one has. What became an incident
        calls by that."""
        rows = self.open().exclude(status="escalated")
        return rows.filter(priority__in=priorities, acknowledged_at=None)

    def unacknowledged(self) -> Self:
        return self.filter(status="new")

    def silent(self) -> Self:
        """Those of whom whoever asked was reminded and says nothing."""
        return self.filter(status="waiting", silent_at__isnull=False)

    def breaching(self, at: datetime | None = None) -> Self:
        """A promise of theirs has run out."""
        return self.clocked().filter(runs_out__lte=at or clock.now())

    def clocked(self) -> Self:
        """With the promise that runs out first, that of an incident included."""
        return self.annotate(runs_out=Least("due_at", "incident__next_update_at"))

    def about(self, words: str) -> Self:
        """Whose subject, resolution or messages speak of these, or whose name or ref it is."""
        found = SearchQuery(words, search_type="websearch", config="english")
        said = self.model._meta.get_field("messages").related_model._default_manager.filter(
            ticket=OuterRef("pk"), search=found
        )
        return self.filter(
            Q(search=found)
            | Q(ref__iexact=words)
            | Q(subject__icontains=words)
            | Q(requester_email__icontains=words)
            | Q(requester_name__icontains=words)
            | Q(requester__name__icontains=words)
            | Exists(said)
        )

    def asked_by(self, ticket: Any) -> Self:
        """Others of the same requester."""
        who = Q(pk__in=[])
        if ticket.requester_id is not None:
            who |= Q(requester=ticket.requester_id)
        if ticket.contact_id is not None:
            who |= Q(contact=ticket.contact_id)
        if ticket.requester_email:
            who |= Q(requester_email__iexact=ticket.requester_email)
        return self.filter(who).exclude(pk=ticket.pk)


class TicketMessageQuerySet(ScopedQuerySet):
    def public(self) -> Self:
        """What whoever asked may read."""
        return self.filter(kind__in=["request", "answer"])
