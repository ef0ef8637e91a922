"""Routes of what guards missions."""

from __future__ import annotations

from django.urls import path

from missions.api.guarding import discoveries, findings, safeguards, sessions, templates, toolkits

ONE = "v1/missions/<str:ref>"
KIT = f"{ONE}/toolkits/<str:slug>"
HELD = f"{KIT}/connections/<uuid:uid>"
TEMPLATE = "v1/missions/policy-templates/<slug:slug>"

# What is no mission's name: before the names.
fixed = [
    path("v1/missions/policy-templates", templates.TemplatesView.as_view()),
    path(TEMPLATE, templates.TemplateView.as_view()),
    path(f"{TEMPLATE}/retire", templates.RetireView.as_view()),
    path(f"{TEMPLATE}/versions", templates.VersionsView.as_view()),
    path("v1/missions/connections-due", toolkits.DueView.as_view()),
    path("v1/missions/discoveries", discoveries.DiscoveriesView.as_view()),
]
urlpatterns = [
    path(f"{ONE}/safeguards", safeguards.SafeguardsView.as_view()),
    path(f"{ONE}/safeguards/defaults", safeguards.DefaultsView.as_view()),
    path(f"{ONE}/safeguards/acknowledge", safeguards.AcknowledgeView.as_view()),
    path(f"{ONE}/safeguards/<uuid:uid>/decide", safeguards.SafeguardView.as_view()),
    path(f"{ONE}/findings", findings.FindingsView.as_view()),
    path(f"{ONE}/findings/<uuid:uid>/resolve", findings.ResolveView.as_view()),
    path(f"{ONE}/overrides", findings.OverridesView.as_view()),
    path(f"{ONE}/overrides/<uuid:uid>/decide", findings.DecideView.as_view()),
    path(f"{ONE}/overrides/<uuid:uid>/revoke", findings.RevokeView.as_view()),
    path(f"{ONE}/toolkits", toolkits.ToolkitsView.as_view()),
    path(f"{KIT}/approve", toolkits.ApproveView.as_view()),
    path(f"{KIT}/drop", toolkits.DropView.as_view()),
    path(f"{KIT}/attest", toolkits.AttestView.as_view()),
    path(f"{KIT}/inspections", toolkits.InspectionsView.as_view()),
    path(f"{KIT}/connections", toolkits.ConnectionsView.as_view()),
    path(f"{HELD}/complete", toolkits.CompleteView.as_view()),
    path(f"{HELD}/verify", toolkits.VerifyView.as_view()),
    path(f"{HELD}/end", toolkits.EndView.as_view()),
    path(f"{ONE}/sessions", sessions.SessionsView.as_view()),
    path(f"{ONE}/sessions/<str:agent>", sessions.SessionView.as_view()),
    path(f"{ONE}/sessions/<str:agent>/end", sessions.EndSessionView.as_view()),
]
