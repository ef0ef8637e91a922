"""Who asks for flags: tokens of SDKs, what was asked how often, names nobody knows, instances."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers

from controlplane.access.services.saving import invalid
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import PortalFilterSet
from controlplane.base.api.serializers import OptionalReason, StrictSerializer
from controlplane.base.api.views import DetailView, ListView, PortalRequest, RowView
from controlplane.catalog.models import Environment
from controlplane.lib import clock
from deployments.flags.api.common import TAGS, VIEW, flag_of
from deployments.flags.models import FlagUsage, SdkInstance, SdkToken, UnknownFlag
from deployments.flags.services.tokens import MAX_DAYS, issue_token, revoke_token

TOKENS = "flag.tokens"
USAGE_DAYS = 31


class TokenRow(StrictSerializer):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=SdkToken.Kind.choices)
    environment = serializers.CharField(source="environment.slug")
    prefix = serializers.CharField(help_text="its beginning, to tell it by; it opens nothing")
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField(allow_blank=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)


class TokenIssued(TokenRow):
    token = serializers.CharField(help_text="the token itself: in this answer and nowhere else")


class TokenNew(StrictSerializer):
    environment = serializers.CharField(max_length=50, help_text="its slug")
    name = serializers.CharField(max_length=80)
    kind = serializers.ChoiceField(choices=SdkToken.Kind.choices, required=False)
    days = serializers.IntegerField(min_value=1, max_value=MAX_DAYS, required=False)


class TokenFilter(PortalFilterSet):
    environment = django_filters.CharFilter(field_name="environment__slug", max_length=50)
    kind = django_filters.ChoiceFilter(choices=SdkToken.Kind.choices)


class _Tokens(RowView):
    output = TokenRow
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows = SdkToken.objects.visible_to(request.actor).of(request.workspace)
        return rows.select_related("environment")


class TokensView(_Tokens, ListView):
    """Tokens of SDKs. A token is one workspace and one environment."""

    actions = {"GET": TOKENS, "POST": TOKENS}
    inputs = {"POST": TokenNew}
    outputs = {"POST": TokenIssued}
    filterset = TokenFilter
    secret_fields = ("token",)
    errors = (409,)

    def post(self, request: Any) -> HttpResponse:
        """Make a token; its text is in this answer only"""
        values = self.read(request)
        rows = Environment.objects.visible_to(request.actor).of(request.workspace)
        environment = rows.filter(slug=values.pop("environment")).first()
        if environment is None:
            raise invalid("environment", "There is no such environment.")
        issued = issue_token(environment, actor=request.actor, **values)
        shown = {**self.show(issued.token), "token": str(issued.secret)}
        return created(shown, f"{request.path}/{issued.token.uid}")


class TokenView(_Tokens, DetailView):
    actions = {"GET": TOKENS}


class TokenRevokeView(_Tokens, DetailView):
    """End a token. Every process stops taking it within a second."""

    actions = {"POST": TOKENS}
    inputs = {"POST": OptionalReason}
    outputs = {"POST": TokenRow}
    statuses = {"POST": 200}

    def post(self, request: Any, uid: Any) -> HttpResponse:
        token = self.object(request, {"uid": uid})
        return JsonAnswer(self.show(revoke_token(token, actor=request.actor, **self.read(request))))


class UsageRow(StrictSerializer):
    environment = serializers.CharField(source="environment.slug")
    app = serializers.CharField()
    hour = serializers.DateTimeField()
    yes = serializers.IntegerField(help_text="how often it was on")
    no = serializers.IntegerField()
    variants = serializers.DictField(child=serializers.IntegerField())


class UsageFilter(PortalFilterSet):
    environment = django_filters.CharFilter(field_name="environment__slug", max_length=50)
    app = django_filters.CharFilter(max_length=200)
    since = django_filters.IsoDateTimeFilter(field_name="hour", lookup_expr="gte")


class UsageView(ListView):
    """How often applications asked for the flag and what they were told, by the hour; a month
    unless `since` says otherwise."""

    actions = {"GET": VIEW}
    output = UsageRow
    filterset = UsageFilter
    sorts = {"newest": ("-hour", "-id")}
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        flag = flag_of(request, self.kwargs["flag_name"])
        rows = FlagUsage.objects.visible_to(request.actor).of(request.workspace)
        rows = rows.filter(flag_name=flag.flag_name)
        if "since" not in request.query_params:
            rows = rows.since(clock.now() - timedelta(days=USAGE_DAYS))
        return rows


class UnknownRow(StrictSerializer):
    flag_name = serializers.CharField()
    environment = serializers.CharField(source="environment.slug")
    app = serializers.CharField()
    times = serializers.IntegerField()
    first_seen = serializers.DateTimeField()
    last_seen = serializers.DateTimeField()


class UnknownFilter(PortalFilterSet):
    environment = django_filters.CharFilter(field_name="environment__slug", max_length=50)
    app = django_filters.CharFilter(max_length=200)


class UnknownView(ListView):
    """Names that were asked for and that no flag has."""

    actions = {"GET": VIEW}
    output = UnknownRow
    filterset = UnknownFilter
    sorts = {"newest": ("-last_seen", "-id")}
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return UnknownFlag.objects.visible_to(request.actor).of(request.workspace)


class InstanceRow(StrictSerializer):
    app = serializers.CharField()
    instance = serializers.CharField()
    environment = serializers.CharField(source="environment.slug")
    sdk = serializers.CharField(allow_blank=True)
    platform = serializers.CharField(allow_blank=True)
    started_at = serializers.DateTimeField(source="began", allow_null=True)
    last_seen = serializers.DateTimeField()


class InstancesView(ListView):
    """Running copies of applications that read flags by an SDK."""

    actions = {"GET": VIEW}
    output = InstanceRow
    filterset = UnknownFilter
    sorts = {"newest": ("-last_seen", "-id")}
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return SdkInstance.objects.visible_to(request.actor).of(request.workspace).readable()
