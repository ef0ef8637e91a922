"""How the portal is changed, saved and repaired: read from deployments, backups and incidents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from controlplane.approvals.models import Request
from controlplane.backups.models import BackupReport, RestoreDrill
from controlplane.backups.services import RPO_TARGET, RTO_TARGET, reports_of
from controlplane.privacy.compliance.periods import Span
from controlplane.privacy.compliance.readings import Asked, Reading, Shown, first, lacking, told
from deployments.models import Deployment
from incidents.models import Drill, Incident, IncidentReview

_DAY = timedelta(days=1)


def changes_approved(asked: Asked) -> Mapping[str, Reading]:
    """What became live where real people work: each was approved before."""
    rows = Deployment.objects.landed().filter(
        workspace=asked.workspace, environment__data_class="real",
        deployed_at__gte=asked.start, deployed_at__lt=asked.end,
    )  # fmt: skip
    known = list(rows.select_related("approval").order_by("-deployed_at"))
    url = asked.list(Deployment)
    found = {}
    for span in asked.spans:
        mine = [row for row in known if row.deployed_at and span.holds(row.deployed_at)]
        bare = [row for row in mine if not _approved_before(row)]
        if not mine:
            found[span.name] = Reading("not_applicable", "Nothing became live.", url)
            continue
        text = (
            f"{told(len(mine), 'change')} became live, {len(mine) - len(bare):,} approved before."
        )
        rows_shown = first(
            Shown(f"{row.ref} {row.title}: {'approved' if row not in bare else 'no approval'}",
                  asked.link(row), row.deployed_at)
            for row in (bare or mine)
        )  # fmt: skip
        found[span.name] = Reading("missing" if bare else "met", text, url, shown=rows_shown)
    return found


def _approved_before(row: Deployment) -> bool:
    request = row.approval
    if request is None or request.status != Request.Status.APPROVED or request.decided_at is None:
        return False
    return row.deployed_at is not None and request.decided_at <= row.deployed_at


def decisions(asked: Asked) -> Mapping[str, Reading]:
    """Questions that people were asked: how many are decided, by whom stands with each."""
    rows = Request.objects.filter(
        workspace=asked.workspace, decided_at__gte=asked.start, decided_at__lt=asked.end
    )
    known = list(rows.order_by("-decided_at").values_list("decided_at", "status"))
    url = asked.list(Request)
    found = {}
    for span in asked.spans:
        mine = [status for at, status in known if at is not None and span.holds(at)]
        yes = sum(status == Request.Status.APPROVED for status in mine)
        if mine:
            text = (
                f"{told(len(mine), 'question')} decided: {yes:,} approved, {len(mine) - yes:,} not."
            )
            found[span.name] = Reading("met", text, url)
        else:
            found[span.name] = Reading("not_applicable", "Nothing was decided.", url)
    return found


def incidents_reviewed(asked: Asked) -> Mapping[str, Reading]:
    """Every incident that owes a report has one that is published."""
    rows = Incident.objects.filter(
        workspace=asked.workspace, review_due_at__gt=asked.start, review_due_at__lte=asked.end
    )
    rows = rows.exclude(status__in=("merged", "cancelled")).exclude(origin="drill")
    known = list(rows.order_by("-review_due_at"))
    published = dict(
        IncidentReview.objects.filter(incident__in=[row.pk for row in known])
        .exclude(first_published_at=None)
        .values_list("incident_id", "first_published_at")
    )
    url = asked.list(IncidentReview)
    return {
        span.name: _reviewed(
            asked, [row for row in known if row.review_due_at
                    and span.start < row.review_due_at <= span.end], published, url
        )
        for span in asked.spans
    }  # fmt: skip


def _reviewed(
    asked: Asked, mine: Sequence[Incident], published: Mapping[int, datetime | None], url: str
) -> Reading:
    if not mine:
        return Reading("not_applicable", "No incident owed a report.", url)
    without = [row for row in mine if row.pk not in published]
    late = [row for row in without if row.review_due_at and row.review_due_at <= asked.now]
    shown = first(
        Shown(f"{row.ref} {row.title}: {'published' if row.pk in published else 'no report yet'}",
              asked.link(row), published.get(row.pk) or row.review_due_at)
        for row in (*without, *(each for each in mine if each.pk in published))
    )  # fmt: skip
    text = f"{len(mine) - len(without)} of {told(len(mine), 'report')} published."
    if late:
        return Reading("missing", text, url, late[0].review_due_at, shown)
    if without:
        return Reading("due", text, url, without[0].review_due_at, shown)
    return Reading("met", text, url, shown=shown)


def response_drilled(asked: Asked) -> Mapping[str, Reading]:
    """At least one drill of paging, of a runbook, or of a whole day."""
    rows = Drill.objects.filter(
        workspace=asked.workspace, status=Drill.Status.DONE,
        ended_at__gte=asked.start, ended_at__lt=asked.end,
    )  # fmt: skip
    known = list(rows.order_by("-ended_at"))
    url = asked.list(Drill)
    found = {}
    for span in asked.spans:
        mine = [row for row in known if row.ended_at and span.holds(row.ended_at)]
        if mine:
            shown = first(
                Shown(f"{row.get_kind_display()}: {row.title}", asked.link(row), row.ended_at)
                for row in mine
            )
            found[span.name] = Reading("met", f"{told(len(mine), 'drill')} done.", url, shown=shown)
        else:
            found[span.name] = lacking(span, asked.now, "No drill was done yet.", url)
    return found


def backed_up_daily(asked: Asked) -> Mapping[str, Reading]:
    """A good backup on every day, from the first one there is: its own or those reported."""
    rows = BackupReport.objects.good().filter(reports_of(asked.workspace.pk), kind="database")
    first_at = rows.order_by("finished_at").values_list("finished_at", flat=True).first()
    moments = rows.filter(finished_at__gte=asked.start, finished_at__lt=asked.end)
    days = {at.date() for at in moments.values_list("finished_at", flat=True)}
    url = asked.list(BackupReport)
    found = {}
    for span in asked.spans:
        if first_at is None or first_at >= span.end:
            text = "There is no good backup of it yet."
            found[span.name] = lacking(span, asked.now, text, url)
            continue
        wanted = _days(max(span.start, first_at).date(), min(span.end, asked.now).date())
        gaps = [day for day in wanted if day not in days]
        held = len(wanted) - len(gaps)
        text = f"{held} of {told(len(wanted), 'day')} with a good backup."
        if not wanted:
            found[span.name] = Reading("met", "The first good backup is of today.", url)
        elif gaps:
            text = f"{text} The first without one: {gaps[0]:%Y-%m-%d}."
            found[span.name] = Reading("missing", text, url)
        else:
            found[span.name] = Reading("met", text, url)
    return found


def _days(start: date, end: date) -> list[date]:
    """Whole days: the one that is not over yet may still get its backup."""
    return [start + _DAY * number for number in range(max((end - start).days, 0))]


def restored_for_practice(asked: Asked) -> Mapping[str, Reading]:
    """A good restore within both targets, as it was measured."""
    rows = RestoreDrill.objects.filter(started_at__gte=asked.start, started_at__lt=asked.end)
    known = list(rows.select_related("report").order_by("-id"))
    url = asked.list(RestoreDrill)
    return {
        span.name: _restored(asked, span, [row for row in known if span.holds(row.started_at)], url)
        for span in asked.spans
    }


def _restored(asked: Asked, span: Span, mine: Sequence[RestoreDrill], url: str) -> Reading:
    good = [row for row in mine if row.ok]
    shown = first(
        Shown(f"{'good' if row.ok else 'failed'}: {measured(row)}", asked.link(row), row.started_at)
        for row in mine
    )
    if not good:
        text = (
            f"{told(len(mine), 'drill')}, none of them good." if mine else "Nothing was restored."
        )
        return lacking(span, asked.now, text, url, shown=shown)
    newest = good[0]
    age = newest.data_age_seconds
    within = newest.seconds <= RTO_TARGET.value and (age is None or age <= RPO_TARGET.value)
    text = f"{len(good)} of {told(len(mine), 'drill')} good. The newest: {measured(newest)}."
    return Reading("met" if within else "missing", text, url, shown=shown)


def measured(row: RestoreDrill) -> str:
    """Both objectives, each beside its target."""
    back = f"back in {row.seconds / 60:,.1f} min of {RTO_TARGET.value / 60:,.0f}"
    if row.data_age_seconds is None:
        return back
    return (
        f"{back}, data {row.data_age_seconds / 3600:,.1f} h old of {RPO_TARGET.value / 3600:,.0f}"
    )
