"""A segment's form: its words and its conditions, which are added and removed without script."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.base.posting import posted
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import ControlPlaneError, Invalid, NotAllowed, NotFound
from deployments.flags import services
from deployments.flags.editing import ConstraintDraft, Draft, RuleDraft, drawn
from deployments.flags.editing.fields import (
    constraints_from,
    posted_constraints,
    stored_constraints,
)
from deployments.flags.editing.steps import constraint_step
from deployments.flags.models import Segment
from deployments.flags.shown import links, words
from deployments.flags.web.common import page, show, workspace_shown

_SALT = "deployments.flags.segment"
FIELDS = ("slug", "name", "description", "reason")


@require_http_methods(["GET", "HEAD", "POST"])
@page
def new(request: HttpRequest) -> HttpResponse:
    workspace = workspace_shown(request)
    if workspace is None:
        raise Invalid("Choose a workspace first.")
    policy.require(actor_of(request), "flag.change", workspace)
    if request.method != "POST":
        return _drawn(request, None, [ConstraintDraft(fresh=True)], {})
    given, drafts = _posted(request)
    press = request.POST.get("do", "look")[:60]
    if press != "save":
        constraint_step(drafts, press)
        return _drawn(request, None, drafts, given)
    try:
        made = services.create_segment(
            workspace,
            given["slug"] or slugify(given["name"])[:50],
            actor=actor_of(request),
            name=given["name"],
            description=given["description"],
            constraints=stored_constraints(drafts),
        )
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        return _drawn(request, None, drafts, given, error=error)
    messages.success(request, f"“{words.clipped(made.name)}” is there for every rule.")
    return HttpResponseRedirect(links.row(made))


@require_http_methods(["GET", "HEAD", "POST"])
@page
def change(request: HttpRequest, uid: UUID) -> HttpResponse:
    segment = _segment(request, uid)
    policy.require(actor_of(request), "flag.change", segment)
    if request.method != "POST":
        given = {"slug": segment.slug, "name": segment.name, "description": segment.description}
        return _drawn(request, segment, constraints_from(segment.constraints), given)
    given, drafts = _posted(request)
    press = request.POST.get("do", "look")[:60]
    if press != "save":
        constraint_step(drafts, press)
        return _drawn(request, segment, drafts, given, seen=request.POST.get("seen", ""))
    try:
        kept = services.change_segment(
            segment,
            actor=actor_of(request),
            version=_seen(segment, request.POST.get("seen", "")),
            reason=given["reason"],
            name=given["name"],
            description=given["description"],
            constraints=stored_constraints(drafts),
        )
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        now = _segment(request, uid)
        return _drawn(request, now, drafts, given, error=error, seen=request.POST.get("seen", ""))
    messages.success(request, "Saved. Every rule that uses it has it within a second.")
    return HttpResponseRedirect(links.row(kept))


def _segment(request: HttpRequest, uid: UUID) -> Segment:
    rows = Segment.objects.visible_to(actor_of(request))
    chosen = workspace_of(request)
    if chosen is not None:
        rows = rows.filter(workspace=chosen)
    found: Segment | None = rows.filter(uid=uid).first()
    if found is None:
        raise NotFound("No such segment.")
    return found


def _posted(request: HttpRequest) -> tuple[dict[str, str], list[ConstraintDraft]]:
    given = {name: posted(request, name, 500) for name in FIELDS}
    return given, posted_constraints(request.POST, "c")


def _token(segment: Segment) -> str:
    shown = {"segment": segment.pk, "version": segment.version}
    return signing.dumps(shown, salt=_SALT)


def _seen(segment: Segment, token: str) -> int:
    try:
        seen = signing.loads(token, salt=_SALT)
    except signing.BadSignature:
        seen = {}
    if seen.get("segment") != segment.pk:
        raise Invalid("This form was not made for this segment. Open it again.")
    return int(seen["version"])


def _drawn(
    request: HttpRequest,
    segment: Segment | None,
    drafts: list[ConstraintDraft],
    given: dict[str, str],
    *,
    error: ControlPlaneError | None = None,
    seen: str = "",
) -> HttpResponse:
    came_late = error is not None and "seen_version" in error.details
    wrong = drawn.wrong_of(error.details) if error is not None and not came_late else {}
    parts = drawn.conditions(drafts, "c", "", ("constraints",), wrong)
    errors = {name: wrong.pop((name,), "") for name in (*FIELDS, "constraints")}
    rest = " ".join(wrong.values())
    context: dict[str, Any] = {
        "title": f"Segment {segment.name}" if segment is not None else "New segment",
        "segment": segment,
        "back": links.row(segment) if segment is not None else "",
        "given": given,
        "parts": parts,
        "errors": errors,
        "wrong": f"{error.message} {rest}".strip() if error is not None and not came_late else "",
        "theirs": segment if came_late else None,
        "standing": stored_constraints(constraints_from(segment.constraints)) if segment else [],
        "wanted": stored_constraints(drafts),
        "says": [words.constraint(each) for each in stored_constraints(drafts)],
        # Who came late saves again knowingly.
        "seen": _token(segment) if segment is not None and (came_late or not seen) else seen,
        "operators": drawn.OPERATORS,
        "fields": drawn.fields_of(Draft(rules=[RuleDraft(constraints=drafts)])),
    }
    return show(request, "segment.html", context, status=200 if error is None else error.status)
