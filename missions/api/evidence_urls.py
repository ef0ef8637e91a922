"""Routes of evidence."""

from __future__ import annotations

from django.urls import path

from missions.api import bundles, evidence, evidence_room, sharing

ONE = "v1/missions/<str:ref>"
FILES = f"{ONE}/artifacts"
FILE = f"{FILES}/<uuid:uid>"
BUNDLES = f"{ONE}/bundles"

# Names that are no mission's: they stand before the missions.
first = [path("v1/missions/evidence-usage", evidence_room.UsageView.as_view())]
urlpatterns = [
    path(f"{ONE}/evidence", evidence_room.TreeView.as_view()),
    path(FILES, evidence.ArtifactsView.as_view()),
    path(f"{FILES}/upload", evidence.upload),
    path(FILE, evidence.ArtifactView.as_view()),
    path(f"{FILE}/content", evidence.ContentView.as_view()),
    path(f"{FILE}/remove", evidence.RemoveView.as_view()),
    path(f"{FILE}/restore", evidence.RestoreView.as_view()),
    path(f"{FILE}/check", evidence.CheckView.as_view()),
    path(f"{FILE}/clear", evidence.ClearView.as_view()),
    path(BUNDLES, bundles.BundlesView.as_view()),
    path(f"{BUNDLES}/<int:number>", bundles.BundleView.as_view()),
    path(f"{BUNDLES}/<int:number>/content", bundles.BundleContentView.as_view()),
    path(f"{ONE}/regenerate-evidence", bundles.regenerate_view),
    path(f"{ONE}/shares", sharing.SharesView.as_view()),
    path(f"{ONE}/shares/<uuid:uid>/end", sharing.EndShareView.as_view()),
    path(f"{ONE}/hold", evidence_room.HoldView.as_view()),
    path(f"{ONE}/hold/release", evidence_room.ReleaseView.as_view()),
]
