"""Where each format's sender is pointed, and how it shows its key."""

from __future__ import annotations

from incidents.models import AlertSource

_KEY = "THE-KEY"


def of(source: AlertSource, here: str, key: str = "") -> list[tuple[str, str]]:
    """(what it is for, address or command). Without the key, which nobody can read any more, a
    word stands in its place."""
    shown = key or _KEY
    webhook = f"{here}/api/v1/alerts/{source.format}/{shown}"
    if source.format == AlertSource.Format.PAGERDUTY:
        return [("Events API v2", f"{here}/v2/enqueue"), ("Routing key", shown)]
    if source.format == AlertSource.Format.EMAIL:
        return [("Command", f'manage.py receive_alert_mail --source "{source.name}"')]
    if source.format == AlertSource.Format.PORTAL:
        return []
    found = [("Webhook", webhook)]
    if source.format == AlertSource.Format.ALERTMANAGER:
        found.append(("Prometheus and amtool", f"{here}/alerts"))
        found.append(("Bearer token of those", shown))
    return found
