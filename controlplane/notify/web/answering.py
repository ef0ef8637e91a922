"""The page behind a link in a message: one big button, no sign-in.

Mail scanners open every link. Opening shows; only pressing does.
"""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from controlplane.lib.errors import ControlPlaneError, NotAllowed
from controlplane.notify import answers, services
from controlplane.notify.models import AnswerLink


# The link is what proves the right to press, and a browser that has lost its cookies at night
# must not be refused: there is no session that somebody else could make use of.
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, verb: str, token: str) -> HttpResponse:
    link = services.link_by_token(verb, token)
    if request.method != "POST":
        return _page(request, link, verb, refusal=services.why_over(link, verb))
    try:
        done = services.perform(link, verb, by="link")
    except NotAllowed:
        return _page(request, link, verb, refusal="You may not do this any more.", status=403)
    except ControlPlaneError as error:
        return _page(request, link, verb, refusal=error.message, status=409)
    return _page(request, link, verb, done=done)


def _page(
    request: HttpRequest,
    link: AnswerLink,
    verb: str,
    *,
    refusal: str = "",
    done: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "is_nav_sidebar_enabled": False,
        "title": answers.VERBS[verb].label,
        "link": link,
        "news": link.notification,
        "verb": answers.VERBS[verb],
        "here": request.path,
        "others": [other for other in answers.buttons(link) if other.verb != verb],
        "refusal": refusal,
        "done": done,
    }
    response = render(request, "notify/answer.html", context, status=status)
    # Where one clicks on to must not learn the address: it is the key.
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response
