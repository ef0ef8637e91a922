"""Writing the log: one INSERT, in the transaction of the change it tells of."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from controlplane.audit import values
from controlplane.audit.models import TOLD_OF, AuditEvent
from controlplane.audit.refs import subject_ref, subject_type
from controlplane.lib import clock, context
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
_INSERT = f"INSERT INTO audit_auditevent ({', '.join(WRITABLE)}) VALUES "  # noqa: S608
_ROW = f"({', '.join(['%s'] * len(WRITABLE))})"
_RETURNING = " RETURNING id, at, form, leaf"
_DOCUMENTS = ("before", "after", "details")


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
    fields = _fields(actor, action, subject, workspace_id, label)
    fields |= {
        "outcome": outcome,
        "reason": values.prose(reason, 1000),
        "rule": values.line(rule, 80),
        "before": values.document(before),
        "after": values.document(after),
        "details": values.document(_of_when(details)),
    }
    return _insert([fields])[0]


def record_each(
    actor: Actor, action: str, told: Iterable[tuple[Any, Any]], *, details: Any = None
) -> list[AuditEvent]:
    """`record` for rows that came together, each given with its `after`: one scan for secrets and
    one INSERT for all of them."""
    rows = list(told)
    if not rows:
        return []
    afters = values.documents([after for _, after in rows])
    said = values.document(_of_when(details))
    usual = {"outcome": "done", "reason": "", "rule": "", "before": None, "details": said}
    return _insert(
        [
            {**_fields(actor, action, subject, None, None), **usual, "after": after}
            for (subject, _), after in zip(rows, afters, strict=True)
        ]
    )


def _of_when(details: Any) -> Any:
    """`at` is when the row was written, always. Whoever tells of another time says so beside it."""
    moment = clock.told_of()
    if moment is None or not isinstance(details, dict | None):
        return details
    return {**(details or {}), TOLD_OF: f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"}


def _fields(
    actor: Actor, action: str, subject: Any, workspace_id: int | None, label: str | None
) -> dict[str, Any]:
    """Who, what and from where: the same for every kind of row."""
    if workspace_id is None:
        workspace_id = getattr(subject, "workspace_id", None)
    if label is None:
        label = "" if isinstance(subject, str) else str(subject)
    now = context.current()
    return {
        "uid": uuid7(),
        "workspace_id": workspace_id,
        "actor_kind": actor.kind,
        "actor_ref": values.line(actor.ref, 80),
        "actor_label": values.line(actor.label, 200),
        "action": values.line(action, 80),
        "subject_type": values.line(subject_type(subject), 80),
        "subject_ref": values.line(subject_ref(subject), 160),
        "subject_label": values.line(label, 200),
        "source": values.line(now.source, 20),
        "request_id": values.line(now.request_id, 128),
        "correlation_id": values.line(now.correlation_id, 128),
        "address": values.line(now.address, 45),
    }


def _insert(rows: list[dict[str, Any]]) -> list[AuditEvent]:
    """In the order given, which is the order of their numbers."""
    parameters = [
        values.as_json(fields[name]) if name in _DOCUMENTS else fields[name]
        for fields in rows
        for name in WRITABLE
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT + ", ".join([_ROW] * len(rows)) + _RETURNING, parameters)
        stamped = cursor.fetchall()
    return [_as_written(fields, *row) for fields, row in zip(rows, stamped, strict=True)]


def _as_written(
    fields: dict[str, Any], number: int, at: datetime, form: int, leaf: bytes
) -> AuditEvent:
    event = AuditEvent(**fields, id=number, at=at, form=form, leaf=leaf)
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
