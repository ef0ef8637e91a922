"""Routes of the answer to an incident."""

from __future__ import annotations

from django.urls import path

from incidents.response.api import acting, people, timeline, updates

ONE = "v1/incidents/<slug:ref>"
urlpatterns = [
    path(f"{ONE}/actions", acting.ActionsView.as_view()),
    path(f"{ONE}/actions/<uuid:uid>/undo", acting.ActionUndoView.as_view()),
    path(f"{ONE}/roles", people.RolesView.as_view()),
    path(f"{ONE}/decisions", people.DecisionsView.as_view()),
    path(f"{ONE}/checks", people.ChecksView.as_view()),
    path(f"{ONE}/split", people.SplitView.as_view()),
    path(f"{ONE}/timeline", timeline.TimelineView.as_view()),
    path(f"{ONE}/tree", timeline.TimelineTreeView.as_view()),
    path(f"{ONE}/suspects", acting.SuspectsView.as_view()),
    path(f"{ONE}/updates", updates.UpdatesView.as_view()),
    path(f"{ONE}/updates/draft", updates.UpdateDraftView.as_view()),
    path(f"{ONE}/updates/<uuid:uid>/publish", updates.UpdatePublishView.as_view()),
    path(f"{ONE}/updates/<uuid:uid>/drop", updates.UpdateDropView.as_view()),
]
