"""Where events come in."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from rest_framework import serializers

from controlplane.base.api import bodies
from controlplane.base.api.plain import plain_view
from controlplane.base.api.serializers import StrictSerializer
from controlplane.lib.errors import Invalid
from telemetry.api import events as looking
from telemetry.ingest import accepting, wire

_KINDS = frozenset({"", "application/json", wire.NDJSON, "application/jsonl"})


class EventForm(StrictSerializer):
    """One event. A list of them, or a line each (`application/x-ndjson`), is a batch."""

    event = serializers.CharField(max_length=80)
    event_id = serializers.CharField(max_length=200, required=False)
    occurred_at = serializers.DateTimeField(required=False)
    sent_at = serializers.DateTimeField(required=False)
    mission_id = serializers.CharField(max_length=64, required=False)
    stage = serializers.CharField(max_length=64, required=False)
    status = serializers.ChoiceField(["info", "success", "warning", "error"], required=False)
    level = serializers.CharField(max_length=10, required=False)
    env = serializers.CharField(max_length=20, required=False)
    service = serializers.CharField(max_length=64, required=False)
    agent_name = serializers.CharField(max_length=64, required=False)
    toolkit = serializers.CharField(max_length=64, required=False)
    correlation_id = serializers.CharField(max_length=128, required=False)
    session_id = serializers.CharField(max_length=64, required=False)
    user_id = serializers.CharField(max_length=200, required=False)
    bd_issue = serializers.CharField(max_length=64, required=False)
    trace_id = serializers.CharField(max_length=32, required=False)
    span_id = serializers.CharField(max_length=16, required=False)
    parent_span_id = serializers.CharField(max_length=16, required=False)
    duration_ms = serializers.FloatField(required=False, min_value=0)
    count = serializers.IntegerField(required=False, min_value=1)
    message = serializers.CharField(required=False)
    context = serializers.DictField(required=False)  # type: ignore[assignment]


class VerdictForm(StrictSerializer):
    index = serializers.IntegerField()
    status = serializers.ChoiceField(["duplicate", "rejected"])
    id = serializers.CharField(allow_null=True)
    code = serializers.CharField(allow_null=True)
    reason = serializers.CharField(allow_null=True)


class ReceiptForm(StrictSerializer):
    """What became of the batch. Events without a verdict of their own were accepted."""

    received = serializers.IntegerField()
    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    rejected = serializers.IntegerField()
    redacted = serializers.IntegerField()
    unknown_events = serializers.ListField(child=serializers.CharField())
    verdicts = VerdictForm(many=True)


@plain_view(
    actions={"GET": "telemetry.view", "POST": "telemetry.ingest"},
    inputs={"POST": EventForm},
    outputs={"GET": looking.EventPage, "POST": ReceiptForm},
    statuses={"POST": 202},
    throttle="hot",
    query=looking.PARAMETERS,
    max_body=wire.MAX_BYTES.shipped,
    tags=["telemetry"],
    errors={413, 415, 503},
)
def events(request: HttpRequest) -> Any:
    """Look through events, or report some

    `GET`: the workspace's events, newest first, over the last 24 hours or the time asked for.
    Parameters take several values, separated by commas; `scope=installation` asks for those about
    the portal itself, `format=csv` for a file.

    `POST`: one event, a list, or a line each; gzip; up to 5,000 or 5 MiB. Each is judged alone: a
    bad one is named in `verdicts` and its neighbours come through.
    """
    if request.method != "POST":
        return looking.listed(request)
    kind = request.META.get("CONTENT_TYPE", "")
    if kind.partition(";")[0].strip().lower() not in _KINDS:
        raise bodies.UnsupportedBody("Send application/json or application/x-ndjson.")
    body = bodies.read(request, wire.MAX_BYTES.value)
    if not body.strip():
        raise Invalid("The body is empty: send an event or a list of them.")
    items = wire.decode(body, kind)
    receipt = accepting.ingest(
        request.actor,  # type: ignore[attr-defined]
        request.workspace,  # type: ignore[attr-defined]
        items,
    )
    return 202, receipt.as_data()
