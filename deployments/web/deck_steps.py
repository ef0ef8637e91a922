"""One step: its command, its log as it grows, what can be done with it, how it was tried."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.base.admin.showing import PART, as_part
from controlplane.base.posting import posted, version_of
from controlplane.base.web import actor_of
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from deployments import links, services
from deployments.models import Deployment, Step
from deployments.services import reading
from deployments.shown import deck_steps
from deployments.web.deck_common import deployment_of, page, show

MOST_OUTPUT = 1_100_000  # beyond what the service takes, so that it refuses
MOST_TRIES = 20


@require_http_methods(["GET", "HEAD", "POST"])
@page
def step(request: HttpRequest, uid: uuid.UUID, step: uuid.UUID) -> HttpResponse:
    row = deployment_of(request, uid)
    found = _step(row, step)
    if request.method != "POST":
        if request.GET.get(PART) in _PARTS:
            return _part(request, row, found, _PARTS[request.GET[PART]])
        return _form(request, row, found)
    verb = request.POST.get("do", "") or request.GET.get("do", "")
    run = _VERBS.get(verb)
    if run is None:
        raise NotFound("There is no such button.")
    try:
        done = run(request, found)
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        return _form(request, deployment_of(request, uid), _step(row, step), error)
    messages.success(request, _SAID.get(verb, "{}: {}.").format(found.title, done.state))
    if verb == "run":
        return HttpResponseRedirect(deck_steps.url(row, found.uid))
    return HttpResponseRedirect(f"{links.page_of(row)}#step-{found.uid}")


_SAID = {
    "begin": "Begun: {}.",
    "finish": "Done: {}.",
    "failed": "It failed: {}.",
    "run": "Given to a worker: {}.",
    "skip": "Skipped: {}.",
    "retry": "To be done once more: {}.",
    "stop": "Stopped: {}.",
    "set": "Set: {}.",
}


def _step(row: Deployment, uid: uuid.UUID) -> Step:
    rows = row.steps.select_related("adapter", "component")
    found: Step | None = rows.filter(uid=uid).first()
    if found is None:
        raise NotFound("This deployment has no such step.")
    found.deployment = row
    return found


# --- What is done -------------------------------------------------------------------------------


def _begin(request: HttpRequest, found: Step) -> Step:
    return services.begin_step(found, actor=actor_of(request), version=version_of(request))


def _finish(request: HttpRequest, found: Step, *, worked: bool) -> Step:
    text = request.POST.get("exit_code", "").strip()
    if text and not (text.isascii() and text.removeprefix("-").isdigit() and len(text) < 5):
        raise reading.refuse("exit_code", "A whole number from 0 to 255.")
    return services.finish_step(
        found,
        actor=actor_of(request),
        worked=worked,
        output=request.POST.get("output", "").replace("\x00", "")[:MOST_OUTPUT],
        exit_code=int(text) if text else None,
        outcome=posted(request, "outcome"),
        version=version_of(request),
    )


def _run(request: HttpRequest, found: Step) -> Step:
    chosen = _adapter(request, found)
    return services.run_step(
        found, actor=actor_of(request), adapter=chosen, version=version_of(request)
    )


def _adapter(request: HttpRequest, found: Step) -> Any:
    slug = posted(request, "adapter", 50)
    if not slug:
        return None
    for each in deck_steps.adapters_for(found):
        if each.slug == slug:
            return each
    raise reading.refuse("adapter", "It is not allowed here, or switched off.")


def _skip(request: HttpRequest, found: Step) -> Step:
    reason = posted(request, "reason")
    return services.skip_step(
        found, actor=actor_of(request), reason=reason, version=version_of(request)
    )


def _retry(request: HttpRequest, found: Step) -> Step:
    reason = posted(request, "reason")
    return services.try_again(
        found, actor=actor_of(request), reason=reason, version=version_of(request)
    )


def _stop(request: HttpRequest, found: Step) -> Step:
    return services.stop_step(found, actor=actor_of(request), reason=posted(request, "reason"))


def _set(request: HttpRequest, found: Step) -> Step:
    chosen = _adapter(request, found)
    given: dict[str, Any] = {"adapter": chosen} if chosen is not None else {}
    if chosen is None and found.adapter is not None:
        given["by_hand"] = True
    if "url" in request.POST:
        given["url"] = posted(request, "url")
    return services.set_step(found, actor=actor_of(request), version=version_of(request), **given)


_VERBS: dict[str, Callable[[HttpRequest, Step], Step]] = {
    "begin": _begin,
    "finish": lambda request, found: _finish(request, found, worked=True),
    "failed": lambda request, found: _finish(request, found, worked=False),
    "run": _run,
    "skip": _skip,
    "retry": _retry,
    "stop": _stop,
    "set": _set,
}


# --- The page -----------------------------------------------------------------------------------


def _shown(request: HttpRequest, row: Deployment, found: Step) -> dict[str, Any]:
    steps = list(deck_steps.rows_of(row))
    told = deck_steps.shown(row, steps, actor_of(request))
    here = next(each for each in told if each.step.pk == found.pk)
    return {"row": row, "step": found, "told": here, "count": len(told), "all": told}


# What is asked for again while somebody looks: a step that ends has other buttons.
_PARTS = {"log": "deployments/deck/_log.html", "verbs": "deployments/deck/_verbs.html"}


def _part(request: HttpRequest, row: Deployment, found: Step, template: str) -> HttpResponse:
    context = {**admin.site.each_context(request), **_shown(request, row, found)}
    return as_part(request, TemplateResponse(request, template, context), template)


def _form(
    request: HttpRequest, row: Deployment, found: Step, error: ControlPlaneError | None = None
) -> HttpResponse:
    decision = policy.can(actor_of(request), "deployment.change", row)
    settable = row.status in {"preparing", "ready", "approved", "deploying", "blocked"}
    context = {
        "title": found.title,
        **_shown(request, row, found),
        "attempts": list(found.attempts.order_by("-attempt")[:MOST_TRIES]),
        "adapters": deck_steps.adapters_for(found),
        "may_set": bool(decision) and settable and found.state == Step.State.PENDING,
        "why_not_set": "" if decision else decision.reason,
        "consents": row.phase in {"ready", "approved"} and row.approval is not None,
        "error": error.message if error is not None else "",
        "conditions": error.details.get("conditions", []) if error is not None else [],
        "wrong": next(iter(error.details), "") if error is not None else "",
        "typed": {
            name: request.POST.get(name, "").replace("\x00", "")[:MOST_OUTPUT]
            for name in ("do", "output", "exit_code", "outcome", "reason", "adapter", "url")
        },
    }
    return show(request, "step.html", context, status=error.status if error is not None else 200)
