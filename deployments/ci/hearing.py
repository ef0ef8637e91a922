"""What a repository says of its own deployments: GitHub's `deployment_status`, which the work graph
receives. It is evidence and is told on the work item; it moves nothing, for a pipeline that ended
well is not a release that was verified."""

from __future__ import annotations

from django.db.models import Q

from controlplane.base import signals
from controlplane.base.models import Signal
from controlplane.catalog.models import Environment
from controlplane.lib import actors
from controlplane.work.models import CheckResult
from controlplane.work.services.github.telling import DEPLOYED
from deployments.models import Deployment
from deployments.services.checking import look_at_gates
from deployments.services.noting import say

ACTOR = actors.job("deployments.ci")
_ENDED = {"success": "succeeded", "failure": "failed"}
_SHORTEST = 7  # of a commit, abbreviated


@signals.consumes(DEPLOYED)
def hear(signal: Signal) -> None:
    told = signal.payload
    row = belongs_to(signal.workspace_id or 0, told["environment"], told["commit"])
    ended = _ENDED.get(told["conclusion"])
    if row is None or ended is None:
        return
    if row.is_open:
        look_at_gates(row)
    named = CheckResult.objects.filter(pk=told["result"], items=row.item_id)
    if row.item_id is not None and named.exists():
        return  # it was told there as any other check
    words = f"{told['repository']}: its deployment of {told['commit'][:12]} to {row.environment}"
    say(row, f"{words} {ended}. {told['url']}".strip(), actor=ACTOR)


def belongs_to(workspace_id: int, environment: str, commit: str) -> Deployment | None:
    """The newest of this commit into this environment, by its slug or its name."""
    places = Environment.objects.filter(workspace_id=workspace_id)
    place = places.filter(Q(slug__iexact=environment) | Q(name__iexact=environment)).first()
    if place is None or len(commit) < _SHORTEST:
        return None
    rows = Deployment.objects.into(place).exclude(status__in=["cancelled", "rolled_back"])
    shorter = [commit[:length] for length in range(_SHORTEST, len(commit) + 1)]
    rows = rows.filter(Q(commit_sha__in=shorter) | Q(commit_sha__startswith=commit))
    found: Deployment | None = rows.select_related("environment", "item").order_by("-pk").first()
    return found
