"""Routes of missions. What is no mission's name stands before the names."""

from __future__ import annotations

from django.urls import path

from missions.api import evidence_urls, governance, missions, parts
from missions.api.guarding import urls as guarding
from missions.api.learning import urls as learning
from missions.api.plans import urls as plans

ONE = "v1/missions/<str:ref>"
LINE = f"{ONE}/checklist/<slug:line>"

urlpatterns = [
    path("v1/missions", missions.MissionsView.as_view()),
    path("v1/missions/import", missions.ImportView.as_view()),
    *evidence_urls.first,
    *guarding.fixed,
    *governance.urlpatterns,
    path(ONE, missions.MissionView.as_view()),
    path(f"{ONE}/gates", missions.GatesView.as_view()),
    path(f"{ONE}/timeline", missions.TimelineView.as_view()),
    path(f"{ONE}/brief", parts.BriefView.as_view()),
    path(f"{ONE}/brief/lock", missions.LockView.as_view()),
    path(f"{ONE}/brief/unlock", missions.UnlockView.as_view()),
    path(f"{ONE}/start", missions.StartView.as_view()),
    path(f"{ONE}/checkpoint", parts.CheckpointView.as_view()),
    path(f"{ONE}/checkpoint/withdraw", parts.WithdrawView.as_view()),
    path(f"{ONE}/advance", missions.AdvanceView.as_view()),
    path(f"{ONE}/send-back", missions.BackView.as_view()),
    path(f"{ONE}/pause", missions.PauseView.as_view()),
    path(f"{ONE}/resume", missions.ResumeView.as_view()),
    path(f"{ONE}/cancel", missions.CancelView.as_view()),
    path(f"{ONE}/fail", missions.FailView.as_view()),
    path(f"{ONE}/archive", missions.ArchiveView.as_view()),
    path(f"{LINE}/tick", parts.TickView.as_view()),
    path(f"{LINE}/untick", parts.UntickView.as_view()),
    path(f"{ONE}/evidence-links", missions.EvidenceLinkView.as_view()),
    path(f"{ONE}/evidence-links/remove", missions.EvidenceUnlinkView.as_view()),
    *evidence_urls.urlpatterns,
    *guarding.urlpatterns,
    *plans.urlpatterns,
    *learning.urlpatterns,
]
