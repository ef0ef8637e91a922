"""A window that nobody began. When its time is over it is missed: what it held is free, consent and
what was still to be said fall with the time, and whoever was told of it reads that it was not."""

from __future__ import annotations

from controlplane.base.states import advance
from controlplane.lib import clock
from deployments.maintenance import plans, telling
from deployments.maintenance.noting import PORTAL, emit, say
from deployments.maintenance.querysets import AHEAD
from deployments.maintenance.services import consent, notices
from deployments.models import MaintenanceWindow

MISSED = "maintenance.missed"


def lapse(row: MaintenanceWindow) -> bool:
    """Its planned end has come. A partner's begins by its own clock; ours is begun by somebody or
    not at all. The work item and its subtasks stay open: the work is still to be done. Callers
    hold the window."""
    if row.status not in AHEAD or not row.is_ours:
        return False
    why = "Its time is over, and nobody began it."
    consent.fall(row, actor=PORTAL, why=why)
    row.refresh_from_db(fields=["status", "version"])
    now = clock.now()
    advance(row, "missed", actor=PORTAL, reason=why, changes={"changed_at": now})
    told = notices.was_told(row)
    notices.forget(row)
    row.parts.update(holds=False)
    emit(row, MISSED)
    if told:
        notices.send(row, "missed", now)
    else:
        roles = [*telling.STAKEHOLDERS, "primary_operator"]
        telling.tell(row, MISSED, f"missed:{row.revision}", roles=roles)
    when = plans.span_words(row.starts_at, row.ends_at)
    say(row, f"{row.ref} did not begin in its time, {when}. It needs another.", actor=PORTAL)
    return True
