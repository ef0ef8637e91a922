"""What people say and add about controls: files, whether one applies, a report on a period."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.files.base import ContentFile, File
from django.db import models, transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.approvals.export import as_html, as_pdf
from controlplane.audit.services import record
from controlplane.base import files, refs
from controlplane.jobs import obligations
from controlplane.jobs.models import ObligationRecord
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid
from controlplane.lib.given import line, refuse, text
from controlplane.lib.redaction import redact_text
from controlplane.privacy.compliance import periods, report
from controlplane.privacy.compliance.controls import BY_SLUG, Control
from controlplane.privacy.models import ComplianceReport, ControlEvidence, ControlScope

MAX_FILE = defaults.define(
    "compliance.max_evidence_bytes",
    10_000_000,
    unit="bytes",
    why="a report with its pictures; what is larger belongs into storage, with its hash here",
)
ATTACH, SCOPE, REPORT = "compliance.attach", "compliance.scope", "compliance.report"


def named(slug: str) -> Control:
    found = BY_SLUG.get(slug)
    if found is None:
        raise Invalid("There is no such control.", details={"control": "Unknown."})
    return found


def span_of(control: Control, period: str, workspace: Workspace) -> periods.Span:
    """A quarter of what is owed quarterly, a year of what is owed yearly; not one to come."""
    span = periods.named(period, workspace)
    if span.cadence != control.cadence:
        raise refuse("period", f"This control is owed {control.cadence}.")
    if span.start > clock.now():
        raise refuse("period", "It has not begun.")
    return span


def add_evidence(
    workspace: Workspace,
    *,
    actor: Actor,
    control: str,
    period: str,
    filename: str,
    content: bytes | files.Source,
    size: int | None = None,
    media_type: str = "",
    title: str = "",
    note: str = "",
    replaces: ControlEvidence | None = None,
    fulfils: ObligationRecord | None = None,
) -> ControlEvidence:
    """Keep a file that shows how a control was kept. Nothing takes it back: a wrong one is
    replaced, and stands there as replaced. `fulfils`: what is owed is recorded with it."""
    policy.require(actor, ATTACH, workspace)
    entry = named(control)
    span = span_of(entry, period, workspace)
    shown = files.shown(text("file", filename)) or "file"
    said = redact_text(line("title", title, 200) or shown)[:200]
    about = redact_text(line("note", note, 1000))[:1000]
    if isinstance(content, bytes):
        size = len(content)
        content = io.BytesIO(content)
    with files.spool(content, most=MAX_FILE.value, size=size) as taken:
        row = ControlEvidence(
            workspace=workspace, control=entry.slug, period=span.name, title=said, note=about,
            name=shown, size=taken.size, sha256=taken.sha256,
            media_type=files.true_type(shown, taken.head, line("media_type", media_type, 100)),
            added_by=actor.ref[:80],
        )  # fmt: skip
        with _kept(row.file, f"{row.uid}/{files.safe(shown)}", File(taken.file)):
            return _store(row, actor, replaces, fulfils)


@transaction.atomic
def _store(
    row: ControlEvidence,
    actor: Actor,
    replaces: ControlEvidence | None,
    fulfils: ObligationRecord | None,
) -> ControlEvidence:
    if replaces is not None:
        row.replaces = _replaced(row, replaces)
    row.save(force_insert=True)
    record(
        actor, ATTACH, row, reason=row.note,
        after={"control": row.control, "period": row.period, "title": row.title,
               "size": row.size, "sha256": row.sha256,
               "replaces": str(row.replaces.uid) if row.replaces else None},
    )  # fmt: skip
    if fulfils is not None:
        obligations.fulfil(fulfils, actor=actor, note=row.note or f"Added: {row.title}")
    return row


def _replaced(row: ControlEvidence, old: ControlEvidence) -> ControlEvidence:
    held: ControlEvidence = ControlEvidence.objects.select_for_update(no_key=True).get(pk=old.pk)
    same = (held.workspace_id, held.control, held.period) == (
        row.workspace_id, row.control, row.period
    )  # fmt: skip
    if not same:
        raise refuse("replaces", "It is of another control or period.")
    if ControlEvidence.objects.filter(replaces=held).exists():
        raise Conflict("It was replaced already: replace the newer one.")
    return held


@contextmanager
def _kept(field: models.fields.files.FieldFile, name: str, content: File) -> Iterator[None]:  # type: ignore[type-arg]
    """A file that no row names in the end goes again."""
    with files.told_why():
        field.save(name, content, save=False)
    try:
        yield
    except BaseException:
        field.storage.delete(str(field.name))
        raise


@transaction.atomic
def say_scope(
    workspace: Workspace,
    *,
    actor: Actor,
    control: str,
    period: str,
    applies: bool,
    reason: str,
) -> ControlScope:
    """It does not apply in this period, and why; or it does after all."""
    policy.require(actor, SCOPE, workspace)
    entry = named(control)
    span = span_of(entry, period, workspace)
    why = redact_text(line("reason", reason, 400, required=True))[:400]
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    known = ControlScope.objects.filter(workspace=workspace, control=entry.slug, period=span.name)
    newest = known.order_by("-id").first()
    if (newest.applies if newest else True) == applies:
        raise Conflict("It applies." if applies else "It is out of scope already.")
    row = ControlScope.objects.create(
        workspace=workspace, control=entry.slug, period=span.name, applies=applies, reason=why,
        said_by=actor.ref[:80],
    )  # fmt: skip
    record(
        actor, SCOPE, row, reason=why,
        after={"control": row.control, "period": row.period, "applies": applies},
    )  # fmt: skip
    return row


def make_report(workspace: Workspace, *, actor: Actor, period: str) -> ComplianceReport:
    """How every control stands in a period, now: kept as HTML and as PDF, with their hashes. A
    later one is a row more: what an auditor was given stays as it was given."""
    policy.require(actor, REPORT, workspace)
    span = periods.named(period, workspace)
    if span.start > clock.now():
        raise refuse("period", "It has not begun.")
    with transaction.atomic():
        row = ComplianceReport(workspace=workspace, period=span.name, made_by=actor.ref[:80])
        row.ref = str(refs.allocate(workspace.pk, "CRP"))
        made = report.document(workspace, actor, span, ref=row.ref, made_at=row.made_at)
        page, sheets = as_html(made.document), as_pdf(made.document)
        row.figures, row.sha256 = made.figures, made.document.sha256
        row.html_sha256 = hashlib.sha256(page).hexdigest()
        row.pdf_sha256 = hashlib.sha256(sheets).hexdigest()
        name = f"{row.uid}/{row.ref}-{row.period}"
        with (
            _kept(row.html, f"{name}.html", ContentFile(page)),
            _kept(row.pdf, f"{name}.pdf", ContentFile(sheets)),
        ):
            row.save(force_insert=True)
            record(
                actor, REPORT, row,
                after={"ref": row.ref, "period": row.period, "sha256": row.sha256,
                       "pdf_sha256": row.pdf_sha256, **row.figures},
            )  # fmt: skip
    return row
