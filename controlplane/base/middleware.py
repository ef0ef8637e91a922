"""Middleware every request passes: ids, headers, limits, refusals.

In this order, outside in: `RequestContext` (so that everything below logs with an id),
`SecurityHeaders` (so that refusals carry them too), `EitherSlash` (before anything goes by the
path), `BodyLimit` (before anything reads), and innermost `Refusals`, which hears what a view
raised.
"""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Callable
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

from controlplane.audit import services as audit
from controlplane.base import web
from controlplane.jobs import metrics
from controlplane.lib import context, defaults
from controlplane.lib.errors import NotAllowed
from controlplane.lib.logs import event

logger = logging.getLogger("controlplane.request")
Next = Callable[[HttpRequest], HttpResponse]

BODY_BYTES = defaults.define(
    "web.body_bytes",
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
    unit="bytes",
    why="a form or JSON body of the portal is far smaller; uploads have their own limit",
)
UPLOAD_BYTES = defaults.define(
    "web.upload_bytes", 16_000_000, unit="bytes", why="files in forms; what the proxy hands on"
)
QUIET_PATHS = frozenset({"/health", "/ready", "/metrics"})


class RequestContext:
    """Who, from where, under which id; one log line per request.

    The line names the route's pattern, never the raw path or query: those hold ids and whatever
    people typed. An id from outside is taken only when it is harmless (`context.accepted_id`).
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        given = request.META.get  # `headers` would read them all anew, for the three asked for here
        trace = context.parse_traceparent(given("HTTP_TRACEPARENT"))
        named = given("HTTP_X_REQUEST_ID")
        request_id = context.accepted_id(named)
        # A caller that names nothing but a trace finds everything under the trace's id.
        said = given("HTTP_X_CORRELATION_ID") or (trace[0] if trace and not named else "")
        correlation_id = context.accepted_id(said) if said else request_id
        with context.bind(
            request_id=request_id,
            correlation_id=correlation_id,
            trace_id=trace[0] if trace else context.trace_of(correlation_id),
            span_id=trace[1] if trace else "",
            source=source_of(request.path_info),
            address=address_of(request),
        ) as bound:
            response = self.get_response(request)
            response["X-Request-ID"] = request_id
            response["X-Correlation-ID"] = bound.correlation_id
            _log(request, response.status_code, time.perf_counter() - started)
        return response


def _log(request: HttpRequest, status: int, seconds: float) -> None:
    quiet = request.path_info in QUIET_PATHS and status < 500
    method = request.method if request.method in _METHODS else "other"
    route = route_of(request)
    metrics.observe_request(
        method=method or "other",
        route=route,
        status=status,
        seconds=seconds,
        kind=kind_of(request.path_info),
    )
    event(
        logger,
        "http.request",
        level=logging.DEBUG if quiet else logging.INFO,
        ours=True,
        method=method,
        route=route,
        status=status,
        duration_ms=round(seconds * 1000, 1),
    )


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SOURCES = (
    ("/api/", "api"),
    ("/admin/flags/", "api"),
    ("/mcp", "mcp"),
    ("/desk", "desk"),
    ("/admin", "console"),
    ("/stream", "stream"),
    ("/ofrep", "sdk"),
    ("/unleash", "sdk"),
)


def source_of(path: str) -> str:
    return next((source for prefix, source in _SOURCES if path.startswith(prefix)), "web")


# First of these that fits. Who reports must not slow down the figure of who reads.
_KINDS = (
    (("/health", "/ready", "/metrics"), "probe"),
    ((settings.STATIC_URL,), "static"),
    (("/api/v1/telemetry/events", "/api/v1/otlp/", "/v1/logs", "/v1/traces"), "ingest"),
    (("/ofrep", "/unleash"), "flags"),
    (("/api/v1/work/bd",), "bd"),
    (("/api/", "/mcp"), "api"),
    (("/stream",), "stream"),
    (("/desk",), "desk"),
)


def kind_of(path: str) -> str:
    """One of a few classes of routes."""
    return next((kind for starts, kind in _KINDS if path.startswith(starts)), "page")


def route_of(request: HttpRequest) -> str:
    """The pattern that matched, as a low-cardinality name."""
    match = request.resolver_match
    return f"/{match.route}" if match is not None and match.route is not None else "(none)"


@lru_cache(maxsize=1)
def _proxies(
    configured: tuple[str, ...],
) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(entry, strict=False) for entry in configured)


@lru_cache(maxsize=4_096)
def _is_proxy(text: str, configured: tuple[str, ...]) -> bool:
    if not text:
        return True  # a Unix socket has no address; only our own proxy can reach it
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return any(address in network for network in _proxies(configured))


@lru_cache(maxsize=4_096)
def _as_address(text: str) -> str:
    """As it is written shortest; nothing where it is none."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def address_of(request: HttpRequest) -> str:
    """The caller's address. `X-Forwarded-For` is read from the right, and only as far as it was
    written by our own proxies: everything further left is what the caller wants us to believe."""
    ours = tuple(settings.TRUSTED_PROXIES)
    peer = str(request.META.get("REMOTE_ADDR") or "")
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    while _is_proxy(peer, ours) and hops and hops[-1]:
        peer = hops.pop()
    return _as_address(peer)


