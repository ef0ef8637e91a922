"""What every page shares: who asks, what is shown around, and the answers to failure."""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from psycopg_pool import PoolTimeout

from controlplane.lib import clock, context, defaults, error_help
from controlplane.lib.actors import ANONYMOUS, Actor
from controlplane.lib.errors import CODES, ControlPlaneError, Unavailable

if TYPE_CHECKING:
    from controlplane.access.models import Workspace

logger = logging.getLogger(__name__)
RETRY_AFTER_S = defaults.define(
    "web.retry_after_s", 2, unit="seconds", why="a database restart takes about this long"
)

AWAY_COOKIE = "cp_read"  # marks of banners that this browser put away
FOLDS_COOKIE = "cp_nav"  # groups of the sidebar that this browser opened, or closed: "-flags"
THEME_COOKIE = "cp_theme"
TITLES = {
    400: "That request could not be read",
    401: "Sign in first",
    403: "You may not do this",
    404: "There is nothing here",
    405: "Not this way",
    406: "Not in that form",
    409: "Somebody was faster",
    411: "Its length is missing",
    412: "It has changed since you looked",
    413: "That is too large",
    415: "Not in that form",
    422: "Not yet",
    428: "Say which version you saw",
    429: "Too many requests",
    500: "Something broke on our side",
    502: "Not reached",
    503: "Not available just now",
    507: "There is no room left",
}
# Conflicts in which nobody was faster.
_OWN_TITLES = {
    "HUMAN_INPUT_COLLISION": "Somebody is typing there",
    "IDEMPOTENCY_CONFLICT": "That key was used before",
    "INVALID_TRANSITION": "Not from this state",
    "PACKET_CHANGED": "It has changed since you looked",
    "QUOTA_EXCEEDED": "There is no room left",
    "UNMANAGED_RUNTIME": "Not ours to start",
}


def title_of(code: str) -> str:
    return _OWN_TITLES.get(code) or TITLES.get(CODES[code], TITLES[500])


def actor_of(request: HttpRequest) -> Actor:
    actor: Actor = getattr(request, "actor", ANONYMOUS)
    return actor


def workspace_of(request: HttpRequest) -> Workspace | None:
    """The workspace this page is narrowed to, where the person chose one."""
    workspace: Workspace | None = getattr(request, "workspace", None)
    return workspace


def page_context(request: HttpRequest) -> dict[str, Any]:
    """In every template. Lazy on purpose: an error page must not ask the database."""
    return {
        "request_id": context.current().request_id,
        "environment": settings.ENVIRONMENT,
        "portal_version": settings.VERSION,
    }


def is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith(("/api/", "/mcp", "/ofrep/", "/unleash/", "/admin/flags/"))


def envelope(code: str, message: str, *, details: dict[str, Any] | None = None) -> JsonResponse:
    """The one JSON form of an error, the same that `base.api` answers with."""
    error = {
        "code": code,
        "message": message,
        "details": details or {},
        "request_id": context.current().request_id,
    }
    return JsonResponse(
        {"error": error}, status=CODES[code], headers={"Link": error_help.link(code)}
    )


def refusal(request: HttpRequest, error: ControlPlaneError) -> HttpResponse:
    """A product error as this caller reads it: the envelope, or a page with the sentence."""
    if is_api(request):
        response: HttpResponse = envelope(error.error_code, error.message, details=error.details)
    else:
        response = _page_for(request, error.error_code, error.message)
    if error.retry_after is not None:
        response["Retry-After"] = str(max(1, round(error.retry_after)))
    return response


def theme_of(request: HttpRequest) -> str:
    """What the person chose to read in; empty is what their system says."""
    chosen = request.COOKIES.get(THEME_COOKIE, "")
    return chosen if chosen in {"light", "dark"} else ""


def page(code: str, message: str, *, theme: str = "", looking: bool = False) -> HttpResponse:
    """An error page, drawn without a request: no session, no user, no query can fail under it.
    That is why what helps stands on it, beside the link to the runbook's page."""
    status = CODES[code]
    shown = {
        "theme": theme,
        "title": title_of(code),
        "do": coded((looking and error_help.HELP[code].look) or error_help.HELP[code].do),
        "ask": coded(error_help.HELP[code].ask),
        "runbook": error_help.runbook(code),
        "at": clock.now(),
        "message": message,
        "code": code,
        "status": status,
        "request_id": context.current().request_id,
    }
    return HttpResponse(loader.render_to_string("errors/error.html", shown), status=status)


def coded(text: str) -> SafeString:
    """A sentence of ours whose `words` between backticks are shown as code, and whose
    [words](/path) lead there."""
    parts = enumerate(text.split("`"))
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", p) if i % 2 else _led(p),) for i, p in parts)
    )


_LINK = re.compile(r"\[([^\]]+)\]\((/[^)/\\][^)]*)\)")


def _led(text: str) -> SafeString:
    words = _LINK.split(text)  # text, words, path, text, ...
    links = (
        format_html('{}<a href="{}">{}</a>', before, path, said)
        for before, said, path in zip(words[::3], words[1::3], words[2::3], strict=False)
    )
    return format_html("{}{}", format_html_join("", "{}", ((link,) for link in links)), words[-1])


def answer(request: HttpRequest, exception: BaseException | None) -> HttpResponse | None:
    """What an exception means to the caller; None when it is a bug.

    A lost database, or all its connections taken, is no bug of the page: 503, and when to come
    back. Which of them it was stands in the log only.
    """
    if isinstance(exception, ControlPlaneError):
        return refusal(request, exception)
    if isinstance(exception, RequestDataTooBig):
        return failed(request, "TOO_LARGE", "The body is too large.")
    if isinstance(exception, PoolTimeout | OperationalError | InterfaceError):
        logger.error("the database is not available: %s", type(exception).__name__)
        message = "The portal cannot reach its database just now. Try again in a moment."
        return refusal(request, Unavailable(message, retry_after=RETRY_AFTER_S.value))
    return None


# --- Django's own doors to failure ------------------------------------------------------------


def failed(request: HttpRequest, code: str, message: str) -> HttpResponse:
    """Answer by code where no error was raised."""
    if is_api(request):
        return envelope(code, message)
    return _page_for(request, code, message)


def _page_for(request: HttpRequest, code: str, message: str) -> HttpResponse:
    looking = request.method in {"GET", "HEAD"}
    return page(code, message, theme=theme_of(request), looking=looking)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return failed(request, "INVALID_ARGUMENT", "The request is not well formed.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return failed(request, "FORBIDDEN", "You may not do this.")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return failed(request, "NOT_FOUND", "Nothing is here, or it is not yours to see.")


def server_error(request: HttpRequest) -> HttpResponse:
    # Django calls this inside its `except`, also for what broke outside any view, such as the
    # session's row when the database is away: that has an answer of its own.
    known = answer(request, sys.exc_info()[1])
    if known is not None:
        return known
    message = "The error is recorded. Try again; if it stays, name the request id to an operator."
    return failed(request, "INTERNAL", message)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    message = "The form has expired. Go back, reload the page and send it again."
    return failed(request, "FORBIDDEN", message)
