"""Registering and reporting: what Unleash SDKs send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.urls import path
from rest_framework import serializers

from controlplane.base.api import bodies
from controlplane.base.api.plain import Handler
from controlplane.base.api.serializers import StrictSerializer
from controlplane.lib import clock, strictjson
from controlplane.lib.defaults import define
from controlplane.lib.errors import Invalid, Unavailable
from deployments.flags.services import impact
from deployments.flags.serving import counting
from deployments.flags.serving.doors import SdkRequest, app_of, sdk_view
from deployments.flags.serving.store import AWAY
from deployments.flags.serving.unleash import features, frontend, reports, streaming, words

MAX_BODY = define(
    "flags.max_report_bytes",
    1024 * 1024,
    unit="bytes",
    why="A minute's report about 5,000 flags is half of it.",
)
_RETRY_S = 5
Door = Callable[[Handler], Callable[..., HttpResponse]]


class Registration(StrictSerializer):
    """A running copy of an application, as it starts."""

    appName = serializers.CharField()  # noqa: N815
    instanceId = serializers.CharField(required=False)  # noqa: N815
    sdkVersion = serializers.CharField(required=False)  # noqa: N815
    platformName = serializers.CharField(required=False)  # noqa: N815
    platformVersion = serializers.CharField(required=False)  # noqa: N815
    specVersion = serializers.CharField(required=False)  # noqa: N815
    strategies = serializers.ListField(child=serializers.CharField(), required=False)
    started = serializers.DateTimeField(required=False)


class Report(StrictSerializer):
    """How often each flag was on and off since the last report, and what the application measured
    of itself meanwhile."""

    appName = serializers.CharField()  # noqa: N815
    instanceId = serializers.CharField(required=False)  # noqa: N815
    bucket = serializers.DictField(required=False, allow_null=True)
    impactMetrics = serializers.ListField(child=serializers.DictField(), required=False)  # noqa: N815


def _reported(kinds: list[str], form: type[StrictSerializer], **more: Any) -> Door:
    return sdk_view(
        methods=["POST"],
        kinds=kinds,
        foreign=words.refused,
        refusal=words.Message,
        inputs={"POST": form},
        statuses={"POST": 202},
        errors={413, 415},
        max_body=MAX_BODY.shipped,
        **more,
    )


def _register(request: SdkRequest) -> HttpResponse:
    told = _json(request)
    app = app_of(request, reports.app_named(told))
    about = reports.about_sdk(told)
    where = request.snapshot.environment_id
    counting.seen(where, app, reports.instance_named(told), **about)
    return words.accepted()


def _metrics(request: SdkRequest) -> HttpResponse:
    told = _json(request)
    app = app_of(request, reports.app_named(told))
    snapshot = request.snapshot
    usage = reports.Usage(told.get("bucket"), snapshot)
    measured = reports.samples(told.get("impactMetrics"), app.name)
    if measured:
        # Before anything is counted: an SDK that hears of a failure sends these again.
        _keep(request, measured)
    counting.reported(snapshot.environment_id, app, usage.hour, usage.counted)
    for name, times in usage.unknown.items():
        counting.unknown(snapshot.environment_id, app, name, times)
    counting.seen(snapshot.environment_id, app, reports.instance_named(told))
    return words.accepted()


def _keep(request: SdkRequest, measured: list[impact.Sample]) -> None:
    where, source = request.snapshot.environment_id, request.sdk_token.kind
    try:
        impact.keep(where, clock.now(), measured, source=source)
    except AWAY as error:
        raise Unavailable(
            "What was measured could not be kept. Send it again.", retry_after=_RETRY_S
        ) from error


def _json(request: SdkRequest) -> Any:
    """Whatever the content type says: some SDKs name none, and only JSON is ever sent."""
    body = bodies.read(request, MAX_BODY.value)
    if not body:
        raise Invalid("The body is a JSON object.")
    return strictjson.loads(body, max_bytes=len(body))


@_reported(["client"], Registration)
def register(request: SdkRequest) -> HttpResponse:
    """An instance says that it runs."""
    return _register(request)


@_reported(["client"], Report)
def metrics(request: SdkRequest) -> HttpResponse:
    """An instance tells what it answered and measured."""
    return _metrics(request)


@_reported(["frontend"], Registration, any_site=True)
def frontend_register(request: SdkRequest) -> HttpResponse:
    """A browser or an app says that it runs."""
    return _register(request)


@_reported(["frontend"], Report, any_site=True)
def frontend_metrics(request: SdkRequest) -> HttpResponse:
    """A browser or an app tells what it answered."""
    return _metrics(request)


_CLIENT, _FRONTEND = "client", "frontend"
urlpatterns = [
    path(f"{_CLIENT}/register", register, name="unleash-register"),
    path(f"{_CLIENT}/features", features.features, name="unleash-features"),
    path(f"{_CLIENT}/features/<str:name>", features.feature, name="unleash-feature"),
    path(f"{_CLIENT}/metrics", metrics, name="unleash-metrics"),
    path(f"{_CLIENT}/streaming", streaming.stream, name="unleash-streaming"),
    path(_FRONTEND, frontend.toggles, name="unleash-frontend"),
    path(f"{_FRONTEND}/client/register", frontend_register, name="unleash-frontend-register"),
    path(f"{_FRONTEND}/client/metrics", frontend_metrics, name="unleash-frontend-metrics"),
]
