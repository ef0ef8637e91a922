"""Events of PagerDuty's API, version 2: what fires, what somebody took, what is over; and changes.

Its clients are answered as they expect: 202 with the key, 400 with a list of errors. A severity
that nobody knows is refused, never guessed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from controlplane.lib.errors import Invalid
from controlplane.lib.redaction import redact_text
from incidents.intake.formats.common import (
    labels_of,
    link_of,
    moment_of,
    object_of,
    parsed,
    text_of,
)
from incidents.intake.normal import FIRING, RESOLVED, Incoming, Read, key_of
from incidents.intake.receiving import reader
from incidents.models import AlertSource, InboundEvent

ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")
_SUMMARY, _KEY = 1_024, 255
_PARTS = ("source", "component", "group", "class")


class InvalidEvent(Invalid):
    """Said as the service itself says it."""

    def __init__(self, *errors: str) -> None:
        super().__init__("Event object is invalid", details={"errors": list(errors)})
        self.errors = list(errors)


@reader("pagerduty", "event")
def event(source: AlertSource, row: InboundEvent, body: bytes) -> Read:
    said = object_of(parsed(body))
    action = said.get("event_action")
    if action not in ACTIONS:
        raise InvalidEvent(f"'event_action' must be one of {', '.join(ACTIONS)}")
    key = _key(said, row, needed=action != "trigger")
    read = Read(answer={"dedup_key": key})
    if action == "acknowledge":
        read.acknowledged.append(key_of(key))
    elif action == "resolve":
        read.alerts.append(_alert(said, key, row, status=RESOLVED))
    else:
        _check(said)
        read.alerts.append(_alert(said, key, row, status=FIRING))
    return read


@reader("pagerduty", "change")
def change(source: AlertSource, row: InboundEvent, body: bytes) -> Read:
    said = object_of(parsed(body))
    payload = said.get("payload")
    if not isinstance(payload, Mapping) or not text_of(payload.get("summary")):
        raise InvalidEvent("'payload.summary' is missing or blank")
    return Read(
        changes=[
            {
                "summary": redact_text(text_of(payload.get("summary"), _SUMMARY)),
                "source": text_of(payload.get("source")),
                "at": (moment_of(payload.get("timestamp")) or row.created_at).isoformat(),
                "links": _links(said),
            }
        ]
    )


def _key(said: Mapping[str, Any], row: InboundEvent, *, needed: bool) -> str:
    given = said.get("dedup_key")
    if given is not None and not isinstance(given, str):
        raise InvalidEvent("'dedup_key' must be a string")
    key = text_of(given, 10_000)
    if len(key) > _KEY:
        raise InvalidEvent(f"'dedup_key' is too long (maximum is {_KEY} characters)")
    if not key and needed:
        raise InvalidEvent("'dedup_key' is missing or blank")
    return key or row.uid.hex


def _check(said: Mapping[str, Any]) -> None:
    payload = said.get("payload")
    if not isinstance(payload, Mapping):
        raise InvalidEvent("'payload' is missing or blank")
    errors = [
        f"'payload.{name}' is missing or blank"
        for name in ("summary", "source", "severity")
        if not text_of(payload.get(name))
    ]
    if payload.get("severity") and payload["severity"] not in SEVERITIES:
        errors.append(f"'payload.severity' is invalid (must be one of {', '.join(SEVERITIES)})")
    if errors:
        raise InvalidEvent(*errors)


def _alert(said: Mapping[str, Any], key: str, row: InboundEvent, *, status: str) -> Incoming:
    payload = said.get("payload")
    payload = payload if isinstance(payload, Mapping) else {}
    details = payload.get("custom_details")
    summary = redact_text(text_of(payload.get("summary"), 20_000))
    labels = {name: text_of(payload.get(name)) for name in _PARTS if payload.get(name)}
    labels |= _details(details)
    if payload.get("severity"):
        labels["severity"] = text_of(payload["severity"], 40)
    labels.setdefault("alertname", text_of(payload.get("class")) or summary[:200])
    return Incoming(
        key=key_of(key),
        status=status,
        severity=text_of(payload.get("severity"), 40),
        title=summary[:_SUMMARY] or key[:300],
        description=_described(summary, details),
        labels={name: value for name, value in labels.items() if value},
        links=_links(said),
        starts_at=moment_of(payload.get("timestamp")) or row.created_at,
    )


def _details(details: Any) -> dict[str, str]:
    """Plain values of what a sender adds can be matched like labels."""
    if not isinstance(details, Mapping):
        return {}
    return labels_of(
        {
            name: value
            for name, value in details.items()
            if isinstance(value, str | int | float | bool) and len(str(value)) <= 200
        }
    )


def _described(summary: str, details: Any) -> str:
    parts = [summary] if len(summary) > 300 else []
    if isinstance(details, str):
        parts.append(details)
    elif details:
        parts.append(json.dumps(details, indent=1, sort_keys=True, ensure_ascii=False))
    return redact_text("\n\n".join(parts))[:8_000]


def _links(said: Mapping[str, Any]) -> list[dict[str, str]]:
    found = link_of(said.get("client_url"), text_of(said.get("client"), 100) or "The sender")
    for name in ("links", "images"):
        given = said.get(name)
        for each in given[:20] if isinstance(given, list) else ():
            if isinstance(each, Mapping):
                text = text_of(each.get("text") or each.get("alt"), 100)
                found += link_of(each.get("href") or each.get("src"), text or name[:-1].title())
    return found
