"""Alerts for tests, through the doors and services that senders reach."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.test import Client

from controlplane.access.models import Workspace
from incidents.intake import sources
from incidents.intake.normal import FIRING, Incoming, Read, fingerprint
from incidents.intake.receiving import Receipt, take
from incidents.intake.sources import Keyed
from incidents.models import AlertSource
from tests import make


def source(workspace: Workspace, format: str = "alertmanager", **given: Any) -> Keyed:
    given.setdefault("name", f"{format} of {workspace.slug}")
    return sources.create_source(workspace, actor=make.JOB, format=format, **given)


def incoming(
    name: str = "HighErrorRate",
    *,
    status: str = FIRING,
    severity: str = "critical",
    key: str = "",
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    **labels: str,
) -> Incoming:
    every = {"alertname": name, "severity": severity, **labels}
    return Incoming(
        key=key or fingerprint(every), status=status, severity=severity, title=f"{name} fires",
        labels=every, starts_at=starts_at, ends_at=ends_at, timed=starts_at is not None,
    )  # fmt: skip


def tell(source: AlertSource, *alerts: Incoming, **more: Any) -> Receipt:
    """As a message of that source that says these."""
    return take(source, Read(alerts=list(alerts), **more))


def am_alert(
    name: str = "HighErrorRate", *, status: str = "firing", fingerprint: str = "",
    starts: str = "2026-03-01T11:59:00Z", ends: str = "0001-01-01T00:00:00Z",
    annotations: Mapping[str, str] | None = None, **labels: str,
) -> dict[str, Any]:  # fmt: skip
    found: dict[str, Any] = {
        "status": status, "startsAt": starts, "endsAt": ends, "generatorURL": "",
        "labels": {"alertname": name, "severity": "critical", **labels},
        "annotations": dict(annotations or {"summary": f"{name} is seen"}),
    }  # fmt: skip
    if fingerprint:
        found["fingerprint"] = fingerprint
    return found


def group(alerts: Iterable[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    return {"version": "4", "status": "firing", "receiver": "portal", "alerts": list(alerts),
            "groupKey": "{}", "groupLabels": {}, "truncatedAlerts": 0, **more}  # fmt: skip


def post(path: str, said: Any, **headers: Any) -> Any:
    """What a program sends, which has no session."""
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    headers.setdefault("content_type", "application/json")
    return Client().post(path, body, **headers)
