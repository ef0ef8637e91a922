"""Whom and what a request of the work graph is about."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from controlplane.base.api.views import DetailView, PortalRequest
from controlplane.lib.errors import Invalid, NotFound
from controlplane.lib.kept import Question
from controlplane.work.models import Item, Project
from controlplane.work.services import graph

MANY = 200  # projects
NOTHING = "Nothing is here, or it is not yours to see."


def projects_of(request: Any) -> QuerySet[Project]:
    """The workspace's projects; of sandboxes only one's own."""
    mine: QuerySet[Project] = Project.objects.visible_to(request.actor).of(request.workspace)
    return mine


def project_named(request: Any, named: str = "") -> Project:
    """By uid or name; without one, the workspace's operations project."""
    rows = projects_of(request)
    if not named:
        return _one(rows.filter(is_operations=True))
    uid = uid_of(named)
    return _one(rows.filter(uid=uid) if uid else rows.filter(name__iexact=named, is_sandbox=False))


def _one(rows: QuerySet[Project]) -> Project:
    found = rows.first()
    if found is None:
        raise NotFound("No such project here.", details={"project": "Not here."})
    return found


def asked_project(request: Any) -> Project:
    """The one of `?project=`."""
    return project_named(request, getattr(request, "_request", request).GET.get("project", ""))


def uid_of(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def items_of(request: Any) -> Any:
    """The workspace's items; with `?project=` those of one project, or of one's own sandbox."""
    rows = Item.objects.visible_to(request.actor).of(request.workspace)
    if getattr(request, "_request", request).GET.get("project"):
        return rows.filter(project=asked_project(request))
    ids = few_shared(request)
    return rows.filter(project__in=_shared(request.workspace.pk) if ids is None else ids)


def few_shared(request: Any) -> list[int] | None:
    """Shared projects by number where they are few. Of a question within the question the planner
    cannot know how many items it leads to: it takes a hundredth, and sorts them all."""
    found: list[int] | None = getattr(request, FEW, _UNKNOWN)
    if found is not _UNKNOWN:
        return found
    ids = _FIRST_SHARED.rows(request.workspace.pk)
    return ids if len(ids) <= MANY else None


def _shared(workspace_id: int) -> QuerySet[Project]:
    found: QuerySet[Project] = Project.objects.filter(workspace=workspace_id).shared().in_use()
    return found.order_by()


# Where a request that only reads remembers them.
FEW = "_few_shared_projects"
_UNKNOWN: Any = object()
_FIRST_SHARED: Question[int] = Question(
    lambda workspace: _shared(workspace).values_list("pk", flat=True)[: MANY + 1]
)


def item_named(request: Any, key: str) -> Item:
    """By key, in any case, or by uid. A key that several projects use means the operations
    project's item, or must come with `?project=`."""
    uid = uid_of(key)
    rows = items_of(request).select_related("project", "parent")
    if uid is not None:
        found = list(Item.objects.filter(project__in=projects_of(request), uid=uid)[:1])
    else:
        found = list(rows.called(key).order_by("-project__is_operations", "id")[:2])
    if not found:
        raise NotFound(NOTHING)
    if len(found) > 1 and not found[0].project.is_operations:
        raise Invalid(
            f"Several projects have an item {found[0].key}: name the project.",
            details={"project": "Name it by uid or name."},
        )
    item: Item = found[0]
    return item


def named_in_body(request: Any, values: dict[str, Any], name: str) -> None:
    """Replace the key of an item by the item. One of another workspace is as unknown as none."""
    key = values.get(name)
    if not key:
        if name in values:
            values[name] = None
        return
    try:
        values[name] = item_named(request, key)
    except NotFound:
        raise Invalid(f"There is no item {key}.", details={name: "There is none."}) from None


class OfItem(DetailView):
    """A route about one item, which the path names as people do."""

    tags = ["work"]
    query = ("project",)
    lookup = "uid"
    version = ("revision",)
    is_kept = True

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Item.objects.visible_to(request.actor).of(request.workspace)

    def named(self, request: Any, key: str) -> dict[str, Any]:
        """The item's uid, to look for as every detail view does."""
        return {"uid": item_named(request, key).uid}

    def item(self, request: Any, key: str) -> Item:
        """The item to act on; in the version the caller saw, if they said which: its row is
        locked then, and the graph's lock always comes before a row's."""
        if self._states_version(request):
            graph.lock(request.workspace.pk)
        found: Item = self.object(request, self.named(request, key))
        return found
