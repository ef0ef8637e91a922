"""A batch, from the wire's form to its receipt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Unavailable
from telemetry import counters, partitions, pressure
from telemetry.ingest import cleaning, refusing, storing
from telemetry.ingest.receipts import Problem, Receipt, Verdict
from telemetry.ingest.shaping import Row, Sender, binary_json, shape
from telemetry.ingest.wire import Incoming, Item


def ingest(
    actor: Actor, workspace: Workspace | None, items: Sequence[Item], *, agent: str = ""
) -> Receipt:
    """Store a batch for a workspace; None: about the installation, which only jobs report."""
    policy.require(actor, "telemetry.ingest", workspace or "telemetry.event:*")
    with counters.timed(actor.kind):
        receipt = _ingest(actor, workspace, items, agent)
    counters.count(actor.kind, receipt)
    return receipt


def _ingest(
    actor: Actor, workspace: Workspace | None, items: Sequence[Item], agent: str
) -> Receipt:
    if actor.kind != "job":  # how far behind it is, the portal must be able to say
        pressure.check()
    if actor.kind == "agent" and workspace is not None:
        agent = agent or min(actor.roles_in(workspace.pk), default="")
    now = clock.now()
    for _ in range(storing.TRIES):
        oldest = partitions.oldest_open()
        sender = Sender.of(workspace, actor.ref, now, oldest, agent=agent)
        try:
            return _take(items, sender)
        except storing.NoPartition:
            partitions.look_again()  # the day was closed meanwhile: its events are refused now
    raise Unavailable("The day's table is being changed. Send it again.", retry_after=5)


def report(actor: Actor, workspace: Workspace | None, events: Sequence[dict[str, Any]]) -> Receipt:
    """What the portal itself has to say: the fields of the wire, as keyword arguments."""
    return ingest(actor, workspace, [Incoming(**event) for event in events])


def _take(items: Sequence[Item], sender: Sender) -> Receipt:
    receipt = Receipt(received=len(items))
    rows, places, problems = _shaped(items, sender, receipt)
    if rows:
        _store(rows, places, receipt)
    refusing.note(sender, problems)
    receipt.verdicts.sort(key=lambda each: each.index)
    return receipt


def _shaped(
    items: Sequence[Item], sender: Sender, receipt: Receipt
) -> tuple[list[Row], dict[Any, int], list[Problem]]:
    rows: dict[Any, Row] = {}
    places: dict[Any, int] = {}
    problems: list[Problem] = []
    good = [item for item in items if isinstance(item, Incoming)]
    counts = iter(cleaning.clean(good))
    unknown: set[str] = set()
    for index, item in enumerate(items):
        row: Row | Problem = item if isinstance(item, Problem) else shape(item, sender)
        found = next(counts) if isinstance(item, Incoming) else {}
        if isinstance(row, Problem):
            problems.append(row)
            receipt.rejected += 1
            # A reason names the fields it did not know, and these are anything.
            reason = cleaning.clean_word(row.reason)
            receipt.verdicts.append(Verdict(index, "rejected", "", row.code, reason))
            continue
        key = (row.id, row.occurred_at)
        if key in rows:
            _duplicate(receipt, index, row)
            continue
        if found:
            row = row._replace(redactions=binary_json(found))
            receipt.redacted += sum(found.values())
            receipt.kinds.update(found)
        if row.flags & 1 and len(unknown) < 20:
            unknown.add(row.event_type)
        rows[key], places[key] = row, index
    receipt.unknown = sorted(unknown)
    return list(rows.values()), places, problems


def _store(rows: list[Row], places: dict[Any, int], receipt: Receipt) -> None:
    minutes = {row.occurred_at.replace(second=0, microsecond=0) for row in rows}
    known = storing.store(rows, minutes)
    if known:
        for row in rows:
            if (row.id, row.occurred_at) in known:
                _duplicate(receipt, places[(row.id, row.occurred_at)], row)
    receipt.accepted = len(rows) - len(known)


def _duplicate(receipt: Receipt, index: int, row: Row) -> None:
    receipt.duplicates += 1
    receipt.verdicts.append(Verdict(index, "duplicate", str(UUID(bytes=row.id))))
