"""Routes of the rotas."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from controlplane.oncall.api import asking, duties, importing, schedules, swaps

ONE = "v1/oncall/schedules/<str:slug>"
urlpatterns: list[URLPattern | URLResolver] = [
    path("v1/oncall/on-duty", duties.OnDutyView.as_view()),
    path("v1/oncall/roster", duties.RosterView.as_view()),
    path("v1/oncall/schedules", schedules.SchedulesView.as_view()),
    path(ONE, schedules.ScheduleView.as_view()),
    path(f"{ONE}/retire", schedules.RetireView.as_view()),
    path(f"{ONE}/shifts", duties.ShiftsView.as_view()),
    path(f"{ONE}/layers", schedules.LayersView.as_view()),
    path(f"{ONE}/layers/<int:position>", schedules.LayerView.as_view()),
    path(f"{ONE}/import", importing.ImportView.as_view()),
    path(f"{ONE}/import/preview", importing.ImportPreviewView.as_view()),
    path("v1/oncall/swap-requests", asking.SwapRequestsView.as_view()),
    path("v1/oncall/swap-requests/<uuid:uid>", asking.SwapRequestView.as_view()),
    path("v1/oncall/swap-requests/<uuid:uid>/take", asking.SwapTakeView.as_view()),
    path("v1/oncall/swap-requests/<uuid:uid>/decline", asking.SwapDeclineView.as_view()),
    path("v1/oncall/swap-requests/<uuid:uid>/withdraw", asking.SwapWithdrawView.as_view()),
    path("v1/oncall/handoff-notes", asking.HandoffNotesView.as_view()),
    path("v1/oncall/handoff-notes/<uuid:uid>", asking.HandoffNoteView.as_view()),
    path("v1/oncall/handoff-notes/<uuid:uid>/read", asking.HandoffReadView.as_view()),
    path("v1/oncall/overrides", swaps.OverridesView.as_view()),
    path("v1/oncall/overrides/<uuid:uid>/end", swaps.OverrideEndView.as_view()),
]