class SecurityHeaders:
    """Headers that hold for every answer, whoever made it."""

    POLICY = (
        "default-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'self';"
        " form-action 'self'"
    )
    PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=(), interest-cohort=()"

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault("Content-Security-Policy", self.POLICY)
        response.setdefault("Permissions-Policy", self.PERMISSIONS)
        response.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.setdefault("X-Content-Type-Options", "nosniff")
        response.setdefault("Referrer-Policy", settings.SECURE_REFERRER_POLICY or "same-origin")
        if self._is_private(request):
            response.setdefault("Cache-Control", "no-store")
        return response

    @staticmethod
    def _is_private(request: HttpRequest) -> bool:
        """Whatever a person's session or key could have shaped; a shared cache or the back
        button after signing out must not show it. Views that know better set their own."""
        if web.is_api(request) or request.path_info.startswith(("/admin", "/account", "/desk")):
            return True
        return settings.SESSION_COOKIE_NAME in request.COOKIES and not request.path_info.startswith(
            settings.STATIC_URL
        )


class BodyLimit:
    """Refuse what is too large or malformed before anything reads it.

    NUL in a path or query reaches PostgreSQL as a text it refuses, deep inside some filter; here
    it is one answer for every route.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\x00" in request.path_info or _holds_nul(request.META.get("QUERY_STRING", "")):
            return web.failed(request, "INVALID_ARGUMENT", "The address holds a NUL character.")
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not (length.isascii() and length.isdigit()):
            return web.failed(request, "INVALID_ARGUMENT", "Content-Length is not a number.")
        is_upload = (request.content_type or "") == "multipart/form-data"
        limit = UPLOAD_BYTES.value if is_upload else BODY_BYTES.value
        if int(length[:20]) > limit and not _has_own_limit(request.path_info):
            return web.failed(request, "TOO_LARGE", f"The body is larger than {limit} bytes.")
        return self.get_response(request)


class EitherSlash:
    """A route for programs is the same with a slash at its end: no such route has one of its own.

    Answered where it was asked. A redirect would lose the body of a POST on its way.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.endswith("/") and request.path_info.startswith(_EITHER):
            request.path, request.path_info = request.path[:-1], request.path_info[:-1]
        return self.get_response(request)


_EITHER = ("/api/v1/", "/stream/", "/mcp/")


def _has_own_limit(path: str) -> bool:
    """Routes of the API that take more say how much, and refuse the rest in their own words."""
    try:
        view = getattr(resolve(path).func, "cls", None)
    except Resolver404:
        return False
    return bool(getattr(view, "max_body", 0))


def _holds_nul(query: str) -> bool:
    return "%00" in query or "\x00" in query


def _form_holds_nul(request: HttpRequest) -> bool:
    """Only of forms: what else is sent is read by whoever takes it."""
    if not (request.content_type or "").startswith(_FORMS):
        return False
    fields = request.POST.lists()
    return any("\x00" in name or any("\x00" in x for x in some) for name, some in fields)


_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class Refusals:
    """Product errors raised by pages become pages with a reason, and denials reach the audit.

    A lost database is not a bug of the page: it answers 503 and says when to come back. A NUL in
    a form is refused here for every page, as one in the address is: PostgreSQL would.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: object, args: object, kwargs: object
    ) -> HttpResponse | None:
        if request.method == "POST" and not web.is_api(request) and _form_holds_nul(request):
            return web.failed(request, "INVALID_ARGUMENT", "The form holds a NUL character.")
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, NotAllowed):
            audit.record_denied(exception)
        return web.answer(request, exception)
