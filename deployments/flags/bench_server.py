"""The portal's web process with one route more: a view that checks the token as the real ones do
and answers a constant, which is what evaluation is measured against. Only benches start it."""

from __future__ import annotations

import os
import time
import types
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
application = get_wsgi_application()

from django.conf import settings  # noqa: E402  (apps must be ready first)
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.urls import include, path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402

from deployments.flags.serving import processes  # noqa: E402
from deployments.flags.serving.store import store  # noqa: E402

processes.begin()
_made: dict[int, bytes] = {}


@csrf_exempt
def constant(request: HttpRequest, size: int) -> HttpResponse:
    """So many bytes of JSON for whoever has a token. The body is read, as a connection that is
    used again needs, and not looked at."""
    _ = request.body
    header = str(request.META.get("HTTP_AUTHORIZATION", ""))
    if store.token(header.removeprefix("Bearer ")) is None:
        return HttpResponse(status=401)
    if size == 0:
        return HttpResponse(status=304)
    body = _made.get(size)
    if body is None:
        body = _made[size] = b'"' + b"x" * (size - 2) + b'"'
    return HttpResponse(body, content_type="application/json")


def cpu(request: HttpRequest) -> HttpResponse:
    return HttpResponse(repr(time.process_time()))


_urls: Any = types.ModuleType("flags_bench_urls")
_urls.urlpatterns = [
    path("constant/<int:size>", constant),
    path("cpu", cpu),
    path("", include("controlplane.urls")),
]
settings.ROOT_URLCONF = _urls
