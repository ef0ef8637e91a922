"""What this person signed, ever: searched, read again as it was, taken along."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from controlplane.access.policy import role_label
from controlplane.approvals.desk.frame import page, show
from controlplane.approvals.models import Decision
from controlplane.approvals.shown import words
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib import clock, defaults

ROWS = 25
MOST = defaults.define(
    "approvals.signed_export_rows", 10_000, unit="rows", why="a file a spreadsheet opens at once"
)
COLUMNS = ("Request", "Revision", "Title", "Answer", "Slot", "As", "For", "Comment", "Signed (UTC)",
           "SHA-256 signed", "What became of it")  # fmt: skip
VERDICTS = {"approved": "Approved", "rejected": "Rejected", "changes_requested": "Sent back"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for."""

    text: str = ""
    verdict: str = ""
    before: int = 0
    given: bool = False  # signed by others, in my name

    def query(self, **other: Any) -> str:
        kept = {"q": self.text, "answer": self.verdict, "whose": "given" if self.given else ""}
        told = {name: value for name, value in {**kept, **other}.items() if value}
        return f"?{urlencode(told)}" if told else ""


def _asked(request: HttpRequest) -> Asked:
    given = request.GET
    before = given.get("before", "")
    return Asked(
        text=given.get("q", "").replace("\x00", "").strip()[:200],
        verdict=given.get("answer", "") if given.get("answer", "") in VERDICTS else "",
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 18 else 0,
        given=given.get("whose") == "given",
    )


def _rows(request: HttpRequest, asked: Asked) -> Any:
    actor, workspace = actor_of(request), workspace_of(request)
    rows = Decision.objects.visible_to(actor)
    whose = Q(delegated_from_id=actor.user_id) if asked.given else Q(person_id=actor.user_id)
    rows = rows.filter(whose) if actor.user_id is not None else rows.none()
    if workspace is not None:
        rows = rows.filter(workspace=workspace)
    if asked.verdict:
        rows = rows.filter(verdict=asked.verdict)
    number = asked.text.upper().removeprefix("APR-")
    if number.isascii() and number.isdigit() and len(number) < 10:
        rows = rows.filter(request__number=int(number))
    else:
        for word in asked.text.split()[:6]:
            rows = rows.filter(
                Q(request__title__icontains=word)
                | Q(comment__icontains=word)
                | Q(sha256__startswith=word.lower())
            )
    rows = rows.select_related("request", "slot", "person", "delegated_from")
    return rows.defer("request__packet_text", "request__policy_snapshot").order_by("-id")


@require_safe
@page
def signed(request: HttpRequest) -> HttpResponse:
    asked = _asked(request)
    rows = _rows(request, asked)
    shown = list((rows.filter(pk__lt=asked.before) if asked.before else rows)[: ROWS + 1])
    more = asked.query(before=shown[ROWS - 1].pk) if len(shown) > ROWS else ""
    context = {
        "title": "Signed",
        "rows": shown[:ROWS],
        "asked": asked,
        "older": more,
        "newest": asked.query() if asked.before else "",
        "verdicts": VERDICTS,
        "file": reverse("desk:signed_file") + asked.query(),
        "filtered": bool(asked.text or asked.verdict),
        "whose": [
            ("By me", reverse("desk:signed"), not asked.given),
            ("For me, by others", f"{reverse('desk:signed')}?whose=given", asked.given),
        ],
    }
    return show(request, "signed.html", context)


@require_safe
@page
def signed_file(request: HttpRequest) -> HttpResponse:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in _rows(request, _asked(request))[: MOST.value].iterator(chunk_size=500):
        writer.writerow([_cell(value) for value in _told(row)])
    # The mark is what spreadsheets know UTF-8 by.
    answer = HttpResponse("\ufeff" + text.getvalue(), content_type="text/csv; charset=utf-8")
    name = f"signed-{clock.now():%Y%m%dT%H%MZ}.csv"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "private, no-store"
    return answer


def _told(row: Decision) -> tuple[str, ...]:
    giver = row.delegated_from
    return (
        row.request.ref,
        str(row.request.revision),
        row.request.title,
        words.given(row),
        row.slot.title,
        "Break-glass" if row.break_glass else role_label(row.as_role),
        (giver.name or giver.email) if giver is not None else "",
        row.comment,
        f"{row.decided_at:%Y-%m-%d %H:%M:%S}",
        row.sha256,
        row.request.get_status_display(),
    )


def _cell(text: str) -> str:
    """What a spreadsheet would compute is only read."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
