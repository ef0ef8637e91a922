"""Routes of the answer to an incident."""

from __future__ import annotations

from django.urls import path

from incidents.response.api import acting, people, responding, timeline, updates

ONE = "v1/incidents/<slug:ref>"
POLICY = "v1/response-policies/<uuid:uid>"
urlpatterns = [
    path("v1/response-policies", responding.ResponsePoliciesView.as_view()),
    path(POLICY, responding.ResponsePolicyView.as_view()),
    path(f"{POLICY}/mode", responding.ResponseModeView.as_view()),
    path(f"{POLICY}/preview", responding.ResponsePreviewView.as_view()),
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
