"""People and agents a packet names by their refs, as they are called today.

Whoever asks writes the packet: a name is told only of somebody of the request's own workspace, or
a made-up packet could be used to ask who `user:7` of another one is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from controlplane.access.models import Agent, User
from controlplane.approvals.models import Request

MOST = 500
_REFS = re.compile(r'"(user|agent):([0-9]{1,18})"')


def names_in(request: Request) -> dict[str, str]:
    return names_of(request.packet_text, request.workspace_id)


def names_of(packet_text: str, workspace_id: int) -> dict[str, str]:
    found: dict[str, set[int]] = {"user": set(), "agent": set()}
    for kind, key in _REFS.findall(packet_text)[:MOST]:
        found[kind].add(int(key))
    names: dict[str, str] = {}
    if found["user"]:
        users = User.objects.filter(pk__in=found["user"], memberships__workspace_id=workspace_id)
        for key, name, email in users.values_list("pk", "name", "email"):
            names[f"user:{key}"] = name or email
    if found["agent"]:
        agents = Agent.objects.filter(pk__in=found["agent"], workspace_id=workspace_id)
        for key, name in agents.values_list("pk", "name"):
            names[f"agent:{key}"] = name
    return names


def spelled(value: Any, names: Mapping[str, str]) -> Any:
    """The same with names before the refs, for documents that hold text only."""
    if isinstance(value, str):
        return f"{names[value]} ({value})" if value in names else value
    if isinstance(value, list):
        return [spelled(one, names) for one in value]
    if isinstance(value, dict):
        return {key: spelled(one, names) for key, one in value.items()}
    return value
