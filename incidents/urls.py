"""Incidents' own pages. They stand before the admin's."""

from __future__ import annotations

from django.urls import path

from incidents.web import attempts

app_name = "incidents"
urlpatterns = [
    path("admin/incidents/alertsource/<uuid:uid>/try/", attempts.attempt, name="try"),
]
