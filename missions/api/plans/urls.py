"""Routes of plans, undoing and runs."""

from __future__ import annotations

from django.urls import path

from missions.api.plans import plans, runs, undo

ONE = "v1/missions/<str:ref>"
PLAY = f"{ONE}/plays/<uuid:uid>"
UNDO = f"{ONE}/undo-runs/<uuid:uid>"
RUN = f"{ONE}/runs/<str:run>"

urlpatterns = [
    path(f"{ONE}/plays", plans.PlaysView.as_view()),
    path(f"{PLAY}/select", plans.SelectView.as_view()),
    path(f"{PLAY}/undo-plan", undo.UndoPlanView.as_view()),
    path(f"{PLAY}/undo-plan/ready", undo.ReadyView.as_view()),
    path(f"{PLAY}/undo-plan/open", undo.OpenView.as_view()),
    path(f"{PLAY}/undo-plan/close", undo.CloseView.as_view()),
    path(f"{PLAY}/undo-plan/runs", undo.UndoRunsView.as_view()),
    path(UNDO, undo.UndoRunView.as_view()),
    path(f"{UNDO}/attempts", undo.AttemptsView.as_view()),
    path(f"{UNDO}/fail", undo.FailView.as_view()),
    path(f"{UNDO}/withdraw", undo.WithdrawView.as_view()),
    path(f"{ONE}/plan-notes", plans.NotesView.as_view()),
    path(f"{ONE}/risks", plans.RisksView.as_view()),
    path(f"{ONE}/risks/<uuid:uid>", plans.RiskView.as_view()),
    path(f"{ONE}/risks/<uuid:uid>/remove", plans.RiskRemoveView.as_view()),
    path(f"{ONE}/hook-check", plans.HooksView.as_view()),
    path(f"{ONE}/duty-windows", plans.DutyView.as_view()),
    path(f"{ONE}/duty-windows/<uuid:uid>/cancel", plans.DutyCancelView.as_view()),
    path(f"{ONE}/runs", runs.RunsView.as_view()),
    path(RUN, runs.RunView.as_view()),
    path(f"{RUN}/dispatch", runs.DispatchView.as_view()),
    path(f"{RUN}/steps", runs.StepsView.as_view()),
    path(f"{RUN}/finish", runs.FinishView.as_view()),
    path(f"{RUN}/abort", runs.AbortView.as_view()),
]
