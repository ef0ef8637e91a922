"""Doors of status pages. Reading asks neither who somebody is nor the database; subscribing is a
row and a mail."""

from __future__ import annotations

import re
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane.lib import context, defaults
from controlplane.lib.errors import ControlPlaneError
from incidents.status import links, services, serving

MAX_AGE_S = defaults.define(
    "status.max_age_s",
    15,
    unit="seconds",
    why="A proxy before us takes a crowd; nobody reads what is older than a minute.",
)
_SMALL = 1_000  # characters; less gains nothing
_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:\s*[,;]|\s*$))", re.IGNORECASE)
_VERBS = ("confirm", "leave")


@require_safe
def first(request: HttpRequest) -> HttpResponse:
    return _answer(request, serving.FIRST, "")


@require_safe
def first_api(request: HttpRequest, rest: str) -> HttpResponse:
    return _answer(request, serving.FIRST, f"api/v2/{rest}")


@require_safe
def read(request: HttpRequest, slug: str, rest: str = "") -> HttpResponse:
    return _answer(request, slug, rest)


def _answer(request: HttpRequest, name: str, rest: str) -> HttpResponse:
    found = serving.bundle(name)
    part = found.parts.get(rest.rstrip("/")) if found is not None else None
    if found is None or part is None:
        raise Http404("There is no such page.")
    kind, text = part
    zipped = len(text) > _SMALL and _GZIP.search(request.headers.get("Accept-Encoding", ""))
    tag = f'"{found.digest[:32]}{"-gzip" if zipped else ""}"'  # other bytes have another tag
    ready = get_conditional_response(request, etag=tag, last_modified=int(found.changed))
    body = found.zipped(rest.rstrip("/")) if zipped else text
    answer: Any = ready or HttpResponse(body, content_type=kind)
    if zipped and not ready:
        answer["Content-Encoding"] = "gzip"
    answer["Vary"] = "Accept-Encoding"
    answer["ETag"] = tag
    answer["Last-Modified"] = http_date(found.changed)
    age = MAX_AGE_S.value
    answer["Cache-Control"] = (
        f"public, max-age={age}, stale-while-revalidate=60, stale-if-error=86400"
    )
    if rest.endswith(".json"):
        answer["Access-Control-Allow-Origin"] = "*"  # scripts of any site may read what all may
    return answer  # type: ignore[no-any-return]


# The page is written ahead and the same for all: it can hold nobody's token. What this does is a
# mail to whoever is named, who then decides.
@csrf_exempt
@require_POST
def subscribe(request: HttpRequest, slug: str) -> HttpResponse:
    try:
        services.ask_for_mail(
            slug, request.POST.get("email", "")[:400], address=context.current().address
        )
    except ControlPlaneError as error:
        return _said(request, slug, "Not yet", error.message, status=error.status)
    return _said(
        request, slug, "Look into your mailbox",
        "If we may write to this address, a mail is on its way with a link that confirms it.",
    )  # fmt: skip


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, slug: str, verb: str, token: str) -> HttpResponse:
    """A link from a mail. What fetches links before people do changes nothing: a button does."""
    if verb not in _VERBS:
        return read(request, slug, f"{verb}/{token}")
    try:
        reader = links.reader_of(slug, verb, token)
    except ControlPlaneError as error:
        return _said(request, slug, "This link is not good any more", error.message, status=404)
    if request.method != "POST":
        button = "Tell me by mail" if verb == "confirm" else "Don't tell me any more"
        return _said(request, slug, reader.page.title, reader.email, button=button)
    if verb == "confirm":
        services.confirm(reader)
        return _said(request, slug, "Confirmed", "From now on you are told by mail.")
    services.leave(reader)
    return _said(request, slug, "You are not told any more", "Your address is removed.")


def _said(
    request: HttpRequest, slug: str, title: str, text: str, *, button: str = "", status: int = 200
) -> HttpResponse:
    told = {"title": title, "text": text, "button": button, "base": f"/status/{slug}"}
    answer = render(request, "status/said.html", told, status=status)
    answer["Cache-Control"] = "private, no-store"
    return answer
