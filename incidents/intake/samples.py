"""A message of each format, to begin a try with."""

from __future__ import annotations

import json
from typing import Any

from incidents.models import AlertSource

_LABELS = {"alertname": "HighErrorRate", "service": "agent", "severity": "critical"}
_GROUP = {
    "version": "4", "status": "firing", "receiver": "portal", "groupKey": "{}",
    "alerts": [{
        "status": "firing", "labels": _LABELS, "startsAt": "2026-01-01T00:00:00Z",
        "annotations": {"summary": "Six of a hundred missions fail"},
    }],
}  # fmt: skip
_MAIL = """From: monitor@example.com
Subject: [CRITICAL] Disk nearly full on db1
Content-Type: text/plain; charset=utf-8

Two percent are left.
"""
_SAMPLES: dict[str, Any] = {
    "alertmanager": _GROUP,
    "grafana": {**_GROUP, "version": "1", "title": "High error rate", "state": "alerting"},
    "pagerduty": {
        "event_action": "trigger", "dedup_key": "disk-db1",
        "payload": {"summary": "Disk nearly full", "source": "db1", "severity": "critical"},
    },
    "cloudevents": {
        "specversion": "1.0", "id": "1", "source": "/monitors/db1", "type": "disk.full",
        "data": {"summary": "Disk nearly full", "severity": "warning"},
    },
    "generic": {"title": "Disk nearly full", "severity": "warning", "service": "db1"},
}  # fmt: skip


def of(format: str) -> str:
    if format == AlertSource.Format.EMAIL:
        return _MAIL
    return json.dumps(_SAMPLES[format], indent=2)


def media_of(source: AlertSource) -> str:
    media = {"email": "message/rfc822", "cloudevents": "application/cloudevents+json"}
    return media.get(source.format, "application/json")
