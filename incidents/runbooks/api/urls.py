"""Routes of runbooks and drills."""

from __future__ import annotations

from django.urls import path

from incidents.runbooks.api import runs, views

ONE = "v1/runbooks/<slug:slug>"
RUN = "v1/runbook-runs/<uuid:uid>"
urlpatterns = [
    path("v1/runbooks", views.RunbooksView.as_view()),
    path("v1/runbooks/readiness", views.RunbookReadinessView.as_view()),
    path("v1/runbooks/suggestions", views.RunbookSuggestionsView.as_view()),
    path(ONE, views.RunbookView.as_view()),
    path(f"{ONE}/archive", views.RunbookArchiveView.as_view()),
    path(f"{ONE}/versions", views.RunbookVersionsView.as_view()),
    path(f"{ONE}/validations", views.RunbookValidationsView.as_view()),
    path(f"{ONE}/consult", views.RunbookConsultView.as_view()),
    path("v1/runbook-runs", runs.RunbookRunsView.as_view()),
    path(RUN, runs.RunbookRunView.as_view()),
    path(f"{RUN}/steps/<int:number>", runs.RunbookStepRunView.as_view()),
    path(f"{RUN}/steps/<int:number>/tick", runs.RunbookStepTickView.as_view()),
    path(f"{RUN}/end", runs.RunbookRunEndView.as_view()),
    path(f"{RUN}/abandon", runs.RunbookRunAbandonView.as_view()),
    path("v1/drills", views.DrillsView.as_view()),
    path("v1/drills/log.<slug:form>", views.DrillsFileView.as_view()),
]
