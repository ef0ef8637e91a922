"""Refusals in Unleash's words, and what all of its routes share."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.serializers import StrictSerializer

_NAMES = {
    400: "BadDataError",
    401: "AuthenticationRequired",
    403: "NoAccessError",
    404: "NotFoundError",
    405: "MethodNotAllowed",
    413: "ContentTooLarge",
    415: "UnsupportedMediaType",
    429: "RateLimited",
    503: "Unavailable",
}


class DetailForm(StrictSerializer):
    message = serializers.CharField()


class Message(StrictSerializer):
    """Why it was refused."""

    name = serializers.CharField()
    message = serializers.CharField()
    details = DetailForm(many=True)


def refused(request: HttpRequest, response: JsonAnswer) -> HttpResponse:
    """The portal's envelope as Unleash says it. Headers stay, `Retry-After` among them."""
    error = response.data["error"]
    status = response.status_code
    if status == 411:
        status = 400
    answer = told(status, error["message"], [str(each) for each in error["details"].values()])
    for name, value in response.items():
        if name not in {"Content-Type", "Link"}:
            answer[name] = value
    return answer


def told(status: int, message: str, details: list[str] | None = None) -> JsonAnswer:
    body: dict[str, Any] = {
        "name": _NAMES.get(status, "InternalError"),
        "message": message,
        "details": [{"message": each} for each in details or [message]],
    }
    return JsonAnswer(body, status)


def not_found(message: str) -> JsonAnswer:
    return told(404, message)


def accepted() -> HttpResponse:
    """What SDKs want to hear: anything but 202 is a failure to some of them."""
    response = HttpResponse(status=202)
    del response["Content-Type"]
    return response
