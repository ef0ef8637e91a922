"""Evaluation for browsers and apps that speak Unleash's frontend protocol."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework import serializers

from controlplane.base.api import bodies, etag
from controlplane.base.api.answers import JSON, encode
from controlplane.base.api.serializers import StrictSerializer
from controlplane.lib import context as surroundings
from controlplane.lib import strictjson
from controlplane.lib.errors import Invalid
from deployments.flags.engine import Decision
from deployments.flags.engine.fields import STANDARD
from deployments.flags.serving import gauges
from deployments.flags.serving.doors import SdkRequest, sdk_view, tell_age
from deployments.flags.serving.ofrep.reading import MAX_BODY
from deployments.flags.serving.snapshots import Snapshot
from deployments.flags.serving.unleash import words

_EVALUATED = gauges.EVALUATIONS.labels("unleash frontend")
_SAME = gauges.UNCHANGED.labels("unleash frontend")
_PROPERTY = re.compile(r"properties\[(.{1,200})\]", re.DOTALL)
_MOST_FIELDS = 200


class FrontendRequest(StrictSerializer):
    """Whom to evaluate for."""

    context = serializers.DictField(required=False)  # type: ignore[assignment]


class Toggles(StrictSerializer):
    """The flags that are on, each with its variant."""

    toggles = serializers.ListField(child=serializers.DictField())


@sdk_view(
    methods=["GET", "POST"],
    kinds=["frontend"],
    foreign=words.refused,
    refusal=words.Message,
    any_site=True,
    inputs={"POST": FrontendRequest},
    outputs={"GET": Toggles, "POST": Toggles},
    errors={413},
    max_body=MAX_BODY.shipped,
    tagged=True,
)
def toggles(request: SdkRequest) -> HttpResponse:
    """The flags that are on for this context, told in the query or as JSON."""
    told = _context(request)
    told.setdefault("remoteAddress", surroundings.current().address)
    told["environment"] = request.snapshot.environment
    snapshot = request.snapshot
    tag = _tag(snapshot, told)
    if etag.named(request.META.get("HTTP_IF_NONE_MATCH", ""), tag):
        _SAME.inc()
        response = HttpResponse(status=304)
        del response["Content-Type"]
    else:
        response = HttpResponse(_body(snapshot, told), content_type=JSON)
    response["ETag"] = tag
    response["Cache-Control"] = "private, no-cache"
    return tell_age(response)


def _context(request: HttpRequest) -> dict[str, Any]:
    if request.method != "POST":
        return _from_query(request)
    body = bodies.read(request, MAX_BODY.value)
    told = strictjson.loads(body, max_bytes=len(body)) if body else {}
    context = told.get("context", {}) if isinstance(told, dict) else None
    if not isinstance(context, dict):
        raise Invalid("The context is an object.")
    return dict(context)


def _from_query(request: HttpRequest) -> dict[str, Any]:
    found: dict[str, Any] = {}
    properties: dict[str, str] = {}
    for name in [*request.GET][:_MOST_FIELDS]:
        value = str(request.GET[name])
        named = _PROPERTY.fullmatch(name)
        if named:
            properties[named[1]] = value
        elif name in STANDARD:
            found[name] = value
        else:
            properties.setdefault(name, value)  # as the real server does
    if properties:
        found["properties"] = properties
    return found


def _tag(snapshot: Snapshot, context: Mapping[str, Any]) -> str:
    about = f"{snapshot.digest} {snapshot.era()} ".encode() + encode(context)
    return f'"{hashlib.blake2b(about, digest_size=16).hexdigest()}"'


def _body(snapshot: Snapshot, context: dict[str, Any]) -> bytes:
    decisions = snapshot.ruleset.decide_all(context)
    _EVALUATED.inc(len(decisions))
    on = [_shown(snapshot, name, said) for name, said in decisions.items() if said.enabled]
    return encode({"toggles": on})


def _shown(snapshot: Snapshot, name: str, said: Decision) -> dict[str, Any]:
    """`feature_enabled` in both spellings, as the SDKs of different ages read it."""
    variant: dict[str, Any] = {
        "name": said.variant or "disabled",
        "enabled": bool(said.variant),
        "feature_enabled": said.enabled,
        "featureEnabled": said.enabled,
    }
    if said.payload is not None:
        variant["payload"] = said.payload
    return {
        "name": name,
        "enabled": True,
        "variant": variant,
        "impressionData": bool(snapshot.features[name].get("impressionData")),
    }
