"""Reads of tokens, counts and measurements, named."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Self

from django.db.models import Case, Max, Q, Sum, When

from controlplane.lib import clock
from deployments.flags.querysets import FlagRowQuerySet

_YEARS = (datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC))


class TokenQuerySet(FlagRowQuerySet):
    def in_force(self) -> Self:
        lasting = Q(expires_at=None) | Q(expires_at__gt=clock.now())
        return self.filter(lasting, revoked_at=None)


class UsageQuerySet(FlagRowQuerySet):
    def about(self, flag: Any, environment: Any = None) -> Self:
        rows = self.filter(workspace_id=flag.workspace_id, flag_name=flag.flag_name)
        return rows if environment is None else rows.filter(environment=environment)

    def since(self, at: datetime) -> Self:
        return self.filter(hour__gte=at.replace(minute=0, second=0, microsecond=0))

    def hourly(self) -> list[dict[str, Any]]:
        """`{"hour", "yes", "no"}` over all applications, the oldest first."""
        rows = self.order_by("hour").values("hour")
        return list(rows.annotate(yes=Sum("yes"), no=Sum("no")))

    def total(self) -> tuple[int, int]:
        """How often it was on and off."""
        found = self.aggregate(yes=Sum("yes"), no=Sum("no"))
        return found["yes"] or 0, found["no"] or 0

    def last_asked(self) -> dict[str, datetime]:
        """flag's name -> the hour in which somebody last asked. What nobody asked is not there."""
        rows = self.order_by().values("flag_name").annotate(last=Max("hour"))
        return {row["flag_name"]: row["last"] for row in rows}


class InstanceQuerySet(FlagRowQuerySet):
    def readable(self) -> Self:
        """With `began` in place of `started_at`, which may hold a moment Python has no date for:
        one such row would fail the whole page."""
        known = When(started_at__range=_YEARS, then="started_at")
        return self.defer("started_at").annotate(began=Case(known))
