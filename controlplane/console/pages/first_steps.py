"""What an administrator does first in a workspace where nobody else is yet."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from controlplane.access import policy
from controlplane.access.models import Membership, Workspace
from controlplane.lib.actors import Actor

MANAGE = "member.manage"


@dataclass(frozen=True, slots=True)
class Step:
    title: str
    about: str
    page: str  # of its URL
    action: str

    @property
    def url(self) -> str:
        return reverse(self.page)


STEPS = (
    Step("Invite people", "Each by mail, with a role: who signs, who operates, who only reads.",
         "access:members", MANAGE),
    Step("Let an agent in", "It gets a role and a key of its own, shown once.",
         "access:agents", "agent.manage"),
    Step("Say who is on call", "A schedule fills a role; whoever is on duty is called.",
         "oncall:board", "oncall.manage"),
    Step("Take alerts", "A source has a key; Alertmanager and others send to it.",
         "admin:incidents_alertsource_changelist", "alert.source"),
    Step("Plan a mission", "What an agent is to do, who signs, how it is undone.",
         "missions:new", "mission.create"),
)  # fmt: skip


def steps(actor: Actor, workspace: Workspace | None) -> list[Step]:
    """Those the reader may take; none once there are two people."""
    if workspace is None or not policy.can(actor, MANAGE, workspace):
        return []
    if Membership.objects.current().filter(workspace=workspace).count() > 1:
        return []
    return [step for step in STEPS if policy.can(actor, step.action, workspace)]
