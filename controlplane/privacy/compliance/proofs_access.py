"""Who may do what, and what is known of what they did: read from access and the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db.models import Count, Q

from controlplane.access.models import AccessReview, AccessReviewLine, BreakGlass
from controlplane.access.naming import names_of
from controlplane.audit.models import AuditReview, AuditSeal
from controlplane.jobs import leases
from controlplane.jobs.models import JobRun
from controlplane.privacy.compliance.readings import (
    Asked,
    Reading,
    Shown,
    first,
    key,
    lacking,
    told,
)

_PROOF, _REVIEWS = "audit.verify", "access_review.view"
_WEEK = timedelta(days=7)


def review_of_access(asked: Asked) -> Mapping[str, Reading]:
    """The quarter's list: every line decided by somebody who is named, then signed."""
    decided = ~Q(lines__decision=AccessReviewLine.Decision.PENDING)
    revoked = Q(lines__decision=AccessReviewLine.Decision.REVOKED)
    rows = AccessReview.objects.filter(
        workspace=asked.workspace, period__in=[span.name for span in asked.spans]
    )
    rows = rows.select_related("signed_by").annotate(
        lines_=Count("lines"),
        decided_=Count("lines", filter=decided),
        revoked_=Count("lines", filter=revoked),
    )
    known: dict[str, Any] = {row.period: row for row in rows}
    found = {}
    for span in asked.spans:
        row = known.get(span.name)
        if row is None:
            text = "The list of who holds what was not made yet."
            found[span.name] = lacking(
                span, asked.now, text, asked.page("access:reviews", _REVIEWS)
            )
            continue
        url = asked.page("access:review", _REVIEWS, row.period)
        if row.status == AccessReview.Status.SIGNED:
            who = row.signed_by.name or row.signed_by.email if row.signed_by else "somebody"
            kept = row.lines_ - row.revoked_
            text = f"Signed by {who}: {kept:,} confirmed, {row.revoked_:,} revoked."
            shown = first([Shown(f"Access review {row.period}", url, row.signed_at)])
            found[span.name] = Reading("met", text, url, shown=shown)
            continue
        text = f"{row.decided_:,} of {told(row.lines_, 'line')} decided, not signed yet."
        found[span.name] = lacking(span, asked.now, text, url)
    return found


def log_is_whole(asked: Asked) -> Mapping[str, Reading]:
    """Each proof is of the whole log: the newest that held speaks for every period before it."""
    runs = JobRun.objects.filter(name=_PROOF, state__in=(leases.DONE, leases.DEAD))
    newest = runs.order_by("-id").first()
    seals = dict(
        AuditSeal.objects.filter(at__gte=asked.start, at__lt=asked.end).aggregate(
            **{
                key(span): Count("n", filter=Q(at__gte=span.start, at__lt=span.end))
                for span in asked.spans
            }
        )
    )
    url = asked.list(AuditSeal)
    found = {}
    for span in asked.spans:
        sealed = told(seals[key(span)], "seal")
        if newest is None:
            text = f"{sealed}; the log was never proved by the nightly job yet."
            found[span.name] = lacking(span, asked.now, text, url)
        elif newest.state == leases.DEAD:
            text = f"The newest proof failed: {newest.last_error[:160]}"
            found[span.name] = Reading("missing", text, url)
        elif newest.due_at < min(span.end, asked.now) and span.end <= asked.now:
            text = f"{sealed}; nothing was proved since {newest.due_at:%Y-%m-%d}."
            found[span.name] = Reading("missing", text, url)
        else:
            proof = Shown("Proof of the whole log", asked.link(newest), newest.finished_at)
            text = f"Proved whole on {newest.due_at:%Y-%m-%d}; {sealed} of this period hold."
            found[span.name] = Reading("met", text, url, shown=first([proof]))
    return found


def _name(kept: str) -> str:
    """Of "user:10 sami@example.org", as the review keeps who signed it."""
    ref, _, label = kept.partition(" ")
    return names_of([ref]).get(ref, label or ref)


def log_is_read(asked: Asked) -> Mapping[str, Reading]:
    """Each week's extract signed. A week counts where it ends; a new one may still be read."""
    rows = AuditReview.objects.filter(
        workspace_id=asked.workspace.pk, until__gt=asked.start, until__lte=asked.end
    )
    known = list(rows.order_by("-since"))
    url = asked.list(AuditReview)
    found = {}
    for span in asked.spans:
        mine = [row for row in known if span.start < row.until <= span.end]
        signed = [row for row in mine if row.signed_at is not None]
        shown = first(
            Shown(
                f"Week {row.week}, signed by {_name(row.signed_by)}", asked.link(row), row.signed_at
            )
            for row in signed
        )
        if not mine:
            text = "No week of it has been prepared for reading."
            found[span.name] = lacking(span, asked.now, text, url)
            continue
        text = f"{len(signed)} of {told(len(mine), 'week')} read and signed."
        # The last week may still be read.
        late = [row for row in mine if row not in signed and row.until + _WEEK <= asked.now]
        if signed and not late:
            found[span.name] = Reading("met", text, url, shown=shown)
        else:
            found[span.name] = lacking(span, asked.now, text, url, shown=shown)
    return found


def glass_broken(asked: Asked) -> Mapping[str, Reading]:
    """Ways in without a role: each with a reason, each over by its end."""
    rows = BreakGlass.objects.filter(
        workspace=asked.workspace, started_at__gte=asked.start, started_at__lt=asked.end
    )
    known = list(rows.select_related("user").order_by("-started_at"))
    url = asked.page("access:break_glass", "break_glass.view")
    found = {}
    for span in asked.spans:
        mine = [row for row in known if span.holds(row.started_at)]
        shown = first(
            Shown(f"{row.user.name or row.user.email}: {row.reason}", url, row.started_at)
            for row in mine
        )
        still = [row for row in mine if row.ended_at is None and row.ends_at > asked.now]
        if not mine:
            text = "Nobody went in without a role."
            found[span.name] = Reading("met", text, url)
        elif still:
            text = f"{len(mine)} with a reason; {len(still)} not over yet."
            found[span.name] = Reading("due", text, url, still[0].ends_at, shown)
        else:
            text = f"{told(len(mine), 'use')} of break-glass, each with a reason and over."
            found[span.name] = Reading("met", text, url, shown=shown)
    return found
