"""A workspace whose agents talk: an executioner, a reviewer and a coordinator in one thread."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import Any

from django.db.models import F

from controlplane.access.models import Agent, Workspace
from controlplane.access.principals import actor_for_agent
from controlplane.lib.actors import Actor
from missions.threads import services
from missions.threads.drafts import read
from missions.threads.models import AgentPulse, Participant, Thread, WakeTrigger
from tests import make


class Talk:
    def __init__(self, workspace: Workspace | None = None) -> None:
        self.workspace = workspace or make.workspace()
        self.executioner = self.agent("executioner")
        self.reviewer = self.agent("reviewer")
        self.coordinator = self.agent("coordinator")

    def agent(self, role: str, name: str = "") -> Agent:
        return make.agent(self.workspace, role=role, **({"name": name} if name else {}))

    @cached_property
    def operator(self) -> Actor:
        return make.actor(make.person(self.workspace, "operations_command"))

    @cached_property
    def thread(self) -> Thread:
        return self.begin()

    def begin(self, **given: Any) -> Thread:
        everybody = [(each, "") for each in (self.executioner, self.reviewer, self.coordinator)]
        values = {"title": "Review of the change", "participants": everybody, **given}
        return services.create_thread(self.workspace, actor=self.by("coordinator"), **values)

    def by(self, who: str | Agent) -> Actor:
        agent = getattr(self, who) if isinstance(who, str) else who
        return actor_for_agent(agent)

    def post(
        self, who: str | Agent | Actor, body: str = "Hello.", thread: Thread | None = None,
        **given: Any,
    ) -> services.Posted:  # fmt: skip
        actor = who if isinstance(who, Actor) else self.by(who)
        draft = read({"body": body, **given})
        return services.post_message((thread or self.thread).uid, draft, actor=actor)

    def event(self, who: str | Agent, name: str, body: str = "It leaks.", **given: Any) -> Any:
        return self.post(who, body, kind="event", event_type=name, **given)

    def asleep(self, *agents: Agent) -> None:
        """They showed themselves long ago."""
        rows = AgentPulse.objects.filter(agent__in=agents or self.everybody)
        rows.update(seen_at=F("seen_at") - timedelta(hours=1))

    @property
    def everybody(self) -> list[Agent]:
        return [self.executioner, self.reviewer, self.coordinator]

    def part(self, agent: Agent, thread: Thread | None = None) -> Participant:
        return Participant.objects.get(thread=thread or self.thread, agent=agent)

    def wakes(self, agent: Agent | None = None) -> list[WakeTrigger]:
        rows = WakeTrigger.objects.filter(workspace=self.workspace).order_by("pk")
        return list(rows.filter(agent=agent) if agent is not None else rows)
