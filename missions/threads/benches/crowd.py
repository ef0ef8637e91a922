"""Who talks: agents with keys, threads of two and one thread of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from controlplane.access import services as access
from controlplane.access.models import Agent, Workspace
from controlplane.access.services.agents import create_agent
from controlplane.access.services.keys import issue_key
from controlplane.lib import actors
from missions.threads import services

JOB = actors.job("bench")


@dataclass(frozen=True, slots=True)
class Speaker:
    """One client: writes in its thread with its own key; somebody else who takes part reads."""

    key: str
    reader: str
    thread: Any  # its uid; the original names threads by texts


class Crowd:
    def __init__(self, clients: int) -> None:
        self.workspace: Workspace = access.create_workspace("bench-threads", actor=JOB)
        self.agents = [self.agent(f"writer-{n}", "executor") for n in range(clients)]
        readers = [self.agent(f"reader-{n}", "reviewer") for n in range(clients)]
        self.keys = [self.key(agent) for agent in self.agents]
        pairs = [
            self.thread(f"Work {n}", pair)
            for n, pair in enumerate(zip(self.agents, readers, strict=True))
        ]
        self.own = [
            Speaker(key, self.key(reader), thread)
            for key, reader, thread in zip(self.keys, readers, pairs, strict=True)
        ]
        shared = self.thread("All of them", self.agents)
        next_one = [*self.keys[1:], self.keys[0]]
        self.shared = [
            Speaker(key, other, shared) for key, other in zip(self.keys, next_one, strict=True)
        ]

    def agent(self, name: str, role: str) -> Agent:
        return create_agent(self.workspace, actor=JOB, name=name, role=role)

    def key(self, agent: Agent) -> str:
        issued = issue_key(agent, actor=JOB, workspace=self.workspace, name=f"of {agent.name}")
        return str.__str__(issued.secret)

    def thread(self, title: str, agents: list[Agent] | tuple[Agent, ...]) -> UUID:
        row = services.create_thread(
            self.workspace, actor=JOB, title=title, participants=[(each, "") for each in agents]
        )
        return row.uid
