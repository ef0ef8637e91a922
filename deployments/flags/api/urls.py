"""Routes of flags. What isn't about one flag has a name of its own: a flag may be called
anything, "segments" too."""

from __future__ import annotations

from django.urls import path

from deployments.flags.api import asked, flags, segments, states, waiting

ONE = "v1/flags/<str:flag_name>"
THERE = f"{ONE}/states/<slug:environment>"

urlpatterns = [
    path("v1/flags", flags.FlagsView.as_view()),
    path(ONE, flags.FlagView.as_view()),
    path(f"{ONE}/disable", flags.FlagDisableView.as_view()),
    path(f"{ONE}/enable", flags.FlagEnableView.as_view()),
    path(f"{ONE}/archive", flags.FlagArchiveView.as_view()),
    path(f"{ONE}/restore", flags.FlagRestoreView.as_view()),
    path(f"{ONE}/usage", asked.UsageView.as_view()),
    path(f"{ONE}/states", states.StatesView.as_view()),
    path(THERE, states.StateView.as_view()),
    path(f"{THERE}/explain", states.ExplainView.as_view()),
    path(f"{THERE}/schedule", states.StateScheduleView.as_view()),
    path(f"{THERE}/request", states.StateRequestView.as_view()),
    path("v1/flag-changes", waiting.ChangesView.as_view()),
    path("v1/flag-changes/<uuid:uid>", waiting.ChangeView.as_view()),
    path("v1/flag-changes/<uuid:uid>/undo", waiting.ChangeUndoView.as_view()),
    path("v1/flag-schedules", waiting.SchedulesView.as_view()),
    path("v1/flag-schedules/<uuid:uid>", waiting.ScheduleView.as_view()),
    path("v1/flag-schedules/<uuid:uid>/cancel", waiting.ScheduleCancelView.as_view()),
    path("v1/flag-requests", waiting.RequestsView.as_view()),
    path("v1/flag-requests/<uuid:uid>", waiting.RequestView.as_view()),
    path("v1/flag-requests/<uuid:uid>/withdraw", waiting.RequestWithdrawView.as_view()),
    path("v1/flag-segments", segments.SegmentsView.as_view()),
    path("v1/flag-segments/<slug:slug>", segments.SegmentView.as_view()),
    path("v1/flag-tokens", asked.TokensView.as_view()),
    path("v1/flag-tokens/<uuid:uid>", asked.TokenView.as_view()),
    path("v1/flag-tokens/<uuid:uid>/revoke", asked.TokenRevokeView.as_view()),
    path("v1/flag-instances", asked.InstancesView.as_view()),
    path("v1/unknown-flags", asked.UnknownView.as_view()),
    path("v1/flag-environments", segments.PlacesView.as_view()),
    path("v1/flag-environments/<slug:environment__slug>", segments.PlaceView.as_view()),
]
