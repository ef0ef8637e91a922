"""Is a page ever lost? A portal of its own is fed alerts while its processes are killed.

It is started as `manage.py up` starts one, with a database and a broker of its own in a folder
that is removed afterwards. Senders repeat what was refused, as real ones do; pages leave by mail to
a server of ours that counts. What was accepted and what arrived are compared at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from controlplane.base import bench
from controlplane.base.bench import Row, Run
from incidents.benches.killed.trial import Plan, Told, hold

INCIDENTS = 600


@bench.register(
    "alerts-killed",
    doc="alerts to pages, while 30 processes are killed: what is lost",
    own=True,
)
def measure(run: Run) -> Iterator[Row]:
    plan = Plan(incidents=run.rows or INCIDENTS, seed=run.rng.randrange(10**6))
    told = hold(plan)
    run.report["alerts_killed"] = told.as_document()
    run.missed += told.missed()
    yield from rows(told)


def rows(told: Told) -> Iterator[Row]:
    found: dict[str, Any] = told.as_document()
    kills = ", ".join(f"{name} {count}" for name, count in found["killed"].items())
    note = f"{found['accepted']:,} accepted, {found['seconds']:.0f} s; killed: {kills}"
    yield Row("alerts lost", float(len(told.audit.lost_alerts)), "alerts", note=note)
    yield Row("incidents nobody was called for", float(len(told.audit.uncalled)), "incidents")
    asked = f"of {told.audit.pages:,} that were due"
    yield Row("pages lost", float(len(told.audit.lost_pages)), "pages", note=asked)
    held = f"at most {told.most_repeats:,}: one batch for each kill"
    yield Row("pages sent again", float(told.audit.repeats), "pages", note=held)
    yield Row("messages sent again by their senders", float(found["sent_again"]), "messages")
    yield Row("last kill to the last page", told.drained_s, "s")
    said = ", ".join(told.findings) or "nothing"
    yield Row("things the watch said", float(len(told.findings)), "findings", note=said)
