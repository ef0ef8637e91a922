"""Routes of deployments."""

from __future__ import annotations

from django.urls import path

from deployments.api import boards, ci, deployments, launches, others, parts, servers

ONE = "v1/deployments/<str:ref>"
GATE = f"{ONE}/gates/<slug:slug>"
STEP = f"{ONE}/steps/<uuid:uid>"
LAUNCH = "v1/launches/<str:ref>"
ADAPTER = "v1/deployment-adapters/<uuid:uid>"

urlpatterns = [
    path("v1/server-visits", servers.ServerVisitsView.as_view()),
    path("v1/deployments", deployments.DeploymentsView.as_view()),
    path("v1/deployments/ensure", deployments.EnsureView.as_view()),
    path("v1/deployments/board", boards.BoardView.as_view()),
    path("v1/deployments/calendar", boards.CalendarView.as_view()),
    path(ONE, deployments.DeploymentView.as_view()),
    path(f"{ONE}/prepare", deployments.PrepareView.as_view()),
    path(f"{ONE}/ready", deployments.ReadyView.as_view()),
    path(f"{ONE}/back", deployments.BackView.as_view()),
    path(f"{ONE}/start", deployments.StartView.as_view()),
    path(f"{ONE}/deployed", deployments.DeployedView.as_view()),
    path(f"{ONE}/watch", deployments.WatchView.as_view()),
    path(f"{ONE}/block", deployments.BlockView.as_view()),
    path(f"{ONE}/unblock", deployments.UnblockView.as_view()),
    path(f"{ONE}/fail", deployments.FailView.as_view()),
    path(f"{ONE}/cancel", deployments.CancelView.as_view()),
    path(f"{ONE}/close", deployments.CloseView.as_view()),
    path(f"{ONE}/rollback", deployments.RollbackView.as_view()),
    path(f"{ONE}/documented", deployments.DocumentedView.as_view()),
    path(f"{ONE}/snapshots", deployments.SnapshotsView.as_view()),
    path(f"{ONE}/gates", parts.GatesView.as_view()),
    path(f"{GATE}/tick", parts.GateTickView.as_view()),
    path(f"{GATE}/waive", parts.GateWaiveView.as_view()),
    path(f"{GATE}/ask", parts.GateAskView.as_view()),
    path(f"{ONE}/steps", parts.StepsView.as_view()),
    path(STEP, parts.StepView.as_view()),
    path(f"{STEP}/begin", parts.StepBeginView.as_view()),
    path(f"{STEP}/finish", parts.StepFinishView.as_view()),
    path(f"{STEP}/run", parts.StepRunView.as_view()),
    path(f"{STEP}/skip", parts.StepSkipView.as_view()),
    path(f"{STEP}/retry", parts.StepRetryView.as_view()),
    path(f"{STEP}/stop", parts.StepStopView.as_view()),
    path("v1/freezes", others.FreezesView.as_view()),
    path("v1/freezes/<uuid:uid>", others.FreezeView.as_view()),
    path("v1/freezes/<uuid:uid>/end", others.FreezeEndView.as_view()),
    path("v1/deployment-adapters", others.AdaptersView.as_view()),
    path(ADAPTER, others.AdapterView.as_view()),
    path(f"{ADAPTER}/switch", others.AdapterSwitchView.as_view()),
    path(f"{ADAPTER}/rotate", others.AdapterRotateView.as_view()),
    path("v1/dora", boards.DoraView.as_view()),
    path("v1/releases", boards.ReleasesView.as_view()),
    path("v1/releases/document", boards.ReleasesDocumentView.as_view()),
    path("v1/launches", launches.LaunchesView.as_view()),
    path(LAUNCH, launches.LaunchView.as_view()),
    path(f"{LAUNCH}/lines/<slug:slug>", launches.LaunchLineView.as_view()),
    path(f"{LAUNCH}/sign-off", launches.LaunchSignOffView.as_view()),
    path(f"{LAUNCH}/reopen", launches.LaunchReopenView.as_view()),
    path(f"{LAUNCH}/cancel", launches.LaunchCancelView.as_view()),
    path(f"{LAUNCH}/document", launches.LaunchDocumentView.as_view()),
    path(f"{LAUNCH}/review", launches.LaunchReviewView.as_view()),
    path(f"{LAUNCH}/cycle-times", launches.LaunchCycleTimesView.as_view()),
    path("v1/ci/results", ci.ci_results),
]
