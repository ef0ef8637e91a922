"""Streams of threads: the proxy hands `/stream/` to the asynchronous process."""

from __future__ import annotations

from django.urls import path

from missions.threads.streams import api

urlpatterns = [
    path("stream/inbox", api.stream_inbox),
    path("stream/threads/<str:thread>", api.stream_thread),
]
