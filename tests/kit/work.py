"""Work items for tests, made as everybody makes them."""

from __future__ import annotations

from typing import Any

from controlplane.access.models import User, Workspace
from controlplane.lib.actors import Actor
from controlplane.work import services
from controlplane.work.models import Item, Project
from tests import make


def project(workspace: Workspace) -> Project:
    """The operations project, which every workspace has."""
    return Project.objects.get(workspace=workspace, is_operations=True)


def worker(workspace: Workspace, role: str = "operations_command") -> Actor:
    return make.actor(make.person(workspace, role))


def _somebody(workspace: Workspace) -> Actor:
    """The same for all items of which nobody is said to make them."""
    name = "Wim Worker"
    found = User.objects.filter(memberships__workspace=workspace, name=name).first()
    return make.actor(found or make.person(workspace, "operations_command", name=name))


def item(where: Workspace | Project, title: str = "Look into it", **given: Any) -> Item:
    there = where if isinstance(where, Project) else project(where)
    actor = given.pop("actor", None) or _somebody(there.workspace)
    return services.create_item(there, actor=actor, title=title, **given)


def keys(answer: Any) -> list[str]:
    """Of a page of items that the API answered."""
    assert answer.status_code == 200, answer.content
    return [row["key"] for row in answer.json()["items"]]
