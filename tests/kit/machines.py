"""Whoever keeps machines, and the machine."""

from __future__ import annotations

from typing import Any

from controlplane.access.models import Agent
from tests import make
from tests.kit.api import Api


def admin_of(workspace: Any, role: str = "workspace_admin") -> Api:
    return Api(browser=make.client(make.person(workspace, role)))


def machine(agent: Agent, **fields: Any) -> Api:
    return Api(make.key(agent, **fields)[1])
