"""Doors of senders whose address we choose. None of them redirects."""

from __future__ import annotations

from django.urls import URLPattern, path

from incidents.intake.doors import webhooks

_WEBHOOKS = {
    "alertmanager": webhooks.alertmanager_webhook,
    "grafana": webhooks.grafana_webhook,
    "cloudevents": webhooks.cloudevents_webhook,
    "generic": webhooks.generic_webhook,
}
urlpatterns: list[URLPattern] = [
    each
    for name, view in _WEBHOOKS.items()
    for each in (path(f"v1/alerts/{name}", view), path(f"v1/alerts/{name}/<str:key>", view))
]
