"""Doors whose path a protocol fixes. None of them redirects."""

from __future__ import annotations

from django.urls import URLPattern, path

from incidents.intake.doors import api_v2, pagerduty

# Under `/alerts/KEY` for clients that only know an address, under `/alerts` for the others.
_API = {
    "status": api_v2.am_status,
    "receivers": api_v2.am_receivers,
    "alerts": api_v2.am_alerts,
    "alerts/groups": api_v2.am_groups,
    "silences": api_v2.am_silences,
    "silence/<uuid:silence>": api_v2.am_silence,
}
urlpatterns: list[URLPattern] = [
    path("v2/enqueue", pagerduty.pagerduty_enqueue),
    path("v2/change/enqueue", pagerduty.pagerduty_change),
    *(path(f"alerts/api/v2/{name}", view) for name, view in _API.items()),
    *(path(f"alerts/<str:key>/api/v2/{name}", api_v2.keyed(view)) for name, view in _API.items()),
]
