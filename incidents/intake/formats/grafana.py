"""Grafana's alerting webhook: Alertmanager's words and some of its own."""

from __future__ import annotations

from incidents.intake.formats.alertmanager import read_each
from incidents.intake.formats.common import object_of, parsed, text_of
from incidents.intake.formats.generic import mapped
from incidents.intake.normal import Read
from incidents.intake.receiving import reader
from incidents.models import AlertSource, InboundEvent


@reader("grafana", "webhook")
def webhook(source: AlertSource, row: InboundEvent, body: bytes) -> Read:
    """Somebody may have written a template of their own: then it is read by the source's
    mapping."""
    said = object_of(parsed(body))
    alerts = said.get("alerts")
    if not isinstance(alerts, list):
        return mapped(source, row, said)
    read = read_each(alerts, row.created_at, external=text_of(said.get("externalURL")))
    title = text_of(said.get("title"), 300)
    if title and len(read.alerts) == 1 and not read.alerts[0].annotations.get("summary"):
        read.alerts[0].title = title
    return read
