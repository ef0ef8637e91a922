"""Changes read from the rows, for the four keys: three questions, however many there are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.db.models import Case, Count, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Concat, TruncWeek

from controlplane.catalog.models import Component, Environment
from controlplane.work.models import CheckResult
from deployments.models import Deployment
from deployments.overview.dora import Change
from deployments.querysets import ENDED

MOST = 20_000  # of a year; above it the newest are told, and the page says so
REPAIRS = ("critical_bug", "outage")  # a hotfix for one of these says that what ran was at fault
_FAILED = {
    "rolled_back": "rolled back",
    "failed": "given up",
    "degraded": "judged degraded",
}
_FIELDS = (
    *("pk", "ref", "release", "title", "status", "kind", "verdict", "deployed_at", "started_at"),
    "heard_at",
)


@dataclass(frozen=True, slots=True)
class Read:
    changes: list[Change]
    cut: bool  # there were more than are counted


def read(
    environment: Environment,
    start: datetime,
    end: datetime,
    *,
    component: Component | None = None,
) -> Read:
    """What went out to this environment in [start, end), the oldest first."""
    rows = went_out(environment, start, end)
    if component is not None:
        rows = rows.filter(parts__component=component)
    heard = rows.annotate(heard_at=_HEARD, out_at=_OUT)
    found = list(heard.order_by("-out_at", "-pk").values(*_FIELDS)[: MOST + 1])
    repairs = _repairs(environment, start)
    changes = [_change(row, repairs) for row in reversed(found[:MOST])]
    return Read(_restored_by_the_next(changes), len(found) > MOST)


_OUT = Coalesce("deployed_at", "started_at")


def went_out(environment: Environment, start: datetime, end: datetime) -> QuerySet[Deployment]:
    """Live, or stopped on the way. Two conditions, so that each can go by its own index."""
    live = Q(deployed_at__gte=start, deployed_at__lt=end)
    stopped = Q(
        deployed_at=None,
        started_at__gte=start,
        started_at__lt=end,
        status__in=["failed", "rolled_back"],
    )
    rows: QuerySet[Deployment] = Deployment.objects.into(environment).filter(live | stopped)
    found: QuerySet[Deployment] = rows.exclude(kind="rollback")
    return found


def _first_word() -> QuerySet[Any]:
    """When CI first spoke of the commit. A deployment may name it by its beginning: what begins
    so lies between it and the first text behind all of them."""
    said = Coalesce("started_at", "updated_at")
    sha = OuterRef("commit_sha")
    rows = CheckResult.objects.filter(workspace=OuterRef("workspace"), sha__gte=sha)
    rows = rows.filter(sha__lt=Concat(sha, Value("g")))
    told: QuerySet[Any] = rows.annotate(said=said).order_by("said").values("said")
    return told[:1]


# Of a deployment that names no commit every check would be "about" it.
_HEARD = Case(When(commit_sha__gt="", then=Subquery(_first_word())), default=None)


def _repairs(environment: Environment, start: datetime) -> dict[int, list[tuple[Any, ...]]]:
    """Rollbacks and hotfixes that became live since, by the change they repaired, the earliest
    first: (when, ref, whether it is a rollback)."""
    rows = Deployment.objects.into(environment).filter(deployed_at__gte=start)
    rows = rows.filter(
        Q(kind="rollback") | Q(kind="hotfix", hotfix_trigger__in=REPAIRS, previous__isnull=False)
    )
    found: dict[int, list[tuple[Any, ...]]] = {}
    told = rows.order_by("deployed_at", "pk").values_list(
        "kind", "reverses_id", "previous_id", "deployed_at", "ref"
    )
    for kind, reverses, previous, at, ref in told:
        undo = kind == "rollback"
        found.setdefault(reverses if undo else previous, []).append((at, ref, undo))
    return found


def _change(row: dict[str, Any], repairs: dict[int, list[tuple[Any, ...]]]) -> Change:
    repair = repairs.get(row["pk"], [])
    failed = _FAILED.get(row["status"], "")
    if not failed and repair:
        failed = f"repaired by {repair[0][1]}"
    failed = failed or _FAILED.get(row["verdict"], "")
    return Change(
        ref=row["ref"],
        out_at=row["deployed_at"] or row["started_at"],
        landed=row["deployed_at"] is not None,
        open=row["status"] not in ENDED,
        failed=failed,
        heard_at=row["heard_at"],
        restored_at=repair[0][0] if repair else None,
        restored_by=repair[0][1] if repair else "",
        pk=row["pk"],
        release=row["release"],
        title=row["title"],
        status=row["status"],
        kind=row["kind"],
    )


def _restored_by_the_next(changes: list[Change]) -> list[Change]:
    """What neither a rollback nor a hotfix repaired was well again when the next change that did
    not fail became live there. What never was live took nothing away."""
    good: Change | None = None
    found = []
    for one in reversed(changes):
        if one.failed and one.landed and one.restored_at is None and good is not None:
            one = replace(one, restored_at=good.out_at, restored_by=good.ref)
        if one.landed and one.judged and not one.failed:
            good = one
        found.append(one)
    return found[::-1]


def closed_by_week(
    environment: Environment, start: datetime, end: datetime, component: Component | None = None
) -> dict[datetime, int]:
    """How many deployments were completed in each ISO week; rollbacks are no releases."""
    rows = Deployment.objects.into(environment).filter(
        status="completed", closed_at__gte=start, closed_at__lt=end
    )
    rows = rows.exclude(kind="rollback")
    if component is not None:
        rows = rows.filter(parts__component=component)
    counted = rows.order_by().annotate(week=TruncWeek("closed_at", tzinfo=UTC)).values("week")
    return {row["week"]: row["n"] for row in counted.annotate(n=Count("pk"))}


def first_out(environment: Environment, component: Component | None = None) -> datetime | None:
    """When the first change became live here: before it there was nothing to count."""
    rows = Deployment.objects.into(environment).landed().order_by("deployed_at")
    if component is not None:
        rows = rows.filter(parts__component=component)
    found: datetime | None = rows.values_list("deployed_at", flat=True).first()
    return found
