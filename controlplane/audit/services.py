"""Writing the log: one INSERT, in the transaction of the change it tells of."""

from __future__ import annotations

import logging
from typing import Any

from django.db import connection, transaction

from controlplane.audit import values
from controlplane.audit.models import AuditEvent
from controlplane.audit.refs import subject_ref, subject_type
from controlplane.lib import context
from controlplane.lib.actors import ANONYMOUS, Actor
from controlplane.lib.errors import NotAllowed
from controlplane.lib.ids import uuid7

logger = logging.getLogger(__name__)

# The columns a writer may give. The application's database role may insert these and no others.
WRITABLE = (
    "uid",
    "workspace_id",
    "actor_kind",
    "actor_ref",
    "actor_label",
    "action",
    "subject_type",
    "subject_ref",
    "subject_label",
    "outcome",
    "reason",
    "rule",
    "before",
    "after",
    "details",
    "source",
    "request_id",
    "correlation_id",
    "address",
)
# Written by hand: the ORM would name `at` and `leaf`, on which the application has no right.
_INSERT = (
    f"INSERT INTO audit_auditevent ({', '.join(WRITABLE)})"  # noqa: S608
    f" VALUES ({', '.join(['%s'] * len(WRITABLE))}) RETURNING id, at, form, leaf"
)


def record(
    actor: Actor,
    action: str,
    subject: Any,
    *,
    workspace_id: int | None = None,
    before: Any = None,
    after: Any = None,
    reason: str = "",
    outcome: str = "done",
    details: Any = None,
    rule: str = "",
    label: str | None = None,
) -> AuditEvent:
    """Add one row. Call it inside the transaction of the change, so that both or neither stand.

    `subject` is a model instance or a text "type:id". Its workspace is the row's unless another
    is given. Whatever goes into `before`, `after`, `details` and `reason` is redacted here.
    """
    if workspace_id is None:
        workspace_id = getattr(subject, "workspace_id", None)
    if label is None:
        label = "" if isinstance(subject, str) else str(subject)
    now = context.current()
    fields: dict[str, Any] = {
        "uid": uuid7(),
        "workspace_id": workspace_id,
        "actor_kind": actor.kind,
        "actor_ref": values.line(actor.ref, 80),
        "actor_label": values.line(actor.label, 200),
        "action": values.line(action, 80),
        "subject_type": values.line(subject_type(subject), 80),
        "subject_ref": values.line(subject_ref(subject), 160),
        "subject_label": values.line(label, 200),
        "outcome": outcome,
        "reason": values.prose(reason, 1000),
        "rule": values.line(rule, 80),
        "before": values.document(before),
        "after": values.document(after),
        "details": values.document(details),
        "source": values.line(now.source, 20),
        "request_id": values.line(now.request_id, 128),
        "correlation_id": values.line(now.correlation_id, 128),
        "address": values.line(now.address, 45),
    }
    return _insert(fields)


def _insert(fields: dict[str, Any]) -> AuditEvent:
    parameters = [
        values.as_json(fields[name]) if name in {"before", "after", "details"} else fields[name]
        for name in WRITABLE
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, parameters)
        row = cursor.fetchone()
    event = AuditEvent(**fields, id=row[0], at=row[1], form=row[2], leaf=row[3])
    event._state.adding = False
    event._state.db = connection.alias
    return event


def record_denied(error: NotAllowed) -> None:
    """Write the refusal that this error tells of; called by the door, after the roll-back.

    Once per error, because the same error passes several doors on its way out. Never raises:
    the caller is already answering a refusal, and a failing log must not turn it into a 500.
    """
    denial, error.denial = error.denial, None
    if denial is None:
        return
    try:
        with transaction.atomic():
            record(
                denial.get("actor") or ANONYMOUS,
                denial.get("action") or "unknown",
                denial.get("subject") or "none",
                workspace_id=denial.get("workspace_id"),
                outcome="denied",
                reason=str(denial.get("reason") or error.message),
                rule=str(denial.get("rule") or ""),
                details={"code": error.error_code, **(denial.get("details") or {})},
            )
    except Exception:
        logger.exception("a refusal could not be written to the audit log")
