"""Routes of threads. What is no thread's name stands before the names."""

from __future__ import annotations

from django.urls import path

from missions.threads.api import hot, levels, people, runtimes, threads, wakes

ONE = "v1/threads/<str:thread>"

urlpatterns = [
    path("v1/threads", threads.ThreadsView.as_view()),
    path("v1/threads/inbox", hot.threads_inbox),
    path("v1/threads/service-levels", levels.ThreadLevelsView.as_view()),
    path(f"{ONE}/messages", hot.thread_messages),
    path(f"{ONE}/ack", hot.thread_ack),
    path(ONE, threads.ThreadView.as_view()),
    path(f"{ONE}/status", threads.ThreadStatusView.as_view()),
    path(f"{ONE}/archive", threads.ThreadArchiveView.as_view()),
    path(f"{ONE}/summary", threads.ThreadSummaryView.as_view()),
    path(f"{ONE}/participants", people.ThreadParticipantsView.as_view()),
    path(f"{ONE}/participants/<uuid:agent>", people.ThreadParticipantView.as_view()),
    path(f"{ONE}/triggers", wakes.ThreadTriggersView.as_view()),
    path(f"{ONE}/triggers/<uuid:wake>/ack", wakes.ThreadTriggerAckView.as_view()),
    path("v1/sessions", runtimes.SessionsView.as_view()),
    path("v1/sessions/heartbeat", runtimes.HeartbeatView.as_view()),
    path("v1/sessions/<uuid:uid>", runtimes.SessionView.as_view()),
]
