"""Routes of the work graph."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from controlplane.work.api import beads, hooks, items, parts, transfer, whole

HERE = "v1/work"
ITEM = f"{HERE}/items/<str:key>"
urlpatterns: list[URLPattern | URLResolver] = [
    path(f"{HERE}/bd", beads.bd, name="api-work-bd"),
    path(f"{HERE}/projects", whole.ProjectsView.as_view()),
    path(f"{HERE}/projects/<uuid:uid>", whole.ProjectView.as_view()),
    path(f"{HERE}/items", items.ItemsView.as_view()),
    path(ITEM, items.ItemView.as_view()),
    path(f"{ITEM}/close", items.CloseView.as_view()),
    path(f"{ITEM}/reopen", items.ReopenView.as_view()),
    path(f"{ITEM}/claim", items.ClaimView.as_view()),
    path(f"{ITEM}/defer", items.DeferView.as_view()),
    path(f"{ITEM}/undefer", items.UndeferView.as_view()),
    path(f"{ITEM}/watch", items.WatchView.as_view()),
    path(f"{ITEM}/comments", parts.CommentsView.as_view()),
    path(f"{ITEM}/events", parts.EventsView.as_view()),
    path(f"{ITEM}/tree", parts.TreeView.as_view()),
    path(f"{ITEM}/dependencies", parts.DependenciesView.as_view()),
    path(f"{ITEM}/dependencies/<str:target>", parts.DependencyView.as_view()),
    path(f"{ITEM}/links", parts.LinksView.as_view()),
    path(f"{ITEM}/attachments", parts.AttachmentsView.as_view()),
    path(f"{HERE}/attachments/<uuid:uid>", parts.DownloadView.as_view()),
    path(f"{HERE}/ready", items.ReadyView.as_view()),
    path(f"{HERE}/ready/claim", items.ReadyClaimView.as_view()),
    path(f"{HERE}/ensure", items.EnsureView.as_view()),
    path(f"{HERE}/cycles", whole.CyclesView.as_view()),
    path(f"{HERE}/stats", whole.StatsView.as_view()),
    path(f"{HERE}/activity", whole.ActivityView.as_view()),
    path(f"{HERE}/checks", whole.ChecksView.as_view()),
    path(f"{HERE}/export", transfer.ExportView.as_view()),
    path(f"{HERE}/import", transfer.import_items),
    path(f"{HERE}/tasks.json", transfer.tasks_json),
    path(f"{HERE}/github-sources", hooks.SourcesView.as_view()),
    path(f"{HERE}/github-sources/<uuid:uid>", hooks.SourceView.as_view()),
    path(f"{HERE}/github-sources/<uuid:uid>/rotate", hooks.SourceRotateView.as_view()),
    path(f"{HERE}/github-sources/<uuid:uid>/switch", hooks.SourceSwitchView.as_view()),
    path("v1/hooks/github", hooks.github_hook, name="api-hooks-github"),
]
