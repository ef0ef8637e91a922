"""How often flags are asked for: a week by days, for a list's line and a page's figures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Max, Sum
from django.db.models.functions import TruncDay

from controlplane.lib import clock
from deployments.flags.models import Flag
from deployments.flags.models.serving import FlagUsage

DAYS = 7
APPS = 5


@dataclass(slots=True)
class Week:
    """Asked how often a day, the oldest first, today last."""

    days: list[int] = field(default_factory=lambda: [0] * DAYS)
    yes: int = 0
    no: int = 0
    last: datetime | None = None

    @property
    def total(self) -> int:
        return self.yes + self.no

    @property
    def share(self) -> str:
        """How many of those who asked had it."""
        if not self.total:
            return ""
        percent = self.yes * 100 / self.total
        return f"{percent:.0f}" if percent >= 1 or not percent else "<1"


def _begin() -> datetime:
    today = clock.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=DAYS - 1)


def _add(weeks: dict[Any, Week], key: Any, row: dict[str, Any], begin: datetime) -> None:
    week, day = weeks[key], (row["day"] - begin).days
    if 0 <= day < DAYS:
        week.days[day] += row["yes"] + row["no"]
    week.yes, week.no = week.yes + row["yes"], week.no + row["no"]
    week.last = max(filter(None, (week.last, row["last"])))


def of_list(flags: Iterable[Flag]) -> dict[tuple[int, str], Week]:
    """By workspace and name, over all environments: one question for a page of flags."""
    begin, weeks = _begin(), defaultdict[Any, Week](Week)
    flags = list(flags)
    rows = FlagUsage.objects.filter(
        workspace__in={each.workspace_id for each in flags},
        flag_name__in={each.flag_name for each in flags},
        hour__gte=begin,
    )
    found = rows.order_by().annotate(day=TruncDay("hour", tzinfo=UTC))
    for row in found.values("workspace", "flag_name", "day").annotate(
        yes=Sum("yes"), no=Sum("no"), last=Max("hour")
    ):
        _add(weeks, (row["workspace"], row["flag_name"]), row, begin)
    return dict(weeks)


def of_flag(flag: Flag) -> tuple[dict[int, Week], list[dict[str, Any]]]:
    """By environment; and which applications ask most."""
    begin, weeks = _begin(), defaultdict[Any, Week](Week)
    rows = FlagUsage.objects.about(flag).filter(hour__gte=begin).order_by()
    found = rows.annotate(day=TruncDay("hour", tzinfo=UTC)).values("environment", "day", "app")
    apps: dict[str, int] = defaultdict(int)
    for row in found.annotate(yes=Sum("yes"), no=Sum("no"), last=Max("hour")):
        _add(weeks, row["environment"], row, begin)
        apps[row["app"]] += row["yes"] + row["no"]
    most = sorted(apps.items(), key=lambda pair: (-pair[1], pair[0]))
    return dict(weeks), [{"app": app, "times": times} for app, times in most[:APPS]]
