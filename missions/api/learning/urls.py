"""Routes of what is learnt, of the library, training and meetings."""

from __future__ import annotations

from django.urls import path

from missions.api.learning import library, meetings, missions, training

ONE = "v1/missions/<str:ref>"
ASSET = "v1/library/assets/<uuid:uid>"
SERIES = "v1/meeting-series/<uuid:uid>"
MEETING = "v1/meetings/<uuid:uid>"

urlpatterns = [
    path(f"{ONE}/feedback", missions.FeedbackView.as_view()),
    path(f"{ONE}/feedback/decline", missions.DeclineView.as_view()),
    path(f"{ONE}/feedback/ask", missions.AskView.as_view()),
    path(f"{ONE}/retrospective", missions.RetrospectiveView.as_view()),
    path(f"{ONE}/retrospective/figures", missions.CountView.as_view()),
    path(f"{ONE}/retrospective/reuse", missions.ReuseView.as_view()),
    path(f"{ONE}/retrospective/training", missions.SettledView.as_view()),
    path(f"{ONE}/retrospective/followups", missions.FollowUpsView.as_view()),
    path(f"{ONE}/uses", missions.UsesView.as_view()),
    path("v1/library", library.FindView.as_view()),
    path("v1/library/assets", library.AssetsView.as_view()),
    path(ASSET, library.AssetView.as_view()),
    path(f"{ASSET}/draft", library.DraftView.as_view()),
    path(f"{ASSET}/publish", library.PublishView.as_view()),
    path(f"{ASSET}/retire", library.RetireView.as_view()),
    path(f"{ASSET}/restore", library.RestoreView.as_view()),
    path("v1/training", training.TrainingsView.as_view()),
    path("v1/training/<uuid:uid>", training.TrainingView.as_view()),
    path("v1/training/<uuid:uid>/move", training.MoveView.as_view()),
    path("v1/meeting-series", meetings.SeriesListView.as_view()),
    path(f"{SERIES}/begin", meetings.BeginView.as_view()),
    path(f"{SERIES}/end", meetings.EndView.as_view()),
    path("v1/meetings", meetings.MeetingsView.as_view()),
    path(MEETING, meetings.MeetingView.as_view()),
    path(f"{MEETING}/close", meetings.CloseView.as_view()),
    path(f"{MEETING}/afterwards", meetings.AfterwardsView.as_view()),
    path(f"{MEETING}/followups", meetings.FollowView.as_view()),
]
