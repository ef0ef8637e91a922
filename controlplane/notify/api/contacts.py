"""The contact book."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import DetailView, ListView, PortalAPIView, PortalRequest
from controlplane.notify import services
from controlplane.notify.models import Contact


class ContactRow(StrictSerializer):
    uid = serializers.UUIDField()
    family = serializers.CharField()
    purpose = serializers.CharField()
    name = serializers.CharField()
    email = serializers.CharField()
    phone = serializers.CharField()
    handle = serializers.CharField()
    coverage = serializers.CharField()
    time_zone = serializers.CharField()
    days = serializers.ChoiceField(choices=Contact.Days.choices)
    from_time = serializers.TimeField(allow_null=True, help_text="Null: at any time.")
    until_time = serializers.TimeField(allow_null=True)
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
    coverage = serializers.CharField(
        max_length=120, required=False, allow_blank=True, help_text="In words, for people."
    )
    time_zone = serializers.CharField(max_length=64, required=False)
    days = serializers.ChoiceField(choices=Contact.Days.choices, required=False)
    from_time = serializers.TimeField(required=False, allow_null=True, help_text="Neither: always.")
    until_time = serializers.TimeField(required=False, allow_null=True)
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
    if_match = {"PATCH": "optional", "DELETE": "optional"}
    version = (
        "family",
        "purpose",
        "name",
        "user_id",
        "email",
        "phone",
        "handle",
        "coverage",
        "time_zone",
        "days",
        "from_time",
        "until_time",
        "notes",
        "order",
        "is_active",
        "verified_at",
    )
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


class WhoPerson(StrictSerializer):
    uid = serializers.UUIDField()
    name = serializers.CharField()


class WhoIsThere(StrictSerializer):
    purpose = serializers.CharField()
    people = WhoPerson(many=True)
    contacts = ContactRow(many=True)
    note = serializers.CharField()


class WhoView(PortalAPIView):
    """Who is there for a purpose, a role or a specialty (security, database, partner, legal):
    people with an account first to last, entries of the contact book, and a sentence when nobody
    is there."""

    actions = {"GET": "contact.view"}
    outputs = {"GET": WhoIsThere}
    tags = ["contacts"]

    def get(self, request: Any, purpose: str) -> HttpResponse:
        found = services.who(request.workspace, purpose)
        return JsonAnswer(
            {
                "purpose": purpose,
                "people": [{"uid": str(one.uid), "name": one.name} for one in found.people],
                "contacts": ContactRow(found.contacts, many=True).data,
                "note": found.note,
            }
        )


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
