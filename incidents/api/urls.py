"""Routes of incidents. What is said of one is said of its work item."""

from __future__ import annotations

from django.urls import path

from incidents.api import review_views, status_views, views
from incidents.response.api import urls as response

urlpatterns = [
    path("v1/incidents", views.IncidentsView.as_view()),
    path("v1/incidents/<slug:ref>", views.IncidentView.as_view()),
    *(
        path(f"v1/incidents/<slug:ref>/{slug}", view.as_view())
        for slug, view in views.VERBS.items()
    ),
    *response.urlpatterns,
    path("v1/incident-reviews", review_views.IncidentReviewsView.as_view()),
    path("v1/incident-reviews/<slug:ref>", review_views.IncidentReviewView.as_view()),
    *(
        path(f"v1/incident-reviews/<slug:ref>/{slug}", view.as_view())
        for slug, view in review_views.VERBS.items()
    ),
    path("v1/incident-reviews/<slug:ref>/actions", review_views.ReviewActionsView.as_view()),
    path(
        "v1/incident-reviews/<slug:ref>/actions/<uuid:uid>",
        review_views.ReviewActionView.as_view(),
    ),
    path(
        "v1/incident-reviews/<slug:ref>/actions/<uuid:uid>/drop",
        review_views.ReviewActionDropView.as_view(),
    ),
    path("v1/incident-reviews/<slug:ref>/report", review_views.IncidentReportView.as_view()),
    path("v1/status-pages", status_views.StatusPagesView.as_view()),
    path("v1/status-pages/<slug:slug>", status_views.StatusPageView.as_view()),
    path("v1/severity-levels", views.SeverityLevelsView.as_view()),
]
