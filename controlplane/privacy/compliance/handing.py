"""Files of evidence and of reports handed out, whichever door they are asked at. Each time stands
in the log: who has read what an auditor reads is asked one day."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import FileResponse

from controlplane.access import policy
from controlplane.audit.services import record
from controlplane.base import files
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotFound
from controlplane.privacy.models import ComplianceReport, ControlEvidence

FORMS = ("html", "pdf")


def evidence(actor: Actor, uid: uuid.UUID, *, told: bool = True) -> FileResponse:
    row = ControlEvidence.objects.visible_to(actor).filter(uid=uid).first()
    if row is None or not policy.can(actor, "compliance.view", row):
        raise NotFound("No such file.")
    opened = _opened(row.file)
    if told:
        record(actor, "compliance.read", row, after={"sha256": row.sha256})
    return files.download(opened, name=row.name, size=row.size, sha256=row.sha256)


def report(actor: Actor, uid: uuid.UUID, form: str, *, told: bool = True) -> FileResponse:
    """By whoever may make one: it names what not everybody who sees the controls may open."""
    row = ComplianceReport.objects.visible_to(actor).filter(uid=uid).first()
    if row is None or form not in FORMS or not policy.can(actor, "compliance.report", row):
        raise NotFound("No such report.")
    opened = _opened(getattr(row, form))
    sha256 = str(getattr(row, f"{form}_sha256"))
    if told:
        record(actor, "compliance.read", row, after={"form": form, "sha256": sha256})
    return files.download(opened, name=f"{row.ref}-{row.period}.{form}", sha256=sha256)


def _opened(field: Any) -> Any:
    try:
        with files.told_why():
            return field.open("rb")
    except files.Lost as error:
        raise NotFound("The file is not in the store any more.") from error
