"""Webhooks of Alertmanager, Grafana, CloudEvents senders and anybody who sends JSON."""

from __future__ import annotations

from collections.abc import Callable
from inspect import unwrap
from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework import serializers

from controlplane.base.api import bodies
from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.auth import ANYONE
from controlplane.base.api.bodies import UnsupportedBody
from controlplane.base.api.plain import Handler, plain_view
from incidents.intake.doors.entering import MAX_BODY, SCHEME, check_signature, way_in
from incidents.intake.receiving import Receipt, receive

Door = Callable[[Handler], Callable[..., HttpResponse]]
TAGS = ["alert intake"]
_CLOUDEVENTS = "application/cloudevents"
_HEADERS = 100


class AlertReceipt(serializers.Serializer[Any]):
    """What became of a message."""

    status = serializers.CharField(help_text="accepted")
    received = serializers.IntegerField()
    new = serializers.IntegerField(help_text="fire for the first time")
    duplicate = serializers.IntegerField(help_text="fired already")
    resolved = serializers.IntegerField()
    refused = serializers.ListField(child=serializers.DictField(), help_text="with the reason")
    incidents = serializers.ListField(child=serializers.CharField(), help_text="opened or joined")


class AlertMessage(serializers.Serializer[Any]):
    """A message in the form of its sender."""


def door(*formats: str, **more: Any) -> Door:
    """A plain view for keys of these formats. What is too large, wrongly signed or of an unknown
    type is refused before anything is kept."""
    return plain_view(
        actions={"POST": ANYONE},
        inputs={"POST": AlertMessage},
        outputs={"POST": AlertReceipt},
        statuses={"POST": 202},
        in_workspace=False,
        throttle="hot",
        max_body=MAX_BODY,
        sender_fields=(),
        tags=TAGS,
        errors={401, 403, 413, 503},
        enter=way_in(formats),
        credentials=SCHEME,
        **more,
    )


@door("alertmanager")
def alertmanager_webhook(request: HttpRequest, key: str = "") -> HttpResponse:
    """Alerts from an Alertmanager: its webhook, version 4

    Answered once they are stored. 503 asks to come again: an Alertmanager repeats nothing else.
    """
    return accepted(request, "webhook")


@door("grafana")
def grafana_webhook(request: HttpRequest, key: str = "") -> HttpResponse:
    """Alerts from a Grafana contact point of the kind webhook

    Where the source has a secret, the body is signed with it as Grafana does.
    """
    return accepted(request, "webhook")


@door("cloudevents")
def cloudevents_webhook(request: HttpRequest, key: str = "") -> HttpResponse:
    """CloudEvents 1.0: structured, as a batch, or with the attributes in headers

    `subject` is what it is about; a `type` that ends with `.resolved` says that it is over.
    """
    media = request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if not media.startswith(_CLOUDEVENTS) and not request.META.get("HTTP_CE_SPECVERSION"):
        raise UnsupportedBody("Send application/cloudevents+json, or ce- headers.")
    return accepted(request, "webhook")


@door("generic")
def generic_webhook(request: HttpRequest, key: str = "") -> HttpResponse:
    """Alerts in any JSON, read by the source's mapping

    Without a mapping the usual names are tried: title, summary, severity, level, status.
    """
    return accepted(request, "webhook")


DOORS: dict[str, Callable[..., HttpResponse]] = {
    "alertmanager": alertmanager_webhook,
    "grafana": grafana_webhook,
    "cloudevents": cloudevents_webhook,
    "generic": generic_webhook,
}


def keyed(name: str, view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The same with the key in its address, under a name of its own in the document."""
    found: Any = door(name)(unwrap(view))
    found.cls.operation_ids = {"POST": f"alerts_{name}_by_address"}
    again: Callable[..., HttpResponse] = found
    return again


def accepted(request: Any, form: str) -> HttpResponse:
    return JsonAnswer(shown(taken(request, form)), 202)


def taken(request: Any, form: str) -> Receipt:
    body = bodies.read(request, MAX_BODY, max_unpacked=MAX_BODY)
    check_signature(request, body)
    return receive(
        request.alert_source,
        form,
        body,
        content_type=request.META.get("CONTENT_TYPE", ""),
        headers=_kept_headers(request.META),
    )


def _kept_headers(meta: dict[str, Any]) -> dict[str, str]:
    """What a format reads, and who sent it. Never what opens a door."""
    found = {
        name.removeprefix("HTTP_").lower().replace("_", "-"): str(value)[:1_000]
        for name, value in meta.items()
        if name.startswith("HTTP_CE_") or name == "HTTP_USER_AGENT"
    }
    return dict(list(found.items())[:_HEADERS])


def shown(receipt: Receipt) -> dict[str, Any]:
    return {
        "status": "accepted",
        "received": receipt.received,
        "new": receipt.new,
        "duplicate": receipt.repeated,
        "resolved": receipt.resolved,
        "refused": [{"index": each.index, "reason": each.reason} for each in receipt.refused[:50]],
        "incidents": receipt.incidents,
    }
