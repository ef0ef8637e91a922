"""Missions' own pages. They stand before the admin's."""

from __future__ import annotations

from django.urls import path

from missions.web import lines

app_name = "missions"
_ONE = "admin/missions/mission/<uuid:uid>"
urlpatterns = [
    path(f"{_ONE}/checklist/<slug:slug>/", lines.line, name="line"),
    path(f"{_ONE}/evidence/", lines.evidence, name="evidence"),
]
