"""API doors: one's inbox and wishes, the contact book, channels, dead letters."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import path
from rest_framework import serializers

from controlplane.access.models import User
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import (
    SIGNED_IN,
    DetailView,
    ListView,
    PortalAPIView,
    PortalRequest,
)
from controlplane.lib.errors import NotFound
from controlplane.notify import services
from controlplane.notify.models import (
    Channel,
    Contact,
    InboxItem,
    Notification,
    OutboxMessage,
    Preference,
    Urgency,
)

# --- The caller's own inbox and wishes -------------------------------------------------------


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

    actions = {"GET": SIGNED_IN}
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


class InboxReadView(PortalAPIView):
    """Mark items of one's own inbox as read."""

    actions = {"POST": SIGNED_IN}
    in_workspace = False
    inputs = {"POST": Items}
    outputs = {"POST": Changed}
    tags = ["inbox"]

    def post(self, request: Any) -> HttpResponse:
        items = self.read(request)["items"]
        return JsonAnswer({"changed": services.mark_read(request.actor, items)})


class InboxArchiveView(PortalAPIView):
    """Put items of one's own inbox away."""

    actions = {"POST": SIGNED_IN}
    in_workspace = False
    inputs = {"POST": Items}
    outputs = {"POST": Changed}
    tags = ["inbox"]

    def post(self, request: Any) -> HttpResponse:
        items = self.read(request)["items"]
        return JsonAnswer({"changed": services.archive(request.actor, items)})


class Wish(StrictSerializer):
    kind = serializers.CharField(max_length=60)
    method = serializers.ChoiceField(choices=["inbox", "email"])
    wanted = serializers.BooleanField()


class PreferencesView(ListView):
    """What the caller wants to be told, by kind and way. `*` stands for every kind."""

    actions = {"GET": SIGNED_IN, "PUT": SIGNED_IN}
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


# --- Contacts --------------------------------------------------------------------------------


class ContactRow(StrictSerializer):
    uid = serializers.UUIDField()
    family = serializers.CharField()
    purpose = serializers.CharField()
    name = serializers.CharField()
    email = serializers.CharField()
    phone = serializers.CharField()
    handle = serializers.CharField()
    coverage = serializers.CharField()
    notes = serializers.CharField()
    order = serializers.IntegerField()
    is_active = serializers.BooleanField()
    verified_at = serializers.DateTimeField(allow_null=True)


class ContactChange(StrictSerializer):
    family = serializers.ChoiceField(choices=Contact.Family.choices, required=False)
    purpose = serializers.CharField(max_length=60, required=False)
    name = serializers.CharField(max_length=120, required=False)
    email = serializers.EmailField(required=False, allow_blank=True)
    phone = serializers.CharField(max_length=40, required=False, allow_blank=True)
    handle = serializers.CharField(max_length=80, required=False, allow_blank=True)
    coverage = serializers.CharField(max_length=120, required=False, allow_blank=True)
    notes = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    order = serializers.IntegerField(min_value=0, max_value=1000, required=False)


class ContactNew(ContactChange):
    purpose = serializers.CharField(max_length=60)
    name = serializers.CharField(max_length=120)


class ContactFilter(PortalFilterSet):
    family = django_filters.ChoiceFilter(choices=Contact.Family.choices)
    purpose = django_filters.CharFilter(max_length=60)
    is_active = BooleanFilter()


