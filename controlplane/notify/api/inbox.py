"""The caller's own inbox and wishes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers

from controlplane.access.models import User
from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import ListView, PortalAPIView, PortalRequest
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotFound
from controlplane.notify import services
from controlplane.notify.models import InboxItem, Preference

# One's own things, but not with any key: one made for something else must neither read the news
# of its person nor silence it. Everybody in a workspace holds this, as the console asks too.
OWN = "workspace.view"


class InboxRow(StrictSerializer):
    uid = serializers.UUIDField()
    subject = serializers.CharField(source="notification.subject")
    body = serializers.CharField(source="notification.body")
    kind = serializers.CharField(source="notification.kind")
    urgency = serializers.CharField(source="notification.urgency")
    link = serializers.CharField(source="notification.link")
    created_at = serializers.DateTimeField()
    read_at = serializers.DateTimeField(allow_null=True)


class InboxFilter(PortalFilterSet):
    unread = BooleanFilter(field_name="read_at", lookup_expr="isnull")


class InboxView(ListView):
    """The caller's open inbox, newest first."""

    actions = {"GET": OWN}
    in_workspace = False
    output = InboxRow
    filterset = InboxFilter
    tags = ["inbox"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return InboxItem.objects.visible_to(request.actor).open()


class Items(StrictSerializer):
    items = serializers.ListField(child=serializers.UUIDField(), max_length=500)


class Changed(StrictSerializer):
    changed = serializers.IntegerField()


class _OwnItemsView(PortalAPIView):
    """What one does with items of one's own inbox, several at once."""

    actions = {"POST": OWN}
    in_workspace = False
    inputs = {"POST": Items}
    outputs = {"POST": Changed}
    tags = ["inbox"]

    def change(self, actor: Actor, items: list[UUID]) -> int:
        raise NotImplementedError

    def post(self, request: Any) -> HttpResponse:
        items = self.read(request)["items"]
        return JsonAnswer({"changed": self.change(request.actor, items)})


class InboxReadView(_OwnItemsView):
    """Mark items of one's own inbox as read."""

    def change(self, actor: Actor, items: list[UUID]) -> int:
        return services.mark_read(actor, items)


class InboxArchiveView(_OwnItemsView):
    """Put items of one's own inbox away."""

    def change(self, actor: Actor, items: list[UUID]) -> int:
        return services.archive(actor, items)


class InboxPutBackView(_OwnItemsView):
    """Put items that were put away back into one's own inbox. What was read stays read."""

    def change(self, actor: Actor, items: list[UUID]) -> int:
        return services.put_back(actor, items)


class Wish(StrictSerializer):
    kind = serializers.CharField(max_length=60)
    method = serializers.ChoiceField(choices=["inbox", "email"])
    wanted = serializers.BooleanField()


class PreferencesView(ListView):
    """What the caller wants to be told, by kind and way. `*` stands for every kind."""

    actions = {"GET": OWN, "PUT": OWN}
    in_workspace = False
    output = Wish
    inputs = {"PUT": Wish}
    outputs = {"PUT": Wish}
    tags = ["inbox"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Preference.objects.filter(user_id=request.actor.user_id or 0)

    def put(self, request: Any) -> HttpResponse:
        user = User.objects.filter(pk=request.actor.user_id or 0).first()
        if user is None:
            raise NotFound("Only people have preferences.")
        wish = services.set_preference(user, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(wish))
