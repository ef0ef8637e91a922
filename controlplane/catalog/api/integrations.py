"""Integrations: their entries, what is reported of calls, and the breakers agents ask."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from rest_framework import serializers

from controlplane.base.api import etag
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.plain import plain_view
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import DetailView, ListView, PortalRequest
from controlplane.catalog import services, vocabulary
from controlplane.catalog.models import Integration
from controlplane.lib import clock
from controlplane.lib.errors import Invalid


class BreakerPolicy(StrictSerializer):
    opens_after_failures_in_a_row = serializers.IntegerField()
    cool_down_s = serializers.FloatField()
    cool_down_doubles_up_to_s = serializers.FloatField()
    trial_lasts_s = serializers.FloatField()


class IntegrationRow(StrictSerializer):
    uid = serializers.UUIDField()
    ref = serializers.CharField()
    slug = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.CharField()
    description = serializers.CharField()
    owner_role = serializers.CharField()
    is_active = serializers.BooleanField()
    breaker = serializers.CharField(source="status")
    cause = serializers.CharField()
    reason = serializers.CharField()
    opened_by = serializers.CharField()
    opened_at = serializers.DateTimeField(allow_null=True)
    retry_at = serializers.DateTimeField(allow_null=True)
    failures_in_a_row = serializers.IntegerField()
    last_success_at = serializers.DateTimeField(allow_null=True)
    last_failure_at = serializers.DateTimeField(allow_null=True)
    last_error = serializers.CharField()
    break_after = serializers.IntegerField(allow_null=True, help_text="null: as of every breaker")
    cool_down_s = serializers.IntegerField(allow_null=True)
    cool_down_most_s = serializers.IntegerField(allow_null=True)
    trial_lasts_s = serializers.IntegerField(allow_null=True)
    breaker_policy = BreakerPolicy(source="*", help_text="what holds of it")
    version = serializers.IntegerField()


class IntegrationChange(StrictSerializer):
    name = serializers.CharField(max_length=120, required=False)
    kind = serializers.ChoiceField(choices=Integration.Kind.choices, required=False)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True)
    owner_role = serializers.CharField(max_length=40, required=False, allow_blank=True)
    break_after = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=1_000,
        help_text="failures in a row; null: as of every breaker",
    )  # fmt: skip
    cool_down_s = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=604_800
    )
    cool_down_most_s = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=604_800
    )
    trial_lasts_s = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=3_600
    )


class IntegrationNew(IntegrationChange):
    slug = serializers.CharField(max_length=50)
    name = serializers.CharField(max_length=120)


def _shape(row: dict[str, Any]) -> dict[str, Any]:
    row["breaker_policy"] = vocabulary.thresholds(row).told()
    return row


class IntegrationFilter(PortalFilterSet):
    kind = django_filters.ChoiceFilter(choices=Integration.Kind.choices)
    breaker = django_filters.ChoiceFilter(field_name="status", choices=Integration.Status.choices)
    is_active = BooleanFilter()


class IntegrationsView(ListView):
    """What agents call."""

    actions = {"GET": "catalog.view", "POST": "catalog.manage"}
    output = IntegrationRow
    inputs = {"POST": IntegrationNew}
    outputs = {"POST": IntegrationRow}
    filterset = IntegrationFilter
    sorts = {"newest": ("-id",), "name": ("name", "id")}
    tags = ["catalog"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Integration.objects.visible_to(request.actor).of(request.workspace)

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        return _shape(row)

    def post(self, request: Any) -> HttpResponse:
        integration = services.add_integration(
            request.workspace, actor=request.actor, **self.read(request)
        )
        return created(self.show(integration), f"{request.path}/{integration.slug}")


class IntegrationView(DetailView):
    actions = {"GET": "catalog.view", "PATCH": "catalog.manage"}
    output = IntegrationRow
    inputs = {"PATCH": IntegrationChange}
    outputs = {"PATCH": IntegrationRow}
    lookup = "slug"
    tags = ["catalog"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Integration.objects.visible_to(request.actor).of(request.workspace)

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        return _shape(row)

    def patch(self, request: Any, slug: str) -> HttpResponse:
        integration = self.object(request, {"slug": slug})
        changed = services.change_integration(
            integration, actor=request.actor, version=integration.version, **self.read(request)
        )
        return JsonAnswer(self.show(changed))


class OutcomeInput(StrictSerializer):
    ok = serializers.BooleanField()
    error = serializers.CharField(max_length=1000, default="", allow_blank=True)
    operation = serializers.CharField(
        max_length=60, default="", allow_blank=True, help_text="Of the Tool Router's six."
    )
    trial = serializers.UUIDField(
        required=False, help_text="The token of the trial, where this call was it."
    )


class OutcomeView(IntegrationView):
    """Report what came of one call. Three failures in a row open the breaker; of a half open one
    the report with the trial's token decides."""

    actions = {"POST": "catalog.report"}
    inputs = {"POST": OutcomeInput}
    outputs = {"POST": IntegrationRow}

    def post(self, request: Any, slug: str) -> HttpResponse:
        integration = self.object(request, {"slug": slug})
        values = self.read(request)
        seen = services.report_outcome(integration, actor=request.actor, **values)
        return JsonAnswer(self.show(seen))


