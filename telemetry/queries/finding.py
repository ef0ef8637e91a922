"""Which queries there are for a workspace: the shipped ones and its own."""

from __future__ import annotations

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotFound
from telemetry.models import SavedQuery
from telemetry.queries.kinds import Query, Question
from telemetry.queries.shipped import SHIPPED
from telemetry.querysets import INSTALLATION, TelemetryQuerySet


def queries_of(actor: Actor, workspace: Workspace | None) -> list[Query]:
    """All that somebody may run there, by title. Those about the installation only for whoever
    may see it."""
    own = [] if workspace is None else list(_rows(actor, workspace))
    whole = bool(policy.can(actor, INSTALLATION))
    found = [*SHIPPED.values(), *(as_query(row) for row in own)]
    if workspace is None:
        found = [each for each in found if each.installation]
    return sorted(
        (each for each in found if whole or not each.installation),
        key=lambda query: (query.title.lower(), query.slug),
    )


def find(slug: str, actor: Actor, workspace: Workspace | None) -> Query:
    """The query of this name: a workspace's own, or a shipped one."""
    shipped = SHIPPED.get(slug)
    if shipped is not None:
        return shipped
    return as_query(row_of(slug, actor, workspace))


def row_of(slug: str, actor: Actor, workspace: Workspace | None) -> SavedQuery:
    """The row of a workspace's own query, to change it."""
    row = None
    if workspace is not None:
        row = _rows(actor, workspace).filter(slug__iexact=slug).first()
    if row is None:
        raise NotFound("There is no such query here.")
    found: SavedQuery = row
    return found


def _rows(actor: Actor, workspace: Workspace) -> TelemetryQuerySet:
    return SavedQuery.objects.visible_to(actor).of(workspace.pk)


def as_query(row: SavedQuery) -> Query:
    return Query(
        slug=row.slug,
        title=row.title,
        about=row.about,
        question=Question.from_data(row.question),
        uid=str(row.uid),
        version=row.version,
        updated_at=row.updated_at,
    )
