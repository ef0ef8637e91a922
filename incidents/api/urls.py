"""Routes of incidents. What is said of one is said of its work item."""

from __future__ import annotations

from django.urls import path

from incidents.api import views
from incidents.response.api import urls as response

urlpatterns = [
    path("v1/incidents", views.IncidentsView.as_view()),
    path("v1/incidents/<slug:ref>", views.IncidentView.as_view()),
    *(
        path(f"v1/incidents/<slug:ref>/{slug}", view.as_view())
        for slug, view in views.VERBS.items()
    ),
    *response.urlpatterns,
    path("v1/severity-levels", views.SeverityLevelsView.as_view()),
]
