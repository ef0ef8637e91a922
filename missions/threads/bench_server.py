"""The portal's web process with routes more: the same post and read as an ordinary DRF view does
them, which is what threads are measured against. Only benches start it."""

from __future__ import annotations

import types
from typing import Any

from controlplane.wsgi import application

__all__ = ["application"]

from django.conf import settings
from django.urls import include, path

from missions.threads.benches import plain

_urls: Any = types.ModuleType("threads_bench_urls")
_urls.urlpatterns = [
    path("plain/threads/<uuid:thread>/messages", plain.PlainMessages.as_view()),
    path("", include("controlplane.urls")),
]
settings.ROOT_URLCONF = _urls
