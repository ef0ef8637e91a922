"""A guard stopped a thread: what the rules of escalation say is done at once, by the signal that
the guard left, in one transaction and once. What they say for later, a job does.
"""

from __future__ import annotations

from controlplane.base import signals
from controlplane.base.models import Signal
from missions.threads.models import Thread
from missions.threads.services.common import GUARD, PORTAL, note
from missions.threads.services.escalating import rules_for
from missions.threads.services.reporting import looped
from missions.threads.services.telling import BLOCKED, Stuck, tell, told


@signals.consumes(GUARD)
def stopped(signal: Signal) -> None:
    given = signal.payload
    rows = Thread.objects.select_related("workspace", "owner", "escalation_owner", "item")
    row: Thread | None = rows.filter(uid=given["thread"]).first()
    if row is None:
        return
    guard, seq = given["guard"], int(given["seq"])
    looped(row, guard, seq)
    row.guarded_seq = seq  # the one it is about, were it stopped again meanwhile
    each = Stuck(row, guard, row.status_at, str(seq), given["reason"])
    due = [rule for rule in rules_for(row.workspace_id, row.kind, guard) if not rule.after_minutes]
    known = told({each.key(BLOCKED, rule) for rule in due})
    due = [rule for rule in due if each.key(BLOCKED, rule) not in known]
    if not due:
        return
    items = [tell(each, rule, kind=BLOCKED) for rule in due]
    item = next((one for one in items if one is not None), None)
    note(
        row, "thread.guarded", actor=PORTAL, reason=each.reason,
        details={"guard": guard, "seq": seq, "item": item.key if item is not None else ""},
    )  # fmt: skip
