"""Any JSON: a source says where in it our fields are. Without a mapping the usual names are tried,
Apprise's among them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from controlplane.lib.errors import Invalid
from controlplane.lib.given import refuse
from controlplane.lib.redaction import redact_text
from incidents.intake.formats.common import labels_of, link_of, moment_of, parsed, text_of
from incidents.intake.normal import (
    FIRING,
    RESOLVED,
    Incoming,
    Read,
    Refusal,
    fingerprint,
    key_of,
    severity_of,
)
from incidents.intake.receiving import reader
from incidents.models import AlertSource, InboundEvent

# Our field -> the names that are tried where no path is given.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "alerts": ("alerts",),
    "key": ("dedup_key", "key", "id", "fingerprint", "alert_id"),
    "status": ("status", "state", "event_action", "type"),
    "severity": ("severity", "level", "priority", "type"),
    "title": ("title", "summary", "name", "alertname", "subject"),
    "description": ("description", "message", "body", "text", "details"),
    "service": ("service", "component", "app"),
    "labels": ("labels", "tags"),
    "starts_at": ("starts_at", "startsAt", "timestamp", "time"),
    "ends_at": ("ends_at", "endsAt"),
    "link": ("link", "url"),
}
_OVER = frozenset({"resolved", "resolve", "ok", "closed", "close", "recovered", "success", "up"})
_STEP = re.compile(r"([^.\[\]]+)|\[(\d{1,4})\]")
_PATH = re.compile(r"\$?\.?[^.\[\]]+(?:\.[^.\[\]]+|\[\d{1,4}\])*|\$")
_MOST, _DEPTH = 10_000, 20


@reader("generic", "webhook")
def webhook(source: AlertSource, row: InboundEvent, body: bytes) -> Read:
    return mapped(source, row, parsed(body))


def mapped(source: AlertSource, row: InboundEvent, said: Any) -> Read:
    given = said if isinstance(said, list) else _listed(source.mapping, said)
    if len(given) > _MOST:
        raise Invalid(f"At most {_MOST:,} alerts in one message.")
    read = Read()
    for place, each in enumerate(given):
        try:
            read.alerts.append(_alert(source, row, each))
        except Invalid as error:
            if len(given) == 1:
                raise
            read.refused.append(Refusal(place, error.message[:200]))
    return read


def _listed(mapping: Mapping[str, str], said: Any) -> list[Any]:
    found = _find(mapping, "alerts", said)
    return found if isinstance(found, list) and found else [said]


def _alert(source: AlertSource, row: InboundEvent, said: Any) -> Incoming:
    if not isinstance(said, Mapping):
        raise Invalid("An alert is an object.", details={"body": "Must be an object."})
    value = {name: _find(source.mapping, name, said) for name in FIELDS}
    title = redact_text(text_of(value["title"], 300))
    description = redact_text(text_of(value["description"], 8_000))
    if not title and not description:
        raise Invalid(
            "It says nothing.", details={"title": "Neither a title nor a text was found."}
        )
    labels = labels_of(value["labels"])
    if value["service"]:
        labels["service"] = text_of(value["service"], 200)
    labels.setdefault("alertname", title or description[:200])
    status = text_of(value["status"]).lower()
    severity = text_of(value["severity"], 40)
    key = text_of(value["key"], 10_000) or fingerprint({**labels, "title": title})
    starts_at = moment_of(value["starts_at"])
    return Incoming(
        key=key_of(key),
        status=RESOLVED if status in _OVER else FIRING,
        severity=severity if severity_of(severity) else "",
        title=title or description[:300],
        description=description,
        labels=labels,
        links=link_of(value["link"], "Where it comes from"),
        starts_at=starts_at or row.created_at,
        ends_at=moment_of(value["ends_at"]),
    )


def _find(mapping: Mapping[str, str], name: str, said: Any) -> Any:
    path = mapping.get(name)
    if path:
        return at(path, said)
    if not isinstance(said, Mapping):
        return None
    return next((said[each] for each in FIELDS[name] if said.get(each) not in (None, "")), None)


def at(path: str, said: Any) -> Any:
    """What stands at `$.a.b[0]`; None for what is not there."""
    for key, number in _STEP.findall(path.removeprefix("$")):
        if number and isinstance(said, list) and int(number) < len(said):
            said = said[int(number)]
        elif key and isinstance(said, Mapping):
            said = said.get(key)
        else:
            return None
    return said


def check_mapping(given: Any) -> dict[str, str]:
    """As it is kept, or a refusal that names the field."""
    if not isinstance(given, Mapping):
        raise refuse("mapping", "An object: our fields and where they are.")
    for name, path in given.items():
        if name not in FIELDS:
            raise refuse("mapping", f"“{str(name)[:40]}” is none of {', '.join(FIELDS)}.")
        if not isinstance(path, str) or len(path) > 200 or not _PATH.fullmatch(path):
            raise refuse("mapping", f"{name}: a path like $.alert.title or $.items[0].name.")
        if len(_STEP.findall(path)) > _DEPTH:
            raise refuse("mapping", f"{name}: at most {_DEPTH} steps.")
    return {name: path for name, path in given.items() if path}
