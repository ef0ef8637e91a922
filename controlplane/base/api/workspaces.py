"""Which workspace a request is about.

An agent has one. A person names one by `X-Workspace: slug` or `?workspace=slug`, or has only one.
A workspace somebody is no member of is answered exactly like one that does not exist.
"""

from __future__ import annotations

from copy import copy

from django.http import HttpRequest

from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.defaults import define
from controlplane.lib.errors import Invalid, NotAllowed, NotFound

HEADER = "X-Workspace"
PARAMETER = "workspace"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
CACHE_SECONDS = define(
    "api.workspace_cache_seconds",
    5.0,
    unit="seconds",
    why="A workspace's name and slug hardly change; a look-up a request costs more than it tells.",
)

# By id, never by slug: who may see a workspace is asked of the actor before this is looked at.
_known: dict[int, tuple[float, Workspace]] = {}


def choose(request: HttpRequest, actor: Actor) -> Workspace:
    named = _named(request)
    mine = _load(actor.workspace_ids)
    if named:
        for workspace in mine:
            if workspace.slug == named:
                return copy(workspace)
        _refuse(request, actor, named)
    if len(mine) == 1:
        return copy(mine[0])
    chosen: Workspace | None = getattr(request, "workspace", None)  # in the console's session
    if chosen is not None and chosen.pk in actor.workspace_ids:
        return chosen
    if not mine:
        raise NotAllowed("You belong to no workspace.")
    raise Invalid(
        f"Name the workspace: send the header {HEADER}.",
        details={HEADER: "Required: you belong to several workspaces."},
    )


def forget() -> None:
    _known.clear()


def _named(request: HttpRequest) -> str:
    header = request.META.get("HTTP_X_WORKSPACE", "")
    parameter = request.GET.get(PARAMETER, "") if request.META.get("QUERY_STRING") else ""
    if header and parameter and header != parameter:
        raise Invalid(
            "The header and the parameter name two workspaces.",
            details={HEADER: "Differs from the parameter workspace."},
        )
    return str(header or parameter)


def _load(ids: frozenset[int]) -> list[Workspace]:
    """The workspaces of these ids, from memory where they were read in the last seconds."""
    at = clock.now().timestamp()
    oldest = at - CACHE_SECONDS.value
    missing = [pk for pk in ids if not (pk in _known and oldest < _known[pk][0] <= at)]
    if missing:
        if len(_known) > 5_000:
            _known.clear()
        for workspace in Workspace.objects.filter(pk__in=missing):
            _known[workspace.pk] = (at, workspace)
    found = [_known[pk][1] for pk in ids if pk in _known]
    return [workspace for workspace in found if workspace.archived_at is None]


def _refuse(request: HttpRequest, actor: Actor, named: str) -> None:
    refusal = NotAllowed(
        "That is not a workspace of yours.",
        code="WORKSPACE_MISMATCH",
        details={HEADER: "Not a workspace of yours."},
        denial={
            "actor": actor,
            "action": "workspace.view",
            "subject": f"workspace:{named[:60]}",
            "rule": "workspace",
            "reason": "named a workspace they do not belong to",
        },
    )
    if request.method in SAFE:
        # The denial is recorded all the same: `error_answer` looks at the cause.
        raise NotFound("Nothing is here, or it is not yours to see.") from refusal
    raise refusal
