"""CloudEvents 1.0: in one JSON object, as a batch, or with the attributes in headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from controlplane.lib.errors import Invalid
from controlplane.lib.redaction import redact_text
from incidents.intake.formats.common import labels_of, moment_of, object_of, parsed, text_of
from incidents.intake.normal import FIRING, RESOLVED, Incoming, Read, Refusal, key_of
from incidents.intake.receiving import reader
from incidents.models import AlertSource, InboundEvent

_NEEDED = ("specversion", "id", "source", "type")
_OVER = (".resolved", ".recovered", ".ok", ".closed")


@reader("cloudevents", "webhook")
def webhook(source: AlertSource, row: InboundEvent, body: bytes) -> Read:
    media = row.content_type.partition(";")[0].strip().lower()
    if media == "application/cloudevents-batch+json":
        said = parsed(body)
        if not isinstance(said, list):
            raise Invalid("A batch is a list of events.", details={"body": "A list."})
        return _batch(said, row)
    if media == "application/cloudevents+json":
        return Read(alerts=[_alert(object_of(parsed(body)), row)])
    return Read(alerts=[_alert(_binary(row, body), row)])


def _batch(said: list[Any], row: InboundEvent) -> Read:
    read = Read()
    for place, each in enumerate(said):
        try:
            read.alerts.append(_alert(object_of(each), row))
        except Invalid as error:
            read.refused.append(Refusal(place, error.message[:200]))
    return read


def _binary(row: InboundEvent, body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {
        name.removeprefix("ce-"): unquote(value)
        for name, value in row.headers.items()
        if name.startswith("ce-")
    }
    media = row.content_type.partition(";")[0].strip().lower()
    if body.strip() and (media.endswith("json") or not media):
        found["data"] = parsed(body)
    elif body.strip():
        found["data"] = {"text": body[:20_000].decode("utf-8", "replace")}
    return found


def _alert(event: Mapping[str, Any], row: InboundEvent) -> Incoming:
    missing = [name for name in _NEEDED if not text_of(event.get(name))]
    if missing:
        raise Invalid(f"Missing: {', '.join(missing)}.", details=dict.fromkeys(missing, "Missing."))
    if text_of(event["specversion"]) != "1.0":
        raise Invalid("Only version 1.0 is read.", details={"specversion": "1.0"})
    data = event.get("data")
    data = data if isinstance(data, Mapping) else {}
    kind, subject = text_of(event["type"], 200), text_of(event.get("subject"), 200)
    over = kind.lower().endswith(_OVER) or text_of(data.get("status")).lower() in {
        "resolved", "ok", "closed",
    }  # fmt: skip
    labels = labels_of(data.get("labels"))
    labels |= {"alertname": labels.get("alertname") or kind, "ce_source": text_of(event["source"])}
    if subject:
        labels.setdefault("component", subject)
    title = text_of(data.get("summary") or data.get("title") or data.get("message"), 300)
    own = text_of(data.get("dedup_key"), 10_000)
    return Incoming(
        key=key_of(own or f"{event['source']}:{_episode(kind, subject, event, over=over)}"),
        status=RESOLVED if over else FIRING,
        severity=text_of(data.get("severity"), 40),
        title=redact_text(title or f"{kind} {subject}".strip())[:300],
        description=redact_text(text_of(data.get("description") or data.get("text"), 8_000)),
        labels={name: value for name, value in labels.items() if value},
        starts_at=moment_of(event.get("time")) or row.created_at,
        ends_at=moment_of(event.get("time")) if over else None,
    )


def _episode(kind: str, subject: str, event: Mapping[str, Any], *, over: bool) -> str:
    """An event by itself is known by its id. One that tells of something that lasts, by what it is
    about: else what is over would not find what fires."""
    if not subject:
        return text_of(event["id"], 1_000)
    begun = kind.lower()
    for ending in (*_OVER, ".firing", ".fired", ".failed", ".open", ".opened"):
        begun = begun.removesuffix(ending)
    return f"{begun}:{subject}"
