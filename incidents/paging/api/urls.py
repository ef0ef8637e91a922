"""Routes of paging."""

from __future__ import annotations

from django.urls import path

from incidents.paging.api import drills, views

ONE = "v1/escalation-policies/<slug:slug>"
urlpatterns = [
    path("v1/escalation-policies", views.EscalationPoliciesView.as_view()),
    path(ONE, views.EscalationPolicyView.as_view()),
    path(f"{ONE}/retire", views.EscalationPolicyRetireView.as_view()),
    path(f"{ONE}/preview", views.EscalationPolicyPreviewView.as_view()),
    path("v1/paging/drills", drills.PagingDrillsView.as_view()),
    path("v1/paging/drills/<uuid:uid>", drills.PagingDrillView.as_view()),
    path("v1/paging/drills/<uuid:uid>/end", drills.PagingDrillEndView.as_view()),
    path("v1/paging/drills/<uuid:uid>/cancel", drills.PagingDrillCancelView.as_view()),
    path("v1/escalations", views.EscalationsView.as_view()),
    path("v1/pages", views.PagesView.as_view()),
    path("v1/paging/figures", views.PagingFiguresView.as_view()),
    path("v1/me/paging-rules", views.OwnPagingRulesView.as_view()),
]
