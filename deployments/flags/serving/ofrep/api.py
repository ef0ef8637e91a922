"""Evaluation for OpenFeature providers: one flag, or all of the environment's."""

from __future__ import annotations

import hashlib
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework import serializers

from controlplane.base.api import etag
from controlplane.base.api.answers import JSON, JsonAnswer, encode
from controlplane.base.api.serializers import StrictSerializer
from deployments.flags.serving import counting, gauges
from deployments.flags.serving.doors import SdkRequest, app_of, sdk_view, tell_age
from deployments.flags.serving.ofrep import reading
from deployments.flags.serving.ofrep.said import Said, Sayings
from deployments.flags.serving.snapshots import Snapshot
from deployments.flags.serving.store import store

_ONE = gauges.EVALUATIONS.labels("ofrep")
_ALL = gauges.EVALUATIONS.labels("ofrep bulk")
_SAME = gauges.UNCHANGED.labels("ofrep bulk")


class EvaluationRequest(StrictSerializer):
    """Whom to evaluate for. `targetingKey` says who; any other field is for rules to look at."""

    context = serializers.DictField(required=False)  # type: ignore[assignment]


class Evaluation(StrictSerializer):
    """A value. `metadata.why` is the portal's own reason, `metadata.rule` the rule's title, which
    tokens for browsers are not told."""

    key = serializers.CharField()
    value = serializers.JSONField(help_text="Of the type the flag declares.")
    reason = serializers.ChoiceField(["STATIC", "TARGETING_MATCH", "SPLIT", "DISABLED"])
    variant = serializers.CharField(help_text="`on` or `off` where the flag has no variants.")
    metadata = serializers.DictField()


class EvaluationFailure(StrictSerializer):
    """Why there is no value."""

    key = serializers.CharField(required=False)
    errorCode = serializers.CharField(required=False)  # noqa: N815
    errorDetails = serializers.CharField()  # noqa: N815


class Evaluations(StrictSerializer):
    """Every flag of the environment: a value each, or why there is none."""

    flags = serializers.ListField(child=serializers.DictField())
    metadata = serializers.DictField(help_text="environment, revision; `stale` with old flags.")


_KINDS = ("client", "frontend", "ofrep")


@sdk_view(
    methods=["POST"],
    kinds=_KINDS,
    foreign=reading.refused,
    refusal=EvaluationFailure,
    any_site=True,
    inputs={"POST": EvaluationRequest},
    outputs={"POST": Evaluation},
    errors={404},
    max_body=reading.MAX_BODY.shipped,
    operation="ofrep_evaluate_flag",
)
def evaluate_flag(request: SdkRequest, key: str) -> HttpResponse:
    """One flag's value for this context."""
    context = reading.context_of(reading.body_of(request))
    snapshot = request.snapshot
    decision = snapshot.ruleset.decide(key, context)
    if not decision.known:
        counting.unknown(snapshot.environment_id, app_of(request), key)
        told = {"key": key, "errorCode": "FLAG_NOT_FOUND", "errorDetails": "No such flag here."}
        return tell_age(JsonAnswer(told, 404))
    said = Sayings.of(snapshot, request.sdk_token).say(key, decision, reading.keyless(context))
    _ONE.inc()
    if said.counted is None:
        return tell_age(HttpResponse(said.body, content_type=JSON, status=400))
    counting.answered(snapshot.environment_id, app_of(request), [said.counted])
    return tell_age(HttpResponse(_with_age(said), content_type=JSON))


@sdk_view(
    methods=["POST"],
    kinds=_KINDS,
    foreign=reading.refused,
    refusal=EvaluationFailure,
    any_site=True,
    inputs={"POST": EvaluationRequest},
    outputs={"POST": Evaluations},
    max_body=reading.MAX_BODY.shipped,
    operation="ofrep_evaluate_flags",
)
def evaluate_flags(request: SdkRequest) -> HttpResponse:
    """Every flag for this context. With `If-None-Match` the answer is 304 when neither the flags
    nor the context have changed, and nothing is evaluated."""
    body = reading.body_of(request)
    snapshot = request.snapshot
    tag = _tag(request, body)
    if _has(request, tag):
        _SAME.inc()
        response = HttpResponse(status=304)
        del response["Content-Type"]
    else:
        response = HttpResponse(_all(request, snapshot, body), content_type=JSON)
    response["ETag"] = tag
    response["Cache-Control"] = "private, no-cache"
    return tell_age(response)


def _all(request: SdkRequest, snapshot: Snapshot, body: bytes) -> bytes:
    context = reading.context_of(body)
    keyless = reading.keyless(context)
    say = Sayings.of(snapshot, request.sdk_token).say
    decisions = snapshot.ruleset.decide_all(context)
    said = [say(name, decision, keyless) for name, decision in decisions.items()]
    _ALL.inc(len(said))
    counting.answered(
        snapshot.environment_id,
        app_of(request),
        [each.counted for each in said if each.counted is not None],
    )
    about = encode(_about(snapshot))
    return b'{"flags":[%b],"metadata":%b}' % (b",".join([each.body for each in said]), about)


def _tag(request: SdkRequest, body: bytes) -> str:
    """Equal flags, an equal body, a token that is told as much, and no rule of the clock between:
    an equal answer."""
    snapshot = request.snapshot
    parts = f"{snapshot.digest} {snapshot.era()} {request.sdk_token.is_browsers:d} ".encode()
    return f'"{hashlib.blake2b(parts + body, digest_size=16).hexdigest()}"'


def _has(request: HttpRequest, tag: str) -> bool:
    header = request.META.get("HTTP_IF_NONE_MATCH", "")
    return bool(header) and etag.named(header, tag)


def _about(snapshot: Snapshot) -> dict[str, Any]:
    told: dict[str, Any] = {"environment": snapshot.environment, "revision": snapshot.revision}
    return {**told, **_age()}


def _with_age(said: Said) -> bytes:
    old = _age()
    if not old:
        return said.body
    return encode({**said.told, "metadata": {**said.told["metadata"], **old}})


def _age() -> dict[str, Any]:
    state = store.state()
    return {"stale": True, "ageSeconds": round(state.age)} if state.stale else {}


urlpatterns = [
    path("flags", evaluate_flags, name="ofrep-bulk"),
    path("flags/<str:key>", evaluate_flag, name="ofrep-flag"),
]
