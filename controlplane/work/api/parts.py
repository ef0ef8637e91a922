"""What belongs to one item: comments, history, edges, tree, evidence, files."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer, created, nothing
from controlplane.base.api.schema import PortalSchema
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import DetailView, ListView, PortalAPIView, PortalRequest
from controlplane.lib.errors import Invalid, NotFound
from controlplane.work import files, services
from controlplane.work.api import examples, forms
from controlplane.work.api.common import NOTHING, item_named, projects_of
from controlplane.work.models import Comment, Dependency, Item, ItemEvent, ItemLink
from controlplane.work.services import trees

DOWNLOADS = "/api/v1/work/attachments"
MAX_UPLOAD = 15 * 1024 * 1024


class PartList(ListView):
    """Shared by lists of what belongs to an item."""

    query = ("project",)
    tags = ["work"]
    sorts: ClassVar[Mapping[str, Any]] = {"oldest": ("pk",), "newest": ("-pk",)}

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return self.of(item_named(request, self.kwargs["key"]))

    def of(self, item: Item) -> QuerySet[Any]:
        raise NotImplementedError


class CommentsView(PartList):
    """What was said about an item, in that order. It stays as it was said."""

    actions = {"GET": "work.view", "POST": "work.comment"}
    output = forms.CommentRow
    inputs = {"POST": forms.CommentNew}
    outputs = {"POST": forms.CommentRow}
    examples = {"GET": examples.page(examples.COMMENT), "POST": {"text": "Build 311 green"}}

    def of(self, item: Item) -> QuerySet[Any]:
        return Comment.objects.about(item)

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        return row | {"id": str(row["id"])}

    def post(self, request: Any, key: str) -> HttpResponse:
        """Say something about an item"""
        values = self.read(request)
        item = item_named(request, key)
        return created(self.show(services.comment(item, actor=request.actor, **values)))


class EventsView(PartList):
    """What happened to an item: who, what, old, new."""

    actions = {"GET": "work.view"}
    output = forms.EventRow
    sorts = {"newest": ("-pk",), "oldest": ("pk",)}
    examples = {"GET": examples.page(examples.EVENT)}

    def of(self, item: Item) -> QuerySet[Any]:
        return ItemEvent.objects.about(item)

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        return row | {"id": str(row["id"])}


class DependenciesView(PartList):
    """The edges of an item, both ways: `issue` is the dependent or child."""

    actions = {"GET": "work.view", "POST": "work.link"}
    output = forms.DependencyRow
    inputs = {"POST": forms.DependencyNew}
    outputs = {"POST": forms.DependencyRow}
    examples = {
        "GET": examples.page(examples.EDGE),
        "POST": {"depends_on": "bd-9c2", "type": "blocks"},
    }

    def of(self, item: Item) -> QuerySet[Any]:
        return Dependency.objects.filter(Q(item=item) | Q(target=item))

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        return row | {"id": str(row["id"])}

    def post(self, request: Any, key: str) -> HttpResponse:
        """Let an item depend on another, or stand under it

        Refused (409) where it would close a circle. The same pair with another type takes it.
        """
        values = self.read(request)
        item = item_named(request, key)
        target = end_of(request, values.pop("depends_on"))
        edge = services.add_dependency(
            item, target, actor=request.actor, kind=values.pop("type"), **values
        )
        edge = Dependency.objects.select_related("item", "target").get(pk=edge.pk)
        return created(self.show(edge))


def end_of(request: Any, text: str) -> Item | str:
    """An item of the workspace; or the name of something elsewhere."""
    if text.startswith("external:"):
        return text
    try:
        return item_named(request, text)
    except NotFound:
        raise Invalid(
            f"There is no item {text}.", details={"depends_on": "There is none."}
        ) from None


class DependencyView(PortalAPIView):
    """Cut the edge between two items, of whatever type."""

    actions = {"DELETE": "work.link"}
    query = ("project",)
    tags = ["work"]

    def delete(self, request: Any, key: str, target: str) -> HttpResponse:
        item = item_named(request, key)
        if services.remove_dependency(item, end_of(request, target), actor=request.actor) is None:
            raise NotFound(NOTHING)
        return nothing()


# --- The tree ---------------------------------------------------------------------------------


class TreeNode(StrictSerializer):
    key = serializers.CharField()
    title = serializers.CharField()
    status = serializers.CharField()
    priority = serializers.IntegerField()
    issue_type = serializers.CharField()
    blocked = serializers.BooleanField()
    depth = serializers.IntegerField()
    above = serializers.CharField(help_text="The key that led here; empty for the root.")
    edge = serializers.CharField(help_text="By an edge of this type.")
    direction = serializers.CharField(help_text="down: depended on; up: dependent, or a child.")
    truncated = serializers.BooleanField(help_text="There is more behind it.")


class TreeAnswer(StrictSerializer):
    items = TreeNode(many=True)
    truncated = serializers.BooleanField()


class TreeView(PortalAPIView):
    """The tree of an item, in reading order

    `direction` is down (what it depends on, and its parents), up (what depends on it, and its
    children) or both, the default; `depth` at most 50. Never more than some thousand nodes.
    """

    actions = {"GET": "work.view"}
    outputs = {"GET": TreeAnswer}
    query = ("project", "direction", "depth")
    tags = ["work"]
    examples = {
        "GET": {
            "items": [
                {
                    "key": "bd-a1f",
                    "title": "Deploy 2025.10.16 to production",
                    "status": "open",
                    "priority": 1,
                    "issue_type": "deployment",
                    "blocked": True,
                    "depth": 0,
                    "above": "",
                    "edge": "",
                    "direction": "down",
                    "truncated": False,
                }
            ],
            "truncated": False,
        }
    }

    def get(self, request: Any, key: str) -> HttpResponse:
        asked = request._request.GET
        direction = asked.get("direction", "both")
        if direction not in {"down", "up", "both"}:
            raise Invalid("No such direction.", details={"direction": "down, up or both."})
        depth = asked.get("depth", "50")
        if not (depth.isascii() and depth.isdigit() and 1 <= int(depth[:3]) <= 50):
            raise Invalid("No such depth.", details={"depth": "A whole number from 1 to 50."})
        grown = trees.tree(item_named(request, key), direction=direction, max_depth=int(depth[:3]))
        return JsonAnswer(
            {"items": [_node(node) for node in grown.nodes], "truncated": grown.truncated}
        )


def _node(node: trees.Node) -> dict[str, Any]:
    item = node.item
    return {
        "key": item.key,
        "title": item.title,
        "status": item.status,
        "priority": item.priority,
        "issue_type": item.item_type,
        "blocked": item.blocked,
        "depth": node.depth,
        "above": node.above,
        "edge": node.kind,
        "direction": node.direction,
        "truncated": node.truncated,
    }


# --- Evidence ---------------------------------------------------------------------------------


class LinksView(PartList):
    """Evidence: links, and files with their hash."""

    actions: ClassVar[Mapping[str, str]] = {"GET": "work.view", "POST": "work.comment"}
    output = forms.LinkRow
    inputs: ClassVar[Mapping[str, Any]] = {"POST": forms.LinkNew}
    outputs: ClassVar[Mapping[str, Any]] = {"POST": forms.LinkRow}
    examples: ClassVar[Mapping[str, Any]] = {
        "GET": examples.page(examples.LINK),
        "POST": {"url": "https://grafana.example.org/d/canary", "title": "Error rate"},
    }

    def of(self, item: Item) -> QuerySet[Any]:
        return ItemLink.objects.about(item)

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        held = not row["url"]
        return row | {"download": f"{DOWNLOADS}/{row['uid']}" if held else None}

    def post(self, request: Any, key: str) -> HttpResponse:
        """Add a link to evidence"""
        values = self.read(request)
        item = item_named(request, key)
        return created(self.show(services.add_link(item, actor=request.actor, **values)))


class AttachmentsView(LinksView):
    """Files kept as evidence, each with its hash."""

    inputs = {"POST": forms.AttachmentNew}
    max_body = MAX_UPLOAD
    examples = {
        "GET": examples.page(
            {
                **examples.LINK,
                "url": "",
                "download": f"{DOWNLOADS}/{examples.LINK['uid']}",
                "size": 5,
                "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
                "media_type": "text/plain",
            }
        ),
        "POST": {
            "filename": "canary.log",
            "content_base64": "aGVsbG8=",
            "media_type": "text/plain",
        },
    }

    def of(self, item: Item) -> QuerySet[Any]:
        return ItemLink.objects.about(item).exclude(file="")

    def post(self, request: Any, key: str) -> HttpResponse:
        """Keep a file as evidence"""
        values = self.read(request)
        item = item_named(request, key)
        try:
            content = base64.b64decode(values.pop("content_base64"), validate=True)
        except (binascii.Error, ValueError):
            raise Invalid(
                "The content is not base64.", details={"content_base64": "Not base64."}
            ) from None
        row = self.show(services.attach(item, actor=request.actor, content=content, **values))
        return created(row, row["download"])


class FileSchema(PortalSchema):
    """The answer is the file."""

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies = super()._get_response_bodies(direction)
        if self.method != "GET":
            return bodies
        form = {"schema": {"type": "string", "format": "binary"}}
        bodies["200"]["content"] = {"application/octet-stream": form}
        bodies["200"]["description"] = "The file, to be saved and not to be shown."
        return bodies


class DownloadView(DetailView):
    """A file that was kept as evidence

    Whatever it is, it comes as a download: a page or a script among the evidence of an incident
    must never run here.
    """

    schema = FileSchema()
    actions = {"GET": "work.view", "DELETE": "work.delete"}
    output = forms.LinkRow
    tags = ["work"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        links = ItemLink.objects.visible_to(request.actor).filter(workspace=request.workspace)
        links = links.filter(item__project__in=projects_of(request))
        return links.select_related("item")

    def get(self, request: Any, uid: UUID) -> Any:
        return files.handed_out(self.object(request, {"uid": uid}))

    def delete(self, request: Any, uid: UUID) -> HttpResponse:
        """Take a wrong link or file away"""
        services.remove_link(self.object(request, {"uid": uid}), actor=request.actor)
        return nothing()