class TrialAnswer(StrictSerializer):
    may_call = serializers.BooleanField()
    state = serializers.CharField()
    reason = serializers.CharField()
    token = serializers.UUIDField(allow_null=True, help_text="Send it along with the outcome.")
    until = serializers.DateTimeField(allow_null=True)


class TrialView(IntegrationView):
    """Ask for the trial of a half open breaker

    The first to ask gets it, with a token that is sent along with the outcome; the others wait.
    Through a closed breaker everybody may call, and needs no token.
    """

    actions = {"POST": "catalog.report"}
    inputs = {"POST": StrictSerializer}
    outputs = {"POST": TrialAnswer}
    secret_fields = ("token",)

    def post(self, request: Any, slug: str) -> HttpResponse:
        self.read(request)
        integration = self.object(request, {"slug": slug})
        return JsonAnswer(asdict(services.ask(integration, actor=request.actor)))


class BreakerInput(StrictSerializer):
    state = serializers.ChoiceField(choices=Integration.Status.choices)
    reason = serializers.CharField(max_length=300)
    retry_at = serializers.DateTimeField(
        required=False, help_text="When opening: let one try from then on. Else it stays open."
    )


class BreakerView(IntegrationView):
    """Open, half open or close a breaker by hand."""

    actions = {"PUT": "catalog.trip"}
    inputs = {"PUT": BreakerInput}
    outputs = {"PUT": IntegrationRow}
    errors = (409,)

    def put(self, request: Any, slug: str) -> HttpResponse:
        integration = self.object(request, {"slug": slug})
        values = self.read(request)
        state, retry_at = values["state"], values.get("retry_at")
        if retry_at is not None and state != "open":
            raise Invalid("Only an open breaker waits.", details={"retry_at": "Not here."})
        given = {"actor": request.actor, "reason": values["reason"]}
        if state == "open":
            services.trip(integration, retry_at=retry_at, **given)
        elif state == "half_open":
            services.half_open(integration, **given)
        else:
            services.close(integration, **given)
        return JsonAnswer(self.show(integration))


class Breaker(StrictSerializer):
    integration = serializers.CharField(help_text="slug")
    state = serializers.CharField()
    may_call = serializers.BooleanField()
    may_try = serializers.BooleanField(help_text="Half open, and nobody is trying: ask for it.")
    reason = serializers.CharField()
    retry_at = serializers.DateTimeField(allow_null=True)


class Breakers(StrictSerializer):
    items = Breaker(many=True)


_COLUMNS = ("slug", "status", "reason", "retry_at", "is_active", "trial_until")


@plain_view(actions={"GET": "catalog.view"}, outputs={"GET": Breakers}, tags=["catalog"])
def breakers(request: HttpRequest) -> Any:
    """Every breaker of the workspace, in one cheap call

    Ask before calling tools; send the ETag along and most answers are 304.
    """
    rows = (
        Integration.objects.visible_to(request.actor)  # type: ignore[attr-defined]
        .of(request.workspace)  # type: ignore[attr-defined]
        .order_by("slug")
        .values_list(*_COLUMNS)
    )
    now = clock.now()
    answer = JsonAnswer({"items": [_breaker(now, *row) for row in rows]})
    return etag.conditional(request, answer, etag.of_body(answer.content))


def _breaker(
    now: datetime,
    slug: str,
    status: str,
    reason: str,
    retry_at: datetime | None,
    active: bool,
    trial_until: datetime | None,
) -> dict[str, Any]:
    """What is switched off altogether may not be called either."""
    half_open = active and status == Integration.Status.HALF_OPEN
    return {
        "integration": slug,
        "state": status,
        "may_call": active and status == Integration.Status.CLOSED,
        "may_try": half_open and (trial_until is None or trial_until <= now),
        "reason": reason if active else "switched off",
        "retry_at": retry_at,
    }


class RetryPolicy(StrictSerializer):
    delays_s = serializers.ListField(child=serializers.FloatField())
    tries = serializers.IntegerField()
    jitter = serializers.CharField()
    honour_retry_after = serializers.BooleanField()
    breaker = BreakerPolicy()


@plain_view(
    actions={"GET": "catalog.view"},
    outputs={"GET": RetryPolicy},
    in_workspace=False,
    tags=["catalog"],
)
def retry_policy(request: HttpRequest) -> Any:
    """How to call again after a failure, for everybody alike"""
    return vocabulary.retry_policy()


class Operation(StrictSerializer):
    name = serializers.CharField()
    description = serializers.CharField()


class Operations(StrictSerializer):
    items = Operation(many=True)


@plain_view(
    actions={"GET": "catalog.view"},
    outputs={"GET": Operations},
    in_workspace=False,
    tags=["catalog"],
)
def operations(request: HttpRequest) -> Any:
    """The Tool Router's operations: no others are known"""
    known = vocabulary.OPERATIONS.items()
    return {"items": [{"name": name, "description": text} for name, text in known]}
