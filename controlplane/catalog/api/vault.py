"""Which secrets there are and how old: never a value."""

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
from controlplane.base.api.views import DetailView, ListView, PortalRequest
from controlplane.catalog import services
from controlplane.catalog.api.entries import Reason
from controlplane.catalog.models import VaultSecret
from controlplane.catalog.models.vault import LONGEST


class SecretRow(StrictSerializer):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    purpose = serializers.CharField()
    kept_in = serializers.CharField()
    owner_role = serializers.CharField()
    rotate_days = serializers.IntegerField()
    rotated_on = serializers.DateField(allow_null=True)
    due_on = serializers.DateField()
    is_active = serializers.BooleanField()
    version = serializers.IntegerField()


class SecretChange(StrictSerializer):
    name = serializers.CharField(max_length=80, required=False)
    purpose = serializers.CharField(max_length=200, required=False)
    kept_in = serializers.CharField(
        max_length=200, required=False, help_text="The vault and the path there."
    )
    owner_role = serializers.CharField(max_length=40, required=False)
    rotate_days = serializers.IntegerField(min_value=1, max_value=LONGEST, required=False)


class SecretNew(SecretChange):
    name = serializers.CharField(max_length=80)
    purpose = serializers.CharField(max_length=200)
    kept_in = serializers.CharField(max_length=200, help_text="The vault and the path there.")
    owner_role = serializers.CharField(max_length=40)
    rotated_on = serializers.DateField(required=False, allow_null=True)


class Rotated(StrictSerializer):
    on = serializers.DateField(required=False, help_text="Today, unless another day is said.")
    note = serializers.CharField(max_length=300, default="", allow_blank=True)


class SecretFilter(PortalFilterSet):
    is_active = BooleanFilter()
    due_by = django_filters.DateFilter(field_name="due_on", lookup_expr="lte")


class SecretsView(ListView):
    """Secrets that lie in a vault: what each opens, whose it is, when it is due."""

    actions = {"GET": "vault.view", "POST": "vault.manage"}
    output = SecretRow
    inputs = {"POST": SecretNew}
    outputs = {"POST": SecretRow}
    filterset = SecretFilter
    sorts = {"due": ("due_on", "id"), "name": ("name", "id")}
    tags = ["catalog"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return VaultSecret.objects.visible_to(request.actor).of(request.workspace)

    def post(self, request: Any) -> HttpResponse:
        row = services.note_secret(request.workspace, actor=request.actor, **self.read(request))
        return created(self.show(row), f"{request.path}/{row.uid}")


class SecretView(DetailView):
    actions = {"GET": "vault.view", "PATCH": "vault.manage"}
    output = SecretRow
    inputs = {"PATCH": SecretChange}
    outputs = {"PATCH": SecretRow}
    version = ("version",)
    if_match = {"PATCH": "optional"}
    tags = ["catalog"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return VaultSecret.objects.visible_to(request.actor).of(request.workspace)

    def patch(self, request: Any, uid: UUID) -> HttpResponse:
        row = self.object(request, {"uid": uid})
        changed = services.change_secret(
            row, actor=request.actor, version=row.version, **self.read(request)
        )
        return JsonAnswer(self.show(changed))


class SecretRotatedView(SecretView):
    """Say that a secret was changed in its vault."""

    actions = {"POST": "vault.rotate"}
    inputs = {"POST": Rotated}
    outputs = {"POST": SecretRow}
    if_match = {"POST": "optional"}
    errors = (409,)

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        row = self.object(request, {"uid": uid})
        changed = services.rotate_secret(row, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(changed))


class SecretRetireView(SecretView):
    """Retire a secret that opens nothing any more. It stays for the record."""

    actions = {"POST": "vault.manage"}
    inputs = {"POST": Reason}
    outputs = {"POST": SecretRow}
    if_match = {"POST": "optional"}

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        row = self.object(request, {"uid": uid})
        gone = services.switch_secret(row, actor=request.actor, active=False, **self.read(request))
        return JsonAnswer(self.show(gone))
