"""Projects, items, the edges between them, and what is said and shown about them."""

from controlplane.work.models.checks import CheckResult, GithubSource, HookDelivery
from controlplane.work.models.edges import Dependency
from controlplane.work.models.items import Item
from controlplane.work.models.projects import Project
from controlplane.work.models.talk import Comment, ItemEvent, ItemLink, Watching

__all__ = [
    "CheckResult",
    "Comment",
    "Dependency",
    "GithubSource",
    "HookDelivery",
    "Item",
    "ItemEvent",
    "ItemLink",
    "Project",
    "Watching",
]
