"""The doors of PagerDuty's Events API: its clients are pointed here and notice no difference."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework import serializers

from controlplane.base.api import bodies
from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.auth import ANYONE
from controlplane.base.api.plain import plain_view
from controlplane.lib import strictjson
from controlplane.lib.errors import Invalid
from incidents.intake.doors.entering import SCHEME, way_in
from incidents.intake.doors.webhooks import TAGS, Door, taken

MAX_EVENT = 512 * 1024


class PagerDutyEvent(serializers.Serializer[Any]):
    routing_key = serializers.CharField(help_text="the source's key")
    event_action = serializers.ChoiceField(["trigger", "acknowledge", "resolve"])
    dedup_key = serializers.CharField(required=False, max_length=255)
    payload = serializers.DictField(required=False)
    links = serializers.ListField(child=serializers.DictField(), required=False)
    images = serializers.ListField(child=serializers.DictField(), required=False)
    client = serializers.CharField(required=False)
    client_url = serializers.CharField(required=False)


class PagerDutyChange(serializers.Serializer[Any]):
    routing_key = serializers.CharField(help_text="the source's key")
    payload = serializers.DictField()
    links = serializers.ListField(child=serializers.DictField(), required=False)


class PagerDutyAnswer(serializers.Serializer[Any]):
    status = serializers.CharField()
    message = serializers.CharField()
    dedup_key = serializers.CharField(required=False)


class PagerDutyRefusal(serializers.Serializer[Any]):
    status = serializers.CharField()
    message = serializers.CharField()
    errors = serializers.ListField(child=serializers.CharField())  # type: ignore[assignment]


def _routing_key(request: HttpRequest) -> str:
    """In the body; clients of the newest version may send it as a header."""
    body = bodies.read(request, MAX_EVENT)
    try:
        said = strictjson.loads(body, max_bytes=MAX_EVENT)
    except Invalid:
        said = None
    key = said.get("routing_key") if isinstance(said, dict) else None
    return str(key or request.META.get("HTTP_X_ROUTING_KEY", ""))[:100]


def _refused(request: HttpRequest, refusal: JsonAnswer) -> HttpResponse:
    said = refusal.data["error"] if isinstance(refusal.data, dict) else {}
    details = said.get("details") or {}
    errors = details.get("errors") or [
        f"{name}: {why}" for name, why in details.items() if isinstance(why, str)
    ]
    status = 400 if refusal.status_code in {401, 403} else refusal.status_code
    answer = JsonAnswer(
        {
            "status": "invalid event" if status == 400 else "error",
            "message": said.get("message", ""),
            "errors": errors or [said.get("message", "")],
        },
        status,
    )
    for name in ("Retry-After", "Allow"):
        if refusal.has_header(name):
            answer[name] = refusal[name]
    return answer


def _door(form: Any) -> Door:
    return plain_view(
        actions={"POST": ANYONE},
        inputs={"POST": form},
        outputs={"POST": PagerDutyAnswer},
        statuses={"POST": 202},
        in_workspace=False,
        throttle="hot",
        max_body=MAX_EVENT,
        sender_fields=(),
        tags=TAGS,
        errors={401, 403, 413, 503},
        foreign=_refused,
        refusal=PagerDutyRefusal,
        enter=way_in(("pagerduty",), _routing_key),
        credentials=SCHEME,
    )


@_door(PagerDutyEvent)
def pagerduty_enqueue(request: HttpRequest) -> HttpResponse:
    """An event as PagerDuty's Events API v2 takes it: trigger, acknowledge, resolve

    Without a `dedup_key` one is made and sent back.
    """
    receipt = taken(request, "event")
    return _processed({"dedup_key": receipt.answer.get("dedup_key", "")})


@_door(PagerDutyChange)
def pagerduty_change(request: HttpRequest) -> HttpResponse:
    """Something was changed: kept beside what fires, and nobody is called"""
    taken(request, "change")
    return _processed({})


def _processed(more: dict[str, Any]) -> HttpResponse:
    return JsonAnswer({"status": "success", "message": "Event processed", **more}, 202)
