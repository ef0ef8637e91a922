"""The runbook of error codes, as pages.

Open to whoever met an error: half of those are met before the sign-in, and nothing in it is secret.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from controlplane.base.web import coded, title_of
from controlplane.console.pages.common import show
from controlplane.lib.error_help import HELP
from controlplane.lib.errors import CODES, NotFound

INDEX = "Errors by code"


@dataclass(frozen=True, slots=True)
class Line:
    code: str
    status: int
    title: str
    means: SafeString
    do: SafeString
    ask: SafeString


def line(code: str) -> Line:
    entry, status = HELP[code], CODES[code]
    shown = (coded(entry.means), coded(entry.do), coded(entry.ask))
    return Line(code, status, title_of(code), *shown)


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    by_status = sorted(CODES, key=lambda code: (CODES[code], code))
    context = {"title": INDEX, "lines": [line(code) for code in by_status]}
    return show(request, "console/errors.html", context)


@require_safe
def runbook(request: HttpRequest, code: str) -> HttpResponse:
    if code not in CODES:
        raise NotFound("No error has this code.")
    context = {"title": code, "index_title": INDEX, "line": line(code)}
    return show(request, "console/error.html", context)
