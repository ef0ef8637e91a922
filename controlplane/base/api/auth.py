"""Who calls: a bearer key or token, or the console's session.

Sets `request.actor`. A bearer credential wins over a session, so that a script run inside a
browser acts as what it says it is. A session needs the CSRF token for every write, and the second
factor where the installation asks for one.
"""

from __future__ import annotations

import io
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.datastructures import MultiValueDict
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from controlplane.access.credentials import authenticate_bearer
from controlplane.access.models import Workspace
from controlplane.base.api.bodies import read, read_json
from controlplane.base.api.parsers import StrictJSONParser
from controlplane.lib import context
from controlplane.lib.actors import ANONYMOUS, Actor
from controlplane.lib.errors import NotAllowed, Unauthorized

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
# What a view may declare instead of a policy action.
ANYONE = "anyone"  # no credentials: token exchange, key sets
SIGNED_IN = "signed_in"  # any caller, about themselves or about nothing in particular


class PortalRequest(Request):
    """DRF's request with our body reading. `actor` and `workspace` are set by the door."""

    actor: Actor
    workspace: Workspace | None

    max_body: int = 0

    def _load_stream(self) -> None:
        """Chunked and packed bodies included, within the view's limit."""
        body = read(self._request, self.max_body)
        self._stream: Any = io.BytesIO(body) if body else None

    def _parse(self) -> tuple[Any, Any]:
        if any(not isinstance(parser, StrictJSONParser) for parser in self.parsers or ()):
            return super()._parse()  # type: ignore[no-any-return, misc]
        try:
            return read_json(self._request, self.max_body), MultiValueDict()
        except Exception:
            # As DRF does: whoever asks again while answering must not fail again.
            empty: Any = MultiValueDict()
            self._data, self._files, self._full_data = empty, empty, empty
            raise


class BadCredentials(Unauthorized):
    """The challenge tells a client that its credentials, not their absence, were the reason."""

    headers = {"WWW-Authenticate": 'Bearer realm="api", error="invalid_token"'}


def identify(request: HttpRequest, resource: str = "api") -> Actor:
    """The actor of this request, found once. No credentials at all: `ANONYMOUS`."""
    found: Actor | None = getattr(request, "portal_actor", None)
    if found is None:
        request.portal_resource = resource  # type: ignore[attr-defined]
        found = _identify(request, resource)
        request.portal_actor = found  # type: ignore[attr-defined]
        request.actor = found  # type: ignore[attr-defined]
    return found


def _identify(request: HttpRequest, resource: str) -> Actor:
    header = request.META.get("HTTP_AUTHORIZATION", "")
    if header:
        return _bearer(header, resource)
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return ANONYMOUS
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return ANONYMOUS
    if request.method not in SAFE:
        _check_csrf(request)
    return _person(request)


def _bearer(header: str, resource: str) -> Actor:
    try:
        return authenticate_bearer(header, context.current().address, resource)
    except Unauthorized as error:
        raise BadCredentials(error.message) from error


def _person(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    if actor.kind == "anonymous":
        return ANONYMOUS
    if settings.REQUIRE_SECOND_FACTOR and actor.second_factor_at is None:
        raise NotAllowed("Sign in with your second factor first.")
    return actor


class _Csrf(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        raise NotAllowed("A session needs the CSRF token for writes.", details={"csrf": reason})


def _check_csrf(request: HttpRequest) -> None:
    """Django's own check, asked here because API views are exempt from the middleware's."""
    check = _Csrf(lambda _request: HttpResponse())
    check.process_request(request)
    check.process_view(request, lambda _request: HttpResponse(), (), {})


class Caller:
    """Stands in `request.user` for a bearer: DRF wants one, our code asks `request.actor`."""

    is_authenticated = True
    is_anonymous = False
    is_active = True
    pk = None

    def __init__(self, actor: Actor) -> None:
        self.actor = actor

    def __str__(self) -> str:
        return self.actor.label


class PortalAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Any, Actor] | None:
        http = request._request
        actor = identify(http)
        if actor.kind == "anonymous":
            return None
        user = http.user if actor.kind == "person" and actor.key_id is None else Caller(actor)
        return user, actor

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class SignedIn(BasePermission):
    """For views that are not ours. Our own declare `actions`, which the door asks about."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return identify(request._request).kind != "anonymous"
