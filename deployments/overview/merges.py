"""Merges, and whether staging was brought up to date with them.

Which commit holds which is git's to know. What can be said without it: all merges go into one
branch, one after the other, so whatever was deployed from a later merge brought the earlier ones
along.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from django.db.models import Q

from controlplane.access.models import Workspace
from controlplane.base import signals
from controlplane.base.models import Signal
from controlplane.lib import clock
from controlplane.work.services.github.telling import MERGED
from deployments.models import Deployment, Merge

MOST = 2_000
_LARGEST = 2**31 - 1  # of the column; no repository counts that far
GRACE = timedelta(hours=1)  # a pipeline takes its time: until then nothing is missing


@signals.consumes(MERGED)
def note_merge(signal: Signal) -> None:
    """Kept once; a row is only added, so that told twice it is one."""
    told = signal.payload
    if not 0 < told["number"] <= _LARGEST or signal.workspace_id is None:
        return
    Merge.objects.bulk_create(
        [
            Merge(
                workspace_id=signal.workspace_id,
                repository=told["repository"],
                number=told["number"],
                title=told["title"],
                commit_sha=told["commit"],
                url=told["url"],
                merged_at=datetime.fromisoformat(told["at"]),
            )
        ],
        ignore_conflicts=True,
    )


@dataclass(frozen=True, slots=True)
class Followed:
    """A merge, and the deployment that brought it to staging: its own, a later one, or none."""

    merge: Merge
    deployment: str  # its ref
    own: bool
    pending: bool = False  # so young that none is missing yet

    @property
    def state(self) -> str:
        if self.deployment:
            return "deployed" if self.own else "brought along"
        return "pending" if self.pending else "missing"

    @property
    def tone(self) -> str:
        if self.deployment:
            return "good"
        return "neutral" if self.pending else "warn"


@dataclass(frozen=True, slots=True)
class Report:
    merges: Sequence[Followed]
    cut: bool

    @property
    def missing(self) -> list[Followed]:
        return [one for one in self.merges if one.state == "missing"]

    def count(self, state: str) -> int:
        return sum(one.state == state for one in self.merges)


def report(workspace: Workspace, start: datetime, end: datetime) -> Report:
    """The merges of this time, the newest first: two questions."""
    rows = Merge.objects.of(workspace).filter(merged_at__gte=start, merged_at__lt=end)
    merges = list(rows.order_by("-merged_at", "-pk")[: MOST + 1])
    if not merges:
        return Report([], cut=False)
    # What came later than this time may have brought along what was merged within it.
    landed = Deployment.objects.of(workspace).landed().filter(
        environment__data_class="sanitised", deployed_at__gte=merges[-1].merged_at
    )  # fmt: skip
    landed = landed.exclude(commit_sha="").order_by("-deployed_at", "-pk")
    found = list(landed.values_list("commit_sha", "ref")[: MOST * 2 + 1])
    newest = found[: MOST * 2]
    told = followed(merges[:MOST], reversed(newest), now=clock.now())
    return Report(told, cut=len(merges) > MOST or len(found) > len(newest))


def followed(
    merges: Iterable[Merge], landed: Iterable[tuple[str, str]], *, now: datetime
) -> list[Followed]:
    """Merges from the newest to the oldest. `landed`: commit (or its beginning) and ref, the
    earliest first."""
    brought: dict[str, str] = {}
    for commit, ref in landed:
        brought.setdefault(commit, ref)
    lengths = sorted({len(commit) for commit in brought}, reverse=True)
    along: dict[str, str] = {}  # of each repository: what the newest deployed merge came with
    found = []
    for merge in merges:
        named = (brought.get(merge.commit_sha[:length]) for length in lengths)
        own = next((ref for ref in named if ref), "")
        if own:
            along[merge.repository] = own
        ref = own or along.get(merge.repository, "")
        found.append(Followed(merge, ref, bool(own), pending=now - merge.merged_at < GRACE))
    return found


class Between:
    """How many merges lie between two commits, for many pairs in two questions."""

    def __init__(self, known: dict[str, Merge], times: dict[str, list[datetime]]) -> None:
        self._known = known  # by commit, as deployments name it
        self._times = times  # of each repository, in order

    @classmethod
    def of(cls, workspace: Workspace, pairs: Iterable[tuple[str, str]]) -> Between:
        named = {commit for pair in pairs for commit in pair if all(pair)}
        known = _merges_of(workspace, named) if named else {}
        if not known:
            return cls({}, {})
        at = [one.merged_at for one in known.values()]
        rows = Merge.objects.of(workspace).filter(
            repository__in={one.repository for one in known.values()},
            merged_at__gte=min(at),
            merged_at__lte=max(at),
        )
        times: dict[str, list[datetime]] = {}
        told = rows.order_by("-merged_at").values_list("repository", "merged_at")
        for repository, when in list(told[:MOST])[::-1]:
            times.setdefault(repository, []).append(when)
        return cls(known, times)

    def count(self, earlier: str, later: str) -> int | None:
        """None where not both are merges of one repository, or the later one came first."""
        one, two = self._known.get(earlier), self._known.get(later)
        if one is None or two is None or one.repository != two.repository:
            return None
        if two.merged_at < one.merged_at:
            return None
        times = self._times.get(one.repository, [])
        return bisect_right(times, two.merged_at) - bisect_right(times, one.merged_at)


def _merges_of(workspace: Workspace, commits: Iterable[str]) -> dict[str, Merge]:
    asked = reduce(or_, (Q(commit_sha__startswith=commit) for commit in commits))
    rows = list(Merge.objects.of(workspace).filter(asked).order_by("merged_at")[:MOST])
    return {commit: row for commit in commits for row in rows if row.commit_sha.startswith(commit)}
