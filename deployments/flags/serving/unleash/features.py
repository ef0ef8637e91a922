"""The flags themselves, for SDKs that evaluate on their side."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework import serializers

from controlplane.base.api import etag
from controlplane.base.api.answers import JSON, JsonAnswer, encode
from controlplane.base.api.serializers import StrictSerializer
from deployments.flags.serving import counting, gauges
from deployments.flags.serving.doors import SdkRequest, app_of, sdk_view, tell_age
from deployments.flags.serving.names import clean
from deployments.flags.serving.snapshots import EVERY_PROJECT, Snapshot
from deployments.flags.serving.unleash import words

_SAME = gauges.UNCHANGED.labels("unleash")
_SEGMENTS_SINCE = (4, 2)  # of the client specification
_SPEC = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})")


class Features(StrictSerializer):
    """All flags of the token's environment, and the segments their rules name. SDKs that send no
    `Unleash-Client-Spec`, or an old one, find the segments' constraints in the rules instead."""

    version = serializers.IntegerField()
    features = serializers.ListField(child=serializers.DictField())
    segments = serializers.ListField(child=serializers.DictField(), required=False)
    query = serializers.DictField()
    meta = serializers.DictField()


class Feature(StrictSerializer):
    """One flag."""

    name = serializers.CharField()
    enabled = serializers.BooleanField()
    strategies = serializers.ListField(child=serializers.DictField())
    variants = serializers.ListField(child=serializers.DictField())


@sdk_view(
    methods=["GET"],
    kinds=["client"],
    foreign=words.refused,
    refusal=words.Message,
    outputs={"GET": Features},
    tagged=True,
    operation="unleash_client_features",
)
def features(request: SdkRequest) -> HttpResponse:
    """Every flag with its rules. 304 while nothing has changed."""
    inline = not knows_segments(request)
    projects = tuple(sorted(set(request.GET.getlist("project")[:20])))
    body, tag = _body(request.snapshot, inline, projects)
    _seen(request)
    if etag.named(request.META.get("HTTP_IF_NONE_MATCH", ""), tag):
        _SAME.inc()
        response = HttpResponse(status=304)
        del response["Content-Type"]
    else:
        response = HttpResponse(body, content_type=JSON)
    response["ETag"] = tag
    response["Cache-Control"] = "private, no-cache"
    return tell_age(response)


@sdk_view(
    methods=["GET"],
    kinds=["client"],
    foreign=words.refused,
    refusal=words.Message,
    outputs={"GET": Feature},
    errors={404},
    operation="unleash_client_feature",
)
def feature(request: SdkRequest, name: str) -> HttpResponse:
    """One flag with its rules."""
    snapshot = request.snapshot
    known = snapshot.public if knows_segments(request) else snapshot.inlined
    if name not in known:
        counting.unknown(
            snapshot.environment_id,
            app_of(request, clean(request.META.get("HTTP_UNLEASH_APPNAME"))),
            name,
        )
        return tell_age(words.not_found("No such flag in this environment."))
    return tell_age(JsonAnswer(known[name]))


def knows_segments(request: HttpRequest) -> bool:
    spec = _SPEC.match(request.META.get("HTTP_UNLEASH_CLIENT_SPEC", ""))
    return spec is not None and (int(spec[1]), int(spec[2])) >= _SEGMENTS_SINCE


def _body(snapshot: Snapshot, inline: bool, projects: tuple[str, ...]) -> tuple[bytes, str]:
    """Made once for each way to ask. Of projects only whether ours is among them matters."""
    ours = not projects or not EVERY_PROJECT.isdisjoint(projects)
    key = ("features", inline, bool(projects), ours)
    found = snapshot.kept.get(key)
    if found is None:
        found = snapshot.kept[key] = _made(snapshot, inline, bool(projects), ours)
    return found


def _made(snapshot: Snapshot, inline: bool, asked: bool, ours: bool) -> tuple[bytes, str]:
    about = f"{snapshot.digest} {inline} {asked} {ours}".encode()
    query_hash = hashlib.blake2b(about, digest_size=8).hexdigest()
    tag = f'"{query_hash}:{snapshot.revision}:v1"'
    flags = (snapshot.inlined if inline else snapshot.public) if ours else {}
    query: dict[str, Any] = {
        "environment": snapshot.environment,
        "inlineSegmentConstraints": inline,
    }
    if asked:
        query["project"] = ["default"] if ours else []
    told: dict[str, Any] = {
        "version": 2,
        "features": [*flags.values()],
        "query": query,
        "meta": {"revisionId": snapshot.revision, "etag": tag, "queryHash": query_hash},
    }
    if not inline:
        told["segments"] = [*snapshot.segments.values()]
    return encode(told), tag


def _seen(request: SdkRequest) -> None:
    """Whoever polls is running, also when it never registered."""
    meta = request.META
    app = clean(meta.get("HTTP_UNLEASH_APPNAME"))
    instance = clean(meta.get("HTTP_UNLEASH_INSTANCEID"))
    if app and instance:
        sdk = clean(meta.get("HTTP_UNLEASH_SDK"))
        counting.seen(request.snapshot.environment_id, app_of(request, app), instance, sdk=sdk)
