"""Missions' own pages. They stand before the admin's."""

from __future__ import annotations

from django.urls import include, path

from missions.web import brief, evidence_urls, governance, guarding, importing, lines, moves, new

from missions.web import learning_urls, plans_urls  # isort: skip

app_name = "missions"
_ONE = "admin/missions/mission/<uuid:uid>"
urlpatterns = [
    path("admin/missions/new/", new.new, name="new"),
    path("admin/missions/import/", importing.import_, name="import"),
    path("admin/missions/governance/now/", governance.governance_now, name="governance_now"),
    path(f"{_ONE}/brief/", brief.brief, name="brief"),
    path(f"{_ONE}/move/<slug:slug>/", moves.move, name="move"),
    path(f"{_ONE}/checklist/<slug:slug>/", lines.line, name="line"),
    path(f"{_ONE}/toolkits/", guarding.toolkits, name="toolkits"),
    path(f"{_ONE}/safeguards/", guarding.safeguards, name="safeguards"),
    path(f"{_ONE}/findings/", guarding.findings, name="findings"),
    path(f"{_ONE}/evidence/", lines.evidence, name="evidence"),
    *evidence_urls.urlpatterns,
    *learning_urls.urlpatterns,
    *plans_urls.urlpatterns,
    path("", include("missions.threads.web.urls")),
]
