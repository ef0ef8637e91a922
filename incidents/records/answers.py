"""Senders that can say that somebody is on it: what they acknowledge is acknowledged here."""

from __future__ import annotations

from controlplane.lib.actors import Actor, job
from incidents.models import Alert, AlertSource, Incident
from incidents.records import moving


def sender(source: AlertSource) -> Actor:
    """Who acts when a sender does."""
    return job(f"alerts from {source.name}"[:80])


def acknowledged_by_sender(source: AlertSource, key: str) -> Incident | None:
    """A key that nothing fires under is no mistake: it was over before."""
    alert = (
        Alert.objects.firing()
        .filter(source=source, dedup_key=key, incident__isnull=False)
        .select_related("incident")
        .first()
    )
    incident: Incident | None = alert.incident if alert is not None else None
    if incident is None or incident.acknowledged_at is not None or not incident.is_open:
        return None
    return moving.acknowledge(incident, actor=sender(source), way="sender")
