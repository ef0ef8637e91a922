"""Routes of maintenance windows."""

from __future__ import annotations

from django.urls import path

from deployments.maintenance.api import windows

ONE = "v1/maintenance/<str:ref>"

urlpatterns = [
    path("v1/maintenance", windows.WindowsView.as_view()),
    path(ONE, windows.WindowView.as_view()),
    path(f"{ONE}/schedule", windows.ScheduleView.as_view()),
    path(f"{ONE}/reschedule", windows.RescheduleView.as_view()),
    path(f"{ONE}/announce", windows.AnnounceView.as_view()),
    path(f"{ONE}/tested", windows.TestedView.as_view()),
    path(f"{ONE}/ask", windows.AskView.as_view()),
    path(f"{ONE}/waive", windows.WaiveView.as_view()),
    path(f"{ONE}/start", windows.StartView.as_view()),
    path(f"{ONE}/finish", windows.FinishView.as_view()),
    path(f"{ONE}/rollback", windows.RollbackView.as_view()),
    path(f"{ONE}/close", windows.CloseView.as_view()),
    path(f"{ONE}/cancel", windows.CancelView.as_view()),
    path(f"{ONE}/remarks", windows.RemarkView.as_view()),
    path(f"{ONE}/notices", windows.NoticesView.as_view()),
    path(f"{ONE}/tasks", windows.TasksView.as_view()),
    path(f"{ONE}/tasks/<str:key>/move", windows.TaskView.as_view()),
    path(f"{ONE}/follow-ups", windows.FollowUpsView.as_view()),
]
