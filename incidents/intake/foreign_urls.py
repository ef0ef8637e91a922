"""Doors whose path a protocol fixes. None of them redirects."""

from __future__ import annotations

from django.urls import URLPattern, path

from incidents.intake.doors import pagerduty

urlpatterns: list[URLPattern] = [
    path("v2/enqueue", pagerduty.pagerduty_enqueue),
    path("v2/change/enqueue", pagerduty.pagerduty_change),
]
