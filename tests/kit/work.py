"""Work items for tests, made as everybody makes them."""

from __future__ import annotations

from typing import Any

from controlplane.access.models import Workspace
from controlplane.lib.actors import Actor
from controlplane.work import services
from controlplane.work.models import Item, Project
from tests import make


def project(workspace: Workspace) -> Project:
    """The operations project, which every workspace has."""
    return Project.objects.get(workspace=workspace, is_operations=True)


def worker(workspace: Workspace, role: str = "operations_command") -> Actor:
    return make.actor(make.person(workspace, role))


def item(where: Workspace | Project, title: str = "Look into it", **given: Any) -> Item:
    there = where if isinstance(where, Project) else project(where)
    actor = given.pop("actor", None) or worker(there.workspace)
    return services.create_item(there, actor=actor, title=title, **given)
