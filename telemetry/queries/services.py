"""Saving, changing and removing a workspace's queries."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.access.services.saving import save_checked
from controlplane.audit.services import record
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.defaults import define
from controlplane.lib.errors import Conflict, Invalid
from telemetry.models import SavedQuery
from telemetry.queries.checking import question_of
from telemetry.queries.shipped import SHIPPED

ACTION = "telemetry.manage_queries"
TAKEN = "There is a query of this name already."
FIELDS = frozenset({"title", "about", "question"})
MOST = define(
    "telemetry.most_queries", 200, unit="queries", why="More than that nobody finds again."
)


@transaction.atomic
def create_query(
    workspace: Workspace, *, actor: Actor, slug: str, title: str, question: Any, about: str = ""
) -> SavedQuery:
    """Save a question under a name of the workspace's own."""
    policy.require(actor, ACTION, _new(workspace))
    if slug in SHIPPED:
        raise Conflict(TAKEN, details={"slug": "A shipped query is called so."})
    if SavedQuery.objects.of(workspace.pk).count() >= MOST.value:
        raise Invalid(f"A workspace keeps at most {MOST.value} queries.")
    row = SavedQuery(
        workspace=workspace,
        slug=slug,
        title=title.strip(),
        about=about.strip(),
        question=question_of(question).as_data(),
        made_by=actor.ref[:80],
    )
    save_checked(row, conflict=TAKEN)
    record(actor, ACTION, row, after=_state(row))
    return row


@transaction.atomic
def change_query(
    query: SavedQuery, *, actor: Actor, version: int | None = None, **changes: Any
) -> SavedQuery:
    """Change what it asks or what it is called. `version`: the one the caller saw."""
    policy.require(actor, ACTION, query)
    unknown = changes.keys() - FIELDS
    if unknown:
        raise Invalid("Not to be changed.", details=dict.fromkeys(unknown, "Can't be changed."))
    row = _locked(query, version)
    before = _state(row)
    if "question" in changes:
        changes["question"] = question_of(changes["question"]).as_data()
    for name, value in changes.items():
        setattr(row, name, value.strip() if isinstance(value, str) else value)
    if _state(row) == before:
        return row
    row.version += 1
    row.updated_at = clock.now()
    save_checked(row, conflict=TAKEN)
    record(actor, ACTION, row, before=before, after=_state(row))
    return row


@transaction.atomic
def remove_query(query: SavedQuery, *, actor: Actor, version: int | None = None) -> None:
    """Away with it. The shipped ones stay."""
    policy.require(actor, ACTION, query)
    row = _locked(query, version)
    record(actor, ACTION, row, before=_state(row))
    row.delete()


def _locked(query: SavedQuery, version: int | None) -> SavedQuery:
    row: SavedQuery | None = SavedQuery.objects.select_for_update().filter(pk=query.pk).first()
    if row is None or (version is not None and row.version != version):
        raise Conflict("Somebody changed this query meanwhile.")
    return row


def _new(workspace: Workspace) -> SavedQuery:
    return SavedQuery(workspace=workspace)


def _state(row: SavedQuery) -> dict[str, Any]:
    return {
        "slug": row.slug,
        "title": row.title,
        "about": row.about,
        "question": row.question,
    }
