"""Access reviews: the list, the page with its lines, the signature."""

from __future__ import annotations

import uuid
from itertools import groupby
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from controlplane.access import policy, services
from controlplane.access.forms import SignReviewForm
from controlplane.access.models import AccessReview, AccessReviewLine, Workspace
from controlplane.access.services.unchanged import (
    confirm_unchanged,
    last_signed,
    unchanged_lines,
)
from controlplane.access.tasks import DUTY
from controlplane.access.web import listing
from controlplane.access.web.common import (
    act,
    allowed,
    chosen_workspace,
    fresh_factor,
    in_workspace,
    posted,
    show,
)
from controlplane.audit.models import AuditEvent
from controlplane.base.web import actor_of
from controlplane.jobs import obligations
from controlplane.jobs.models import ObligationRecord
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound

PAGE = 60
TRAIL = 30
# What a tab shows: its words and the decision of its lines.
SHOWN = {
    "open": ("Not decided", ""),
    "same": ("As last time", ""),
    "confirmed": ("Confirmed", "confirmed"),
    "revoked": ("Revoked", "revoked"),
    "all": ("All", "any"),
}


@in_workspace
@require_safe
def reviews(request: HttpRequest) -> HttpResponse:
    workspace = chosen_workspace(request, "access_review.view")
    rows = AccessReview.objects.filter(workspace=workspace).select_related("signed_by")
    counted = rows.annotate(
        all_lines=Count("lines"), decided_lines=Count("lines", filter=~Q(lines__decision=""))
    )
    period = services.this_period()
    context = {
        "title": "Access reviews",
        "reviews": counted,
        "now": clock.now(),
        "period": period,
        "missing": not rows.filter(period=period).exists(),
        "generate": allowed(actor_of(request), "access_review.manage", workspace),
    }
    return show(request, "reviews.html", context)


@in_workspace
@require_POST
def generate(request: HttpRequest) -> HttpResponse:
    workspace = chosen_workspace(request, "access_review.view")
    review = services.generate_review(workspace, actor=actor_of(request))
    return _back(review.period)


def _review(workspace: Workspace, period: str) -> AccessReview:
    found = AccessReview.objects.filter(workspace=workspace, period=period)
    review = found.select_related("workspace", "signed_by").first()
    if review is None:
        raise NotFound("No such access review.")
    return review


@in_workspace
@require_safe
def review(request: HttpRequest, period: str) -> HttpResponse:
    found = _review(chosen_workspace(request, "access_review.view"), period)
    return _page(request, found, SignReviewForm(initial={"version": found.version}))


def _page(
    request: HttpRequest, review: AccessReview, form: SignReviewForm, status: int = 200
) -> HttpResponse:
    actor = actor_of(request)
    is_open = review.status == AccessReview.Status.OPEN
    counts = dict(review.lines.order_by().values_list("decision").annotate(lines=Count("pk")))
    total, undecided = sum(counts.values()), review.lines.undecided().count()
    same = unchanged_lines(review) if is_open and undecided else set()
    shown = _shown(request.GET.get("show", ""), "open" if is_open and undecided else "all")
    lines = review.lines.select_related(
        "grant__membership", "api_key__agent", "decided_by", "review", "holder_user"
    )
    if shown == "same":
        lines = lines.filter(pk__in=same)
    elif shown == "open":
        lines = lines.undecided()
    elif shown != "all":
        lines = lines.filter(decision=SHOWN[shown][1])
    page = listing.paged(request, lines, PAGE)
    earlier = _kept_before(review)
    context: dict[str, Any] = {
        "title": f"Access review {review.period}",
        "subtitle": review.workspace.name,
        "review": review,
        "is_open": is_open,
        "is_late": is_open and review.due_at < clock.now(),
        "groups": _by_holder(page["rows"], actor, earlier),
        "has_earlier": earlier is not None,
        "page": page,
        "shown": shown,
        "tabs": _tabs(shown, counts, same=len(same), undecided=undecided),
        "same": len(same),
        "last_signed": last_signed(review) if same else None,
        "confirm": allowed(actor, "access_review.manage", review),
        "undecided": undecided,
        "decided": total - undecided,
        "total": total,
        "sign": allowed(actor, "access_review.sign", review),
        "form": form,
        "may_audit": allowed(actor, "audit.view", review.workspace),
        "events": _trail(review, actor),
    }
    return show(request, "review.html", context, status=status)


def _trail(review: AccessReview, actor: Actor) -> list[AuditEvent]:
    """What was done to the review and to the lines decided last."""
    decided = review.lines.exclude(decision="").order_by("-decided_at")[:TRAIL]
    rows = AuditEvent.objects.visible_to(actor).about_any([review, *decided])
    return list(rows.order_by("-pk")[:TRAIL])


