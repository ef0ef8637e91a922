"""Doors of senders whose address we choose. None of them redirects."""

from __future__ import annotations

from django.urls import URLPattern, path

from incidents.intake.doors import webhooks

urlpatterns: list[URLPattern] = [
    each
    for name, view in webhooks.DOORS.items()
    for each in (
        path(f"v1/alerts/{name}", view),
        path(f"v1/alerts/{name}/<str:key>", webhooks.keyed(name, view)),
    )
]
