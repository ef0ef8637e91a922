"""Routes around the support desk."""

from __future__ import annotations

from django.urls import path

from incidents.support import hours_api, knowledge_api, matrix_api

_CHANNEL = "v1/support-channels/<slug:slug>"
urlpatterns = [
    path("v1/articles", knowledge_api.ArticlesView.as_view()),
    path("v1/articles/<uuid:uid>", knowledge_api.ArticleView.as_view()),
    path("v1/articles/<uuid:uid>/move", knowledge_api.ArticleMoveView.as_view()),
    path("v1/canned-replies", knowledge_api.CannedRepliesView.as_view()),
    path("v1/canned-replies/<uuid:uid>", knowledge_api.CannedReplyView.as_view()),
    path("v1/canned-replies/<uuid:uid>/use", knowledge_api.CannedReplyUseView.as_view()),
    path("v1/support-pages", knowledge_api.SupportDoorsView.as_view()),
    path("v1/support-pages/<uuid:uid>", knowledge_api.SupportDoorView.as_view()),
    path("v1/support-matrix", matrix_api.SupportMatrixView.as_view()),
    path("v1/support-channels", hours_api.SupportChannelsView.as_view()),
    path(_CHANNEL, hours_api.SupportChannelView.as_view()),
    path(f"{_CHANNEL}/due", hours_api.SupportDueView.as_view()),
    path("v1/holidays", hours_api.HolidaysView.as_view()),
    path("v1/holidays/calendar", hours_api.HolidayCalendarView.as_view()),
    path("v1/holidays/<uuid:uid>", hours_api.HolidayView.as_view()),
]
