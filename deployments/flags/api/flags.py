"""Flags: listed, made, described, killed, archived."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers

from controlplane.access.models import User
from controlplane.access.services.saving import invalid
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.serializers import OptionalReason, RequiredReason, StrictSerializer
from controlplane.base.api.views import ListView, NowView, PortalRequest
from controlplane.work.models import Item
from deployments.flags import services
from deployments.flags.api.common import CHANGE, TAGS, VIEW, SettingsField
from deployments.flags.models import Flag, FlagState


class FlagFields(StrictSerializer):
    """What describes a flag. What is left out is as it was, or the usual."""

    description = serializers.CharField(max_length=500, required=False, allow_blank=True)
    kind = serializers.ChoiceField(choices=Flag.Kind.choices, required=False)
    off_value = serializers.JSONField(required=False)
    on_value = serializers.JSONField(required=False)
    owner = serializers.UUIDField(required=False, allow_null=True, help_text="a person's uid")
    tier = serializers.IntegerField(min_value=1, max_value=3, required=False)
    permanent = serializers.BooleanField(required=False)
    remove_by = serializers.DateField(required=False, allow_null=True)
    impression_data = serializers.BooleanField(required=False)
    item = serializers.CharField(
        max_length=120, required=False, allow_null=True, help_text="a work item's id"
    )
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True)


class FlagChange(FlagFields):
    """Other values where a freeze holds them want `override` and a `reason`."""

    override = serializers.BooleanField(
        default=False, help_text="in spite of a freeze, for those who may; the reason is recorded"
    )


class FlagEnable(OptionalReason):
    override = serializers.BooleanField(
        default=False, help_text="in spite of a freeze, for those who may; the reason is recorded"
    )


class FlagNew(FlagFields):
    flag_name = serializers.CharField(max_length=200)
    value_type = serializers.ChoiceField(choices=Flag.ValueType.choices, required=False)
    settings = serializers.DictField(
        child=SettingsField(), required=False, help_text="by the environment's slug; off otherwise"
    )


class StandingRow(StrictSerializer):
    environment = serializers.CharField()
    on = serializers.BooleanField(help_text="false as well where the flag is killed")
    version = serializers.IntegerField()


class FlagRow(StrictSerializer):
    uid = serializers.UUIDField()
    flag_name = serializers.CharField()
    enabled = serializers.BooleanField(help_text="the master switch: false is off everywhere")
    description = serializers.CharField()
    kind = serializers.ChoiceField(choices=Flag.Kind.choices)
    value_type = serializers.ChoiceField(choices=Flag.ValueType.choices)
    off_value = serializers.JSONField()
    on_value = serializers.JSONField()
    owner = serializers.UUIDField(source="owner.uid", allow_null=True)
    tier = serializers.IntegerField()
    permanent = serializers.BooleanField()
    remove_by = serializers.DateField(allow_null=True)
    impression_data = serializers.BooleanField()
    item = serializers.CharField(source="item.key", allow_null=True)
    stale_since = serializers.DateTimeField(allow_null=True)
    archived_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField()
    changed_by = serializers.CharField()
    version = serializers.IntegerField()


class FlagWhole(FlagRow):
    states = StandingRow(many=True, source="*")


class FlagFilter(PortalFilterSet):
    kind = django_filters.ChoiceFilter(choices=Flag.Kind.choices)
    enabled = BooleanFilter()
    archived = BooleanFilter(field_name="archived_at", lookup_expr="isnull", exclude=True)
    stale = BooleanFilter(field_name="stale_since", lookup_expr="isnull", exclude=True)
    name = django_filters.CharFilter(
        field_name="flag_name", lookup_expr="icontains", max_length=200
    )


class FlagsView(ListView):
    """Flags of the workspace, archived ones too unless `archived=false`."""

    actions = {"GET": VIEW, "POST": "flag.create"}
    output = FlagRow
    inputs = {"POST": FlagNew}
    outputs = {"POST": FlagRow}
    filterset = FlagFilter
    sorts = {"name": ("flag_name", "id"), "newest": ("-id",), "changed": ("-changed_at", "-id")}
    tags = TAGS
    errors = (409, 422)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Flag.objects.visible_to(request.actor).of(request.workspace)

    def post(self, request: Any) -> HttpResponse:
        values = resolved(request, self.read(request))
        flag = services.create_flag(
            request.workspace, values.pop("flag_name"), actor=request.actor, **values
        )
        return created(self.show(flag), f"{request.path}/{flag.flag_name}")


class _OneFlag(NowView):
    output = FlagWhole
    lookup = "flag_name"
    version = ("version",)
    extra_columns = ("id", "enabled")
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows = Flag.objects.visible_to(request.actor).of(request.workspace)
        return rows.select_related("item", "owner")

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        states = FlagState.objects.filter(flag_id=row.pop("id")).select_related("environment")
        row["states"] = [
            {
                "environment": each.environment.slug,
                "on": row["enabled"] and bool(each.settings.get("on")),
                "version": each.version,
            }
            for each in states.order_by("environment__order", "pk")
        ]
        return row


class FlagView(_OneFlag):
    """One flag and how it stands everywhere."""

    actions = {"GET": VIEW, "PATCH": CHANGE}
    inputs = {"PATCH": FlagChange}
    outputs = {"PATCH": FlagWhole}
    if_match = {"PATCH": "optional"}
    errors = (409, 422)

    def patch(self, request: Any, flag_name: str) -> HttpResponse:
        flag = self.object(request, {"flag_name": flag_name})
        version = self.seen(request, flag, {"flag_name": flag_name})
        changes = resolved(request, self.read(request))
        changed = services.change_flag(flag, actor=request.actor, version=version, **changes)
        return JsonAnswer(self.show(changed))


class FlagDisableView(_OneFlag):
    """Off, everywhere, at once. No freeze and no consent stands in its way; killing what is off
    already is answered the same."""

    actions = {"POST": "flag.kill"}
    emergency = True
    inputs = {"POST": OptionalReason}
    outputs = {"POST": FlagWhole}
    statuses = {"POST": 200}

    def post(self, request: Any, flag_name: str) -> HttpResponse:
        flag = self.object(request, {"flag_name": flag_name})
        return JsonAnswer(self.show(services.kill(flag, actor=request.actor, **self.read(request))))


class FlagEnableView(_OneFlag):
    """Back to what stood before the kill

    Where changes need consent it comes back as it was at the kill, or as it was consented to
    since: otherwise it is switched off there first, and asked for. A freeze holds it, too.
    """

    actions = {"POST": "flag.enable"}
    inputs = {"POST": FlagEnable}
    outputs = {"POST": FlagWhole}
    statuses = {"POST": 200}
    errors = (409, 422)

    def post(self, request: Any, flag_name: str) -> HttpResponse:
        flag = self.object(request, {"flag_name": flag_name})
        return JsonAnswer(
            self.show(services.enable(flag, actor=request.actor, **self.read(request)))
        )


class FlagArchiveView(_OneFlag):
    """Out of the way. To SDKs it is not there any more."""

    actions = {"POST": CHANGE}
    inputs = {"POST": RequiredReason}
    outputs = {"POST": FlagWhole}
    statuses = {"POST": 200}
    errors = (409,)

    def post(self, request: Any, flag_name: str) -> HttpResponse:
        flag = self.object(request, {"flag_name": flag_name})
        return JsonAnswer(
            self.show(services.archive(flag, actor=request.actor, **self.read(request)))
        )


class FlagRestoreView(_OneFlag):
    """Back from the archive, switched off."""

    actions = {"POST": CHANGE}
    inputs = {"POST": OptionalReason}
    outputs = {"POST": FlagWhole}
    statuses = {"POST": 200}

    def post(self, request: Any, flag_name: str) -> HttpResponse:
        flag = self.object(request, {"flag_name": flag_name})
        return JsonAnswer(
            self.show(services.restore(flag, actor=request.actor, **self.read(request)))
        )


def resolved(request: Any, values: dict[str, Any]) -> dict[str, Any]:
    """People and items by what the outside calls them."""
    if values.get("owner") is not None:
        found = User.objects.filter(uid=values["owner"]).first()
        if found is None:
            raise invalid("owner", "Nobody of this workspace.")
        values["owner"] = found
    if values.get("item") is not None:
        rows = Item.objects.visible_to(request.actor).filter(workspace=request.workspace)
        item = rows.filter(key=values["item"]).first()
        if item is None:
            raise invalid("item", "There is no such work item.")
        values["item"] = item
    return values
