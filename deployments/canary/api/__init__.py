"""The API of canary rollouts."""

from __future__ import annotations

from django.urls import path

from deployments.canary.api import views

ONE = "v1/rollouts/<str:ref>"
urlpatterns = [
    path("v1/rollouts", views.RolloutsView.as_view()),
    path(ONE, views.RolloutView.as_view()),
    path(f"{ONE}/baseline", views.RolloutBaselineView.as_view()),
    path(f"{ONE}/try", views.RolloutTryView.as_view()),
    path(f"{ONE}/consent", views.RolloutConsentView.as_view()),
    path(f"{ONE}/start", views.RolloutStartView.as_view()),
    path(f"{ONE}/promote", views.RolloutPromoteView.as_view()),
    path(f"{ONE}/pause", views.RolloutPauseView.as_view()),
    path(f"{ONE}/resume", views.RolloutResumeView.as_view()),
    path(f"{ONE}/rollback", views.RolloutRollbackView.as_view()),
    path(f"{ONE}/cancel", views.RolloutCancelView.as_view()),
    path(f"{ONE}/complete", views.RolloutCompleteView.as_view()),
    path(f"{ONE}/figures", views.RolloutFiguresView.as_view()),
    path(f"{ONE}/events", views.RolloutEventsView.as_view()),
    path(f"{ONE}/samples", views.RolloutSamplesView.as_view()),
]
