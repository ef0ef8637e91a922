"""Asking for an audit, and handing one out as a file."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from controlplane.access import policy
from controlplane.base.admin.linking import url_of
from controlplane.base.web import actor_of
from controlplane.lib import clock
from controlplane.lib.errors import ControlPlaneError, Invalid, NotAllowed, NotFound
from telemetry.audits import reporting
from telemetry.audits.asking import audit_now as ask
from telemetry.dashboards.export import handed_out
from telemetry.models import AuditRun
from telemetry.shown import audits as shown
from telemetry.shown import times
from telemetry.web.common import page, show, workspace_shown

MODES = (
    ("check", "Check", "Every rule, over everything. It closes the gaps it no longer finds."),
    ("spot", "Spot", "What a moment can tell, over a sample: right after a deployment."),
)
LIST = "admin:telemetry_auditrun_changelist"
USUAL = ""
TYPES = {"md": "text/markdown; charset=utf-8", "json": "application/json"}


@require_http_methods(["GET", "HEAD", "POST"])
@page
def audit_now(request: HttpRequest) -> HttpResponse:
    """The form; sent, the audit is made and its page shown."""
    actor, workspace = actor_of(request), workspace_shown(request)
    if workspace is None:
        raise NotFound("There is no workspace to audit.")
    policy.require(actor, "telemetry.audit", workspace)
    given = request.POST if request.method == "POST" else request.GET
    mode = given.get("mode", "check")
    since = given.get("since", USUAL)[:40]
    wrong = ""
    if request.method == "POST":
        try:
            run = ask(workspace, actor=actor, mode=mode, since=_since(since))
        except NotAllowed:
            raise
        except ControlPlaneError as error:
            wrong = error.message
        else:
            return _shown(request, run)
    context: dict[str, Any] = {
        "title": "Audit telemetry now",
        "workspace": workspace,
        "modes": [(name, label, words, name == mode) for name, label, words in MODES],
        "lengths": [
            (name, words.capitalize(), name == since) for name, (words, _) in times.LENGTHS.items()
        ],
        "since": since,
        "wrong": wrong,
        "back": reverse(LIST),
    }
    answer = show(request, "telemetry/audit_now.html", context, {})
    if wrong:
        answer.status_code = 422
    return answer


def _since(text: str) -> datetime | None:
    """A length such as "7d", or a moment; nothing is what is usual for the mode."""
    if not text.strip():
        return None
    if text in times.LENGTHS:
        return clock.now() - times.LENGTHS[text][1]
    at = times.moment(text)
    if at is None:
        raise Invalid("That time can't be read.", details={"since": "A length or a moment."})
    return at


def _shown(request: HttpRequest, run: Any) -> HttpResponse:
    if isinstance(run, AuditRun):
        messages.success(request, f"Audited: {run.get_result_display().lower()}.")
        return HttpResponseRedirect(shown.run_url(run))
    messages.success(
        request,
        "So many events take a while: the weekly job has begun, for every workspace. This page"
        " shows how far it is.",
    )
    return HttpResponseRedirect(url_of(run, actor_of(request)) or reverse(LIST))


@require_safe
@page
def audit_file(request: HttpRequest, uid: UUID, form: str) -> HttpResponse:
    rows = AuditRun.objects.visible_to(actor_of(request)).select_related("workspace")
    run = rows.filter(uid=uid).first()
    if run is None or form not in TYPES:
        raise NotFound("There is no such audit.")
    if form == "md":
        text = reporting.as_markdown(run)
    else:
        text = json.dumps(reporting.as_data(run), indent=2)
    answer = HttpResponse(text, content_type=TYPES[form])
    name = f"telemetry-audit-{run.workspace.slug}-{run.finished_at:%Y%m%dT%H%MZ}.{form}"
    return handed_out(answer, name)
