"""Django's middleware for who comes with a browser. Whoever calls the API or MCP with a credential
of its own and without a session has none of what these look after: no session, no form, no second
factor, nothing to be told on the next page. Agents call often, so there they are not asked.

Nothing becomes less strict by it: `base.api.auth` goes by the credential of such a request, and
without a session's cookie there is no authority that a foreign page could borrow.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware
from django_otp.middleware import OTPMiddleware

_PROGRAMS = ("/api/v1/", "/mcp")
_ANSWER = "portal.by_credential"  # a key that no header can become


def by_credential(request: HttpRequest) -> bool:
    """A call of a program that says who it is by itself, and brings no session."""
    said: bool | None = request.META.get(_ANSWER)
    if said is None:  # asked by each of the middleware here
        said = request.META[_ANSWER] = (
            "HTTP_AUTHORIZATION" in request.META
            and request.path_info.startswith(_PROGRAMS)
            and settings.SESSION_COOKIE_NAME not in request.COOKIES
        )
    return said


class _OfBrowsers:
    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        if by_credential(request):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]


class Sessions(_OfBrowsers, SessionMiddleware):
    pass


class Csrf(_OfBrowsers, CsrfViewMiddleware):
    def process_view(self, request: HttpRequest, *args: Any) -> Any:
        return None if by_credential(request) else super().process_view(request, *args)


class Users(_OfBrowsers, AuthenticationMiddleware):
    def __call__(self, request: HttpRequest) -> Any:
        if by_credential(request):
            request.user = AnonymousUser()
        return super().__call__(request)


class SecondFactors(_OfBrowsers, OTPMiddleware):  # type: ignore[misc]
    pass


class Messages(_OfBrowsers, MessageMiddleware):
    pass
