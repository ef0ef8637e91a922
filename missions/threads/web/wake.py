"""Waking one who takes part, because a person asks for it."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.base.posting import posted
from controlplane.base.web import actor_of
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from missions.threads import links
from missions.threads.shown import page as shown
from missions.threads.waking.asking import ask_wake
from missions.threads.web.common import page, show, thread_of
from missions.threads.web.people import agent_of

_PROMPT = 9_000  # more than is taken: the service says so


@require_http_methods(["GET", "HEAD", "POST"])
@page
def wake(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    row, actor = thread_of(request, uid), actor_of(request)
    policy.require(actor, "thread.wake", row)
    error: ControlPlaneError | None = None
    if request.method == "POST":
        try:
            done = ask_wake(
                row, agent_of(row, posted(request, "agent", 40)), actor=actor,
                reason=posted(request, "reason"), prompt=posted(request, "prompt", _PROMPT),
                force=posted(request, "force", 2) == "1",
            )  # fmt: skip
        except (NotAllowed, NotFound):
            raise
        except ControlPlaneError as refused:
            error = refused
        else:
            said = "is awake already" if done.result == "already_active" else "is woken"
            messages.success(request, f"{done.agent.name} {said}.")
            return HttpResponseRedirect(links.page_of(row))
    context = {
        "title": "Wake somebody",
        "th": shown.page(row, request),
        "chosen": posted(request, "agent", 40) or request.GET.get("agent", "")[:40],
        "typed": {"reason": posted(request, "reason"), "prompt": posted(request, "prompt", _PROMPT),
                  "force": posted(request, "force", 2)},
        "may_force": bool(policy.can(actor, "thread.force", row)),
    }  # fmt: skip
    return show(request, "wake.html", context, row=row, error=error)
