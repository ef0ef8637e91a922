"""Items that hold each other up."""

from __future__ import annotations

from typing import Any

from controlplane.lib.actors import Actor
from controlplane.work import services
from controlplane.work.models import Dependency, Item, Project
from tests import make
from tests.kit import work


class Graph:
    """Items by name."""

    def __init__(self, *names: str, **types: str) -> None:
        self.workspace = make.workspace()
        self.actor: Actor = work.worker(self.workspace)
        self.project: Project = work.project(self.workspace)
        self.keys = {
            name: work.item(self.project, name, actor=self.actor, **({"item_type": kind}))
            for name, kind in {**dict.fromkeys(names, "task"), **types}.items()
        }

    def __getitem__(self, name: str) -> Item:
        return Item.objects.get(pk=self.keys[name].pk)

    def edge(self, item: str, target: str, kind: str = "blocks", **more: Any) -> Dependency:
        return services.add_dependency(
            self[item], self[target], actor=self.actor, kind=kind, **more
        )

    def close(self, name: str, **more: Any) -> Item:
        return services.close_item(self[name], actor=self.actor, reason="done", **more)

    def ready(self) -> set[str]:
        return {item.title for item in self.project.items.ready()}
