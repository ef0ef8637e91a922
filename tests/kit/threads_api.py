"""Agents of a talk as callers of the API."""

from __future__ import annotations

from typing import Any

from controlplane.access.models import Agent, User
from tests import make
from tests.kit.api import Api
from tests.kit.threads import Talk

THREADS = "/api/v1/threads"


class Callers:
    """Everybody in a talk, each with a key of their own."""

    def __init__(self, talk: Talk | None = None) -> None:
        self.talk = talk or Talk()
        self.thread = self.talk.thread
        self.path = f"{THREADS}/{self.thread.uid}"
        self.executioner = self.agent(self.talk.executioner)
        self.reviewer = self.agent(self.talk.reviewer)
        self.coordinator = self.agent(self.talk.coordinator)

    def agent(self, agent: Agent, **given: Any) -> Api:
        return Api(make.key(agent, **given)[1])

    def stranger(self) -> Api:
        """An agent of the workspace that takes no part."""
        return self.agent(self.talk.agent("reviewer"))

    def outsider(self) -> Api:
        """An agent of another workspace."""
        return self.agent(make.agent(make.workspace(), role="reviewer"))

    def person(self, *roles: str) -> Api:
        user: User = make.person(self.talk.workspace, *roles)
        return Api(browser=make.client(user), **{"X-Workspace": self.talk.workspace.slug})

    def post(self, who: Api | None = None, body: str = "Hello.", **given: Any) -> Any:
        return (who or self.executioner).post(f"{self.path}/messages", {"body": body, **given})

    def read(self, who: Api | None = None, query: str = "") -> Any:
        return (who or self.reviewer).get(f"{self.path}/messages{query}")
