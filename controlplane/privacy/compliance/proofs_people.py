"""What is kept of people and for how long: read from privacy's tables and records of clean-up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Q, Sum

from controlplane.access.models import Membership
from controlplane.base.data_rules import retention
from controlplane.base.models import RetentionRun
from controlplane.privacy.compliance.readings import (
    Asked,
    Reading,
    Shown,
    first,
    key,
    lacking,
    told,
)
from controlplane.privacy.models import (
    Consent,
    DataRefresh,
    DeletionRequest,
    LegalHold,
    PrivacyPolicy,
)
from missions.models import EvidenceHold


def cleaned_up(asked: Asked) -> Mapping[str, Reading]:
    """Every class that has an end was cleaned, with a record of each time."""
    wanted = {
        entry.slug: entry.what or entry.slug
        for entry in retention
        if entry.delete is not None and entry.keep is not None
    }
    url = asked.list(RetentionRun)
    runs = _runs(asked)
    found = {}
    for span in asked.spans:
        if span.start > asked.now:
            continue
        well = {row["slug"] for row in runs if row[key(span, "well")]}
        gone = sum(row[key(span, "rows")] or 0 for row in runs)
        bare = sorted(title for slug, title in wanted.items() if slug not in well)
        text = f"{len(wanted) - len(bare)} of {len(wanted)} classes cleaned, {gone:,} rows gone."
        if bare:
            rest = f"; and {len(bare) - 4} more" if len(bare) > 4 else ""
            text = f"{text} Not yet: {'; '.join(bare[:4])}{rest}."
            found[span.name] = lacking(span, asked.now, text, url)
        else:
            found[span.name] = Reading("met", text, url)
    return found


def _runs(asked: Asked) -> list[dict[str, Any]]:
    """One look over the records for all periods: there are a thousand of them a day."""
    rows = RetentionRun.objects.filter(
        started_at__gte=asked.start, started_at__lt=asked.end, dry_run=False
    )
    sums: dict[str, Any] = {}
    for span in asked.spans:
        within = Q(started_at__gte=span.start, started_at__lt=span.end)
        well = within & Q(error="", finished_at__isnull=False)
        sums[key(span, "well")] = Count("id", filter=well)
        sums[key(span, "rows")] = Sum("rows", filter=within)
    return [dict(row) for row in rows.values("slug").annotate(**sums)]


@dataclass(frozen=True, slots=True)
class _Held:
    what: str
    reason: str
    placed_at: datetime
    over_at: datetime | None
    link: str


def holds_stand(asked: Asked) -> Mapping[str, Reading]:
    """What may not go, by whose order: said beside the clean-up, since it explains what is left."""
    rows = EvidenceHold.objects.filter(mission__workspace=asked.workspace, placed_at__lt=asked.end)
    others = LegalHold.objects.filter(workspace=asked.workspace, placed_at__lt=asked.end)
    known = [
        _Held(str(row), row.reason, row.placed_at, row.released_at, asked.link(row))
        for row in rows.select_related("mission")
    ] + [
        _Held(str(row), row.reason, row.placed_at, row.lifted_at, asked.link(row)) for row in others
    ]
    known.sort(key=lambda row: row.placed_at, reverse=True)
    url = asked.list(LegalHold)
    found = {}
    for span in asked.spans:
        mine = [
            row for row in known
            if row.placed_at < span.end
            and (row.over_at is None or row.over_at >= span.start)
        ]  # fmt: skip
        if span.start > asked.now:
            continue
        if not mine:
            found[span.name] = Reading("not_applicable", "No legal hold stood.", url)
            continue
        shown = first(Shown(f"{row.what}: {row.reason}", row.link, row.placed_at) for row in mine)
        text = f"{told(len(mine), 'legal hold')} stood, each with its reason."
        found[span.name] = Reading("met", text, url, shown=shown)
    return found


def erased_in_time(asked: Asked) -> Mapping[str, Reading]:
    """Requests that were due: done by their day, or held back with a reason."""
    rows = DeletionRequest.objects.filter(
        workspace=asked.workspace, due_at__gt=asked.start, due_at__lte=asked.end
    )
    known = list(rows.exclude(status="cancelled").order_by("due_at"))
    url = asked.list(DeletionRequest)
    found = {}
    for span in asked.spans:
        mine = [row for row in known if span.start < row.due_at <= span.end]
        if not mine:
            found[span.name] = Reading("not_applicable", "Nobody's erasure was due.", url)
            continue
        done = [row for row in mine if row.finished_at and row.finished_at <= row.due_at]
        held = [row for row in mine if row.status == "held"]
        late = [
            row for row in mine if row not in done and row not in held and row.due_at <= asked.now
        ]
        waiting = [row for row in mine if row not in done and row not in held and row not in late]
        text = f"{len(done)} of {told(len(mine), 'erasure')} done in time"
        text += f", {len(held)} held back." if held else "."
        # Never by name: the report outlives the account.
        shown = first(
            Shown(f"{row.get_status_display()}, due {row.due_at:%Y-%m-%d}", asked.link(row),
                  row.finished_at or row.asked_at)
            for row in (*late, *waiting, *held, *done)
        )  # fmt: skip
        if late:
            found[span.name] = Reading("missing", text, url, late[0].due_at, shown)
        elif waiting:
            found[span.name] = Reading("due", text, url, waiting[0].due_at, shown)
        else:
            found[span.name] = Reading("met", text, url, shown=shown)
    return found


def people_told(asked: Asked) -> Mapping[str, Reading]:
    """A policy was in force, and what people said to it."""
    rows = PrivacyPolicy.objects.filter(workspace=asked.workspace, published_at__lt=asked.end)
    known = list(rows.order_by("-version"))
    said = Consent.objects.filter(policy__workspace=asked.workspace, said_at__lt=asked.end)
    answers = list(
        said.values("policy_id", "answer").annotate(number=Count("id"), newest=Max("said_at"))
    )
    members = Membership.objects.current().filter(workspace=asked.workspace).count()
    url = asked.list(PrivacyPolicy)
    found = {}
    for span in asked.spans:
        if span.start > asked.now:
            continue
        row = next((each for each in known if each.published_at < span.end), None)
        if row is None:
            text = "No privacy policy was published."
            found[span.name] = lacking(span, asked.now, text, url)
            continue
        agreed = sum(
            one["number"] for one in answers
            if one["policy_id"] == row.pk and one["answer"] == Consent.Answer.GIVEN
        )  # fmt: skip
        of = f" of {told(members, 'member')}" if span.holds(asked.now) else ""
        text = f"Version {row.version} in force; {agreed:,}{of} agreed."
        name = f"Privacy policy, version {row.version}"
        shown = first([Shown(name, asked.link(row), row.published_at)])
        found[span.name] = Reading("met", text, url, shown=shown)
    return found


def tested_without_people(asked: Asked) -> Mapping[str, Reading]:
    """Copies of production for testing, each vouched for by somebody."""
    rows = DataRefresh.objects.filter(
        Q(workspace=asked.workspace) | Q(workspace=None),
        taken_at__gte=asked.start, taken_at__lt=asked.end,
    )  # fmt: skip
    known = list(rows.order_by("-taken_at"))
    url = asked.list(DataRefresh)
    found = {}
    for span in asked.spans:
        mine = [row for row in known if span.holds(row.taken_at)]
        if mine:
            shown = first(Shown(f"{row.system} for {row.target}", asked.link(row), row.taken_at)
                          for row in mine)  # fmt: skip
            text = f"{told(len(mine), 'sanitised copy', 'sanitised copies')}, each vouched for."
            found[span.name] = Reading("met", text, url, shown=shown)
        else:
            found[span.name] = Reading("not_applicable", "No copy for testing was taken.", url)
    return found