def _tabs(shown: str, counts: dict[str, int], *, same: int, undecided: int) -> list[dict[str, Any]]:
    own = {"all": sum(counts.values()), "same": same, "open": undecided}
    return [
        {
            "label": label,
            "url": f"?show={name}",
            "current": name == shown,
            "count": own.get(name, counts.get(decision, 0)),
        }
        for name, (label, decision) in SHOWN.items()
        if name != "same" or same or shown == "same"
    ]


def _shown(asked: str, default: str = "") -> str:
    return asked if asked in SHOWN else default


def _kept_before(review: AccessReview) -> set[tuple[int | None, int | None]] | None:
    """What the review before this one confirmed, as (grant, key): what is in it is no news."""
    before = AccessReview.objects.filter(
        workspace_id=review.workspace_id, created_at__lt=review.created_at
    ).first()
    if before is None:
        return None
    kept = before.lines.filter(decision=AccessReviewLine.Decision.CONFIRMED)
    return set(kept.values_list("grant_id", "api_key_id"))


def _by_holder(
    lines: list[AccessReviewLine],
    actor: Actor,
    earlier: set[tuple[int | None, int | None]] | None,
) -> list[dict[str, Any]]:
    """Read person by person: whether somebody should have a role shows beside the others."""
    held = AccessReviewLine.objects.in_force().filter(pk__in=[line.pk for line in lines])
    live = set(held.values_list("pk", flat=True))
    groups = []
    for (holder, _), of in groupby(lines, key=lambda line: (line.holder, line.holder_user_id)):
        entries = list(of)
        person = entries[0].holder_user if entries[0].grant_id else None
        seen = [line.last_used_at for line in entries if line.last_used_at]
        groups.append(
            {
                "user": person,
                "label": holder,
                "last_used_at": max(seen, default=None),
                "lines": [
                    {
                        "line": line,
                        "may": allowed(actor, "access_review.manage", line),
                        "ended": not line.decision and line.pk not in live,
                        "kept": (line.grant_id, line.api_key_id) in (earlier or ()),
                    }
                    for line in entries
                ],
            }
        )
    return groups


@in_workspace
@require_POST
def decide(request: HttpRequest, period: str, uid: uuid.UUID) -> HttpResponse:
    found = _review(chosen_workspace(request, "access_review.view"), period)
    line = AccessReviewLine.objects.filter(review=found, uid=uid).first()
    if line is None:
        raise NotFound("No such line.")
    act(
        request,
        f"{line.holder}: decided.",
        lambda: services.decide_line(
            line,
            actor=actor_of(request),
            decision=posted(request, "decision"),
            note=posted(request, "note"),
        ),
    )
    return _back(period, _shown(posted(request, "show")))


@in_workspace
@require_POST
def unchanged(request: HttpRequest, period: str) -> HttpResponse:
    found = _review(chosen_workspace(request, "access_review.view"), period)
    try:
        did = confirm_unchanged(found, actor=actor_of(request))
    except NotAllowed:
        raise
    except ControlPlaneError as error:
        messages.error(request, error.message)
        return _back(period)
    messages.success(request, f"{did.done} confirmed as unchanged.")
    if did.own:
        messages.info(request, f"{did.own} left for somebody else: they are about you.")
    if did.left:
        messages.info(request, f"{did.left} more are unchanged. Press again.")
    return _back(period, "open")


@in_workspace
@require_POST
@fresh_factor("access:review", "period")
def sign(request: HttpRequest, period: str) -> HttpResponse:
    found = _review(chosen_workspace(request, "access_review.view"), period)
    form = SignReviewForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form)
    try:
        _sign(found, form, actor_of(request))
    except NotAllowed:
        raise
    except ControlPlaneError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "The review is signed.")
    return _back(period)


@transaction.atomic
def _sign(review: AccessReview, form: SignReviewForm, actor: Actor) -> None:
    """Sign, and with it fulfil the duty of that quarter."""
    services.sign_review(review, actor=actor, **form.cleaned_data)
    owed = ObligationRecord.objects.filter(
        workspace_id=review.workspace_id,
        obligation__slug=DUTY,
        period=review.period,
        status=ObligationRecord.Status.DUE,
    ).first()
    if owed is not None and policy.can(actor, "obligation.fulfil", owed):
        page = reverse("access:review", kwargs={"period": review.period})
        obligations.fulfil(
            owed,
            actor=actor,
            note=f"Signed the access review {review.period}. {form.cleaned_data['statement']}",
            evidence_url=f"{settings.PUBLIC_URL}{page}?workspace={review.workspace.slug}",
        )


def _back(period: str, shown: str = "") -> HttpResponseRedirect:
    page = reverse("access:review", kwargs={"period": period})
    return HttpResponseRedirect(f"{page}?show={shown}" if shown else page)
