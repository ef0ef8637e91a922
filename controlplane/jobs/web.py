"""Doors for monitors: is it alive, is it ready, what does it measure."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe

from controlplane.jobs import health, metrics
from controlplane.lib import context, defaults

NETWORKS = defaults.define(
    "metrics.networks",
    "127.0.0.0/8,::1/128",
    unit="networks",
    why="May read metrics and the details of readiness without the token; no one else may.",
)


@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """Always 200 while the process answers: asks nothing of anybody, so that a restart loop is
    never started by a database that is away."""
    return JsonResponse({"status": "ok", "version": settings.VERSION})


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 when everything the portal needs works, else 503 and the names of what does not."""
    report = health.report()
    body: dict[str, object] = {
        "status": "ready" if report.ok else "not ready",
        "failing": report.failing,
        "checks": {check.name: "ok" if check.ok else "failing" for check in report.checks},
    }
    if _is_trusted(request):
        body["details"] = {check.name: check.detail for check in report.checks if check.detail}
    response = JsonResponse(body, status=200 if report.ok else 503)
    response["Cache-Control"] = "no-store"
    if not report.ok:
        response["Retry-After"] = "5"
    return response


@require_safe
def metrics_page(request: HttpRequest) -> HttpResponse:
    """For the scraper with the token, or from a trusted network. Others see no such page."""
    if not _is_trusted(request):
        raise Http404
    response = HttpResponse(metrics.exposition(), content_type=metrics.CONTENT_TYPE)
    response["Cache-Control"] = "no-store"
    return response


@require_safe
async def stream_alive(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok", "component": "stream"})


def _is_trusted(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if token:
        return (
            bool(settings.METRICS_TOKEN)
            and scheme.lower() == "bearer"
            and constant_time_compare(token.strip(), settings.METRICS_TOKEN)
        )
    try:
        address = ipaddress.ip_address(context.current().address)
    except ValueError:
        return False
    return any(address in network for network in _networks(NETWORKS.value))


@lru_cache(maxsize=4)
def _networks(text: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in text.split(","))