class ContactsView(ListView):
    actions = {"GET": "contact.view", "POST": "contact.manage"}
    output = ContactRow
    filterset = ContactFilter
    inputs = {"POST": ContactNew}
    outputs = {"POST": ContactRow}
    statuses = {"POST": 201}
    tags = ["contacts"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Contact.objects.visible_to(request.actor).filter(workspace=request.workspace)

    def post(self, request: Any) -> HttpResponse:
        contact = services.add_contact(request.workspace, actor=request.actor, **self.read(request))
        return created(self.show(contact), f"/api/v1/contacts/{contact.uid}")


class ContactView(DetailView):
    actions = {"GET": "contact.view", "PATCH": "contact.manage", "DELETE": "contact.manage"}
    output = ContactRow
    inputs = {"PATCH": ContactChange}
    outputs = {"PATCH": ContactRow, "DELETE": ContactRow}
    tags = ["contacts"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Contact.objects.visible_to(request.actor).filter(workspace=request.workspace)

    def patch(self, request: Any, uid: UUID) -> HttpResponse:
        contact = self.object(request, {"uid": uid})
        changed = services.change_contact(contact, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(changed))

    def delete(self, request: Any, uid: UUID) -> HttpResponse:
        """The row stays for the record, switched off."""
        contact = self.object(request, {"uid": uid})
        return JsonAnswer(self.show(services.remove_contact(contact, actor=request.actor)))


class Chair(StrictSerializer):
    purpose = serializers.CharField()
    title = serializers.CharField()
    family = serializers.CharField()


class Chairs(StrictSerializer):
    items = Chair(many=True)


class MissingContactsView(PortalAPIView):
    """Chairs of the playbook that nobody sits in."""

    actions = {"GET": "contact.view"}
    outputs = {"GET": Chairs}
    tags = ["contacts"]

    def get(self, request: Any) -> HttpResponse:
        chairs = services.missing_contacts(request.workspace)
        return JsonAnswer(
            {
                "items": [
                    {"purpose": chair.purpose, "title": chair.label, "family": chair.family}
                    for chair in chairs
                ]
            }
        )


# --- Channels --------------------------------------------------------------------------------


class ChannelRow(StrictSerializer):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.CharField()
    target = serializers.CharField()
    urgencies = serializers.ListField(child=serializers.CharField())
    is_active = serializers.BooleanField()
    failures_in_a_row = serializers.IntegerField()
    last_ok_at = serializers.DateTimeField(allow_null=True)
    last_error = serializers.CharField()
    version = serializers.IntegerField()


class ChannelChange(StrictSerializer):
    name = serializers.CharField(max_length=80, required=False)
    target = serializers.CharField(max_length=300, required=False, allow_blank=True)
    secret = serializers.CharField(max_length=2000, required=False, write_only=True)
    urgencies = serializers.ListField(
        child=serializers.ChoiceField(choices=Urgency.choices), required=False, max_length=3
    )


class ChannelNew(ChannelChange):
    name = serializers.CharField(max_length=80)
    kind = serializers.ChoiceField(choices=Channel.Kind.choices)


class ChannelsView(ListView):
    actions = {"GET": "notify.view", "POST": "notify.manage_channels"}
    output = ChannelRow
    inputs = {"POST": ChannelNew}
    outputs = {"POST": ChannelRow}
    statuses = {"POST": 201}
    tags = ["channels"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Channel.objects.visible_to(request.actor).filter(workspace=request.workspace)

    def post(self, request: Any) -> HttpResponse:
        channel = services.create_channel(
            request.workspace, actor=request.actor, **self.read(request)
        )
        return created(self.show(channel), f"/api/v1/channels/{channel.uid}")


class ChannelView(DetailView):
    actions = {"GET": "notify.view", "PATCH": "notify.manage_channels"}
    output = ChannelRow
    inputs = {"PATCH": ChannelChange}
    outputs = {"PATCH": ChannelRow}
    version: ClassVar[Any] = ("version",)
    if_match = {"PATCH": "optional"}
    tags = ["channels"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Channel.objects.visible_to(request.actor).filter(workspace=request.workspace)

    def patch(self, request: Any, uid: UUID) -> HttpResponse:
        channel = self.object(request, {"uid": uid})
        changed = services.change_channel(
            channel, actor=request.actor, version=channel.version, **self.read(request)
        )
        return JsonAnswer(self.show(changed))


class TestResult(StrictSerializer):
    result = serializers.ChoiceField(choices=["accepted", "retry", "rejected"])
    detail = serializers.CharField()
    status = serializers.IntegerField(allow_null=True)


class Nothing(StrictSerializer):
    """An empty body."""


class ChannelTestView(PortalAPIView):
    """Send a test message now, and answer with what the receiver said."""

    actions = {"POST": "notify.manage_channels"}
    inputs = {"POST": Nothing}
    outputs = {"POST": TestResult}
    tags = ["channels"]

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        self.read(request)
        rows = Channel.objects.visible_to(request.actor).filter(workspace=request.workspace)
        channel = rows.filter(uid=uid).first()
        if channel is None:
            raise NotFound("Nothing is here, or it is not yours to see.")
        outcome = services.test_channel(channel, actor=request.actor)
        return JsonAnswer(
            {"result": outcome.kind, "detail": outcome.detail, "status": outcome.status}
        )


# --- Outbox and deliveries -------------------------------------------------------------------


class MessageRow(StrictSerializer):
    uid = serializers.UUIDField()
    topic = serializers.CharField()
    key = serializers.CharField()
    subject = serializers.CharField()
    state = serializers.CharField()
    attempts = serializers.IntegerField()
    max_attempts = serializers.IntegerField()
    last_error = serializers.CharField()
    ready_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class MessageFilter(PortalFilterSet):
    state = django_filters.ChoiceFilter(
        choices=[(state, state) for state in ("waiting", "leased", "done", "dead")]
    )
    topic = django_filters.CharFilter(max_length=60)


class OutboxView(ListView):
    """Messages on their way out, done or dead. `?state=dead` is the dead letters."""

    actions = {"GET": "notify.view"}
    output = MessageRow
    filterset = MessageFilter
    tags = ["outbox"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return OutboxMessage.objects.visible_to(request.actor).filter(workspace=request.workspace)


class Reason(StrictSerializer):
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True)


class ReplayView(DetailView):
    """Send a dead letter again, under its old key."""

    actions = {"POST": "notify.replay"}
    output = MessageRow
    inputs = {"POST": Reason}
    outputs = {"POST": MessageRow}
    tags = ["outbox"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return OutboxMessage.objects.visible_to(request.actor).filter(workspace=request.workspace)

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        message = self.object(request, {"uid": uid})
        reason = self.read(request).get("reason", "")
        return JsonAnswer(self.show(services.replay(message, actor=request.actor, reason=reason)))


class NotificationRow(StrictSerializer):
    uid = serializers.UUIDField()
    kind = serializers.CharField()
    urgency = serializers.CharField()
    subject = serializers.CharField()
    about = serializers.CharField()
    note = serializers.CharField()
    created_at = serializers.DateTimeField()


class NotificationsView(ListView):
    """News of the workspace; who got it stands in its deliveries."""

    actions = {"GET": "notify.view"}
    output = NotificationRow
    tags = ["outbox"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Notification.objects.visible_to(request.actor).filter(workspace=request.workspace)


class DeliveryRow(StrictSerializer):
    uid = serializers.UUIDField()
    method = serializers.CharField()
    person = serializers.CharField(source="user.email", allow_null=True)
    channel = serializers.CharField(source="channel.name", allow_null=True)
    state = serializers.CharField()
    why = serializers.CharField()
    settled_at = serializers.DateTimeField(allow_null=True)


class DeliveriesView(ListView):
    """Every target of one notification, with its own result."""

    actions = {"GET": "notify.view"}
    output = DeliveryRow
    tags = ["outbox"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        news = Notification.objects.visible_to(request.actor).filter(
            workspace=request.workspace, uid=self.kwargs["uid"]
        )
        found: Notification | None = news.first()
        if found is None:
            raise NotFound("Nothing is here, or it is not yours to see.")
        return found.deliveries.all()


urlpatterns = [
    path("v1/inbox", InboxView.as_view()),
    path("v1/inbox/read", InboxReadView.as_view()),
    path("v1/inbox/archive", InboxArchiveView.as_view()),
    path("v1/preferences", PreferencesView.as_view()),
    path("v1/contacts", ContactsView.as_view()),
    path("v1/contacts/missing", MissingContactsView.as_view()),
    path("v1/contacts/<uuid:uid>", ContactView.as_view()),
    path("v1/channels", ChannelsView.as_view()),
    path("v1/channels/<uuid:uid>", ChannelView.as_view()),
    path("v1/channels/<uuid:uid>/test", ChannelTestView.as_view()),
    path("v1/outbox", OutboxView.as_view()),
    path("v1/outbox/<uuid:uid>/replay", ReplayView.as_view()),
    path("v1/notifications", NotificationsView.as_view()),
    path("v1/notifications/<uuid:uid>/deliveries", DeliveriesView.as_view()),
]
