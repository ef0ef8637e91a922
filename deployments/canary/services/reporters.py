"""Who posts the figures of a rollout, beside people who may: one agent, named by its plan."""

from __future__ import annotations

from controlplane.access.models import Agent, Workspace
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotAllowed
from deployments.models import Rollout
from deployments.services import reading

_NAMED_BY_PEOPLE = "Which agent posts its figures a person says."


def of_plan(rollout: Rollout, name: str | None, *, actor: Actor) -> str:
    """An opaque ref, or the empty text: people alone. An agent that plans posts for itself."""
    if name is None:
        posts = rollout.source == Rollout.Source.POSTED and actor.agent_id is not None
        return actor.ref[:80] if posts else ""
    found = _named(rollout, name)
    if actor.agent_id is not None and found != actor.ref:
        raise NotAllowed(_NAMED_BY_PEOPLE)
    return found


def of_change(rollout: Rollout, name: str, *, actor: Actor) -> str:
    """No agent puts itself in the place of another."""
    found = _named(rollout, name)
    if actor.agent_id is not None and found != rollout.reporter:
        raise NotAllowed(_NAMED_BY_PEOPLE)
    return found


def name_of(rollout: Rollout) -> str:
    """The agent's name, for pages and answers."""
    kind, _, number = rollout.reporter.partition(":")
    if kind != "agent" or not number.isdecimal():
        return ""
    rows = Agent.objects.filter(workspace=rollout.workspace_id, pk=int(number))
    return rows.values_list("name", flat=True).first() or ""


def names(workspace: Workspace) -> list[str]:
    """Who could be named."""
    rows = Agent.objects.filter(workspace=workspace, is_active=True).order_by("name")
    return list(rows.values_list("name", flat=True))


def _named(rollout: Rollout, name: str) -> str:
    if not name:
        return ""
    if rollout.source != Rollout.Source.POSTED:
        raise reading.refuse("reporter", "Only where figures are posted somebody posts them.")
    rows = Agent.objects.filter(workspace=rollout.workspace_id, is_active=True)
    found = rows.filter(name__iexact=name).first()
    if found is None:
        raise reading.refuse("reporter", "There is no agent of this name here.")
    return f"agent:{found.pk}"
