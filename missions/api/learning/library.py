"""The library: found, written, published, retired."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import django_filters
from django.http import HttpResponse

from controlplane.access.policy import can
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import PortalFilterSet
from controlplane.base.api.views import DetailView, ListView, PortalAPIView, PortalRequest
from controlplane.lib.errors import Invalid
from missions.api.learning import examples, forms, shapes
from missions.api.missions import mission_of
from missions.learning import lookups
from missions.models import Asset
from missions.services import library

VIEW, WRITE = "library.view", "library.write"


class FindView(PortalAPIView):
    """The published part of the library."""

    actions = {"GET": VIEW}
    outputs = {"GET": forms.Hits}
    query = ("q", "category", "tag", "limit")
    tags: ClassVar[Sequence[str]] = forms.LIBRARY

    def get(self, request: Any) -> HttpResponse:
        """Find published assets, the nearest first; without words the most used

        `q` as people type: quotes, `or`, `-`. Answers are remembered for a day and forgotten with
        every change of the library.
        """
        asked = request._request.GET
        category, limit = asked.get("category", ""), asked.get("limit", "20")
        if category and category not in Asset.Category.values:
            raise Invalid("category: No such category.", details={"category": "No such category."})
        if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:4]) <= lookups.MOST):
            said = f"1 to {lookups.MOST}."
            raise Invalid(f"limit: {said}", details={"limit": said})
        tags = [each[:40] for each in asked.getlist("tag")[:20]]
        found = lookups.find(
            request.workspace.pk, _words(asked.get("q", "")), category=category, tags=tags,
            most=int(limit),
        )  # fmt: skip
        return JsonAnswer({"items": found})


def _words(given: str) -> str:
    """What the database can be asked for."""
    return given.replace("\x00", "").encode(errors="ignore").decode()


class AssetFilter(PortalFilterSet):
    status = django_filters.ChoiceFilter(choices=Asset.Status.choices)
    category = django_filters.ChoiceFilter(choices=Asset.Category.choices)


class _Rows:
    tags: ClassVar[Sequence[str]] = forms.LIBRARY

    def rows(self, request: PortalRequest) -> Any:
        rows = Asset.objects.visible_to(request.actor).of(request.workspace)
        return rows.select_related("workspace", "source_mission").defer("text", "search")


class AssetsView(_Rows, ListView):
    """Assets of the library, drafts too."""

    actions = {"GET": VIEW, "POST": WRITE}
    output = forms.AssetRow
    inputs = {"POST": forms.AssetNew}
    outputs = {"POST": forms.AssetRow}
    filterset = AssetFilter
    examples = {"POST": examples.ASSET}
    errors = (409,)

    def post(self, request: Any) -> HttpResponse:
        """Write a draft; a curator publishes it"""
        given = self.read(request)
        source = given.pop("source", "")
        made = library.create_asset(
            request.workspace, actor=request.actor, note_=given.pop("note", ""),
            source=mission_of(request, source) if source else None, **given,
        )  # fmt: skip
        return created(self.show(made), f"{request.path}/{made.uid}")


class _One(_Rows, DetailView):
    output = forms.AssetRow
    version = ("version",)
    errors = (409, 422)

    def whole(self, request: Any, row: Asset) -> HttpResponse:
        row = self.rows(request).get(pk=row.pk)
        drafts = bool(can(request.actor, WRITE, row))
        return JsonAnswer(shapes.asset(row, self.show(row), with_draft=drafts))


class AssetView(_One):
    """One asset: what it is called, what it says."""

    actions = {"GET": VIEW, "PATCH": WRITE}
    inputs = {"PATCH": forms.AssetChange}
    outputs = {"GET": forms.AssetWhole, "PATCH": forms.AssetWhole}
    examples = {"PATCH": {"tags": ["crm", "eu"], "version": 3}}

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """One asset, with the version that is published and the one being written"""
        return self.whole(request, self.object(request, kwargs))

    def patch(self, request: Any, uid: Any) -> HttpResponse:
        """Say what it is called and where it belongs; what it says is a version"""
        row = self.object(request, {"uid": uid})
        library.describe_asset(row, actor=request.actor, **self.read(request))
        return self.whole(request, row)


class DraftView(_One):
    """The next version of an asset."""

    actions = {"PUT": WRITE}
    inputs = {"PUT": forms.Draft}
    outputs = {"PUT": forms.AssetWhole}
    examples = {"PUT": {"body": "Ask twice.", "note": "Shorter.", "version": 3}}

    def put(self, request: Any, uid: Any) -> HttpResponse:
        """Write in it; what is left out stays as it is published"""
        row = self.object(request, {"uid": uid})
        library.write_draft(row, actor=request.actor, **self.read(request))
        return self.whole(request, row)


class _Move(_One):
    service: ClassVar[Callable[..., Any]]
    outputs = {"POST": forms.AssetWhole}
    statuses = {"POST": 200}

    def move(self, request: Any, uid: Any, **names: str) -> HttpResponse:
        """What is not theirs to see is gone before anybody reads what they sent. `names`: what a
        field is called by the service."""
        row = self.object(request, {"uid": uid})
        given = {names.get(name, name): value for name, value in self.read(request).items()}
        type(self).service(row, actor=request.actor, **given)
        return self.whole(request, row)


class PublishView(_Move):
    """The draft of an asset, published."""

    actions = {"POST": "library.publish"}
    inputs = {"POST": forms.Publish}
    service = staticmethod(library.publish_asset)
    examples = {"POST": {"note": "The first mail asks what they miss.", "version": 2}}

    def post(self, request: Any, uid: Any) -> HttpResponse:
        """Publish the draft: a version that stays as it is

        Of two who publish at once one does; the other gets 409 and hears what was published.
        """
        return self.move(request, uid, note="note_")


class RetireView(_Move):
    """An asset that nobody shall find any more."""

    actions = {"POST": "library.retire"}
    inputs = {"POST": forms.WhyGiven}
    service = staticmethod(library.retire_asset)

    def post(self, request: Any, uid: Any) -> HttpResponse:
        """Retire it; missions that used it keep what they used"""
        return self.move(request, uid)


class RestoreView(_Move):
    """An asset that was retired."""

    actions = {"POST": "library.retire"}
    inputs = {"POST": forms.WhyGiven}
    service = staticmethod(library.restore_asset)

    def post(self, request: Any, uid: Any) -> HttpResponse:
        """Bring it back as it was"""
        return self.move(request, uid)
