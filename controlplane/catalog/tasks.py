"""What the catalog does by itself: looks at services, lets breakers try, furnishes workspaces."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from controlplane.access.models import Workspace
from controlplane.catalog import probing, services
from controlplane.catalog.models import Environment
from controlplane.catalog.services import breakers, probes
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.jobs.registry import job
from controlplane.lib import actors, defaults

AT_ONCE = defaults.define(
    "catalog.probes_at_once", 8, unit="probes", why="Slow services must not hold up the others."
)
BUDGET = defaults.define(
    "catalog.probe_budget_s",
    30.0,
    unit="seconds",
    why="What is left waits for the next run, well inside the job's time limit.",
)


@timers.on(breakers.TRIAL)
def breaker_trial(timer: Timer) -> None:
    breakers.try_again(int(timer.payload["integration"]))


@job(
    "catalog.probe",
    every=timedelta(seconds=15),
    time_limit=60,
    doc="Look at the services whose turn it is.",
)
def probe_services() -> dict[str, int]:
    """Asking runs in threads that hold no connection; what was seen is written here."""
    actor = actors.job("catalog.probe")
    deadline = time.monotonic() + BUDGET.value
    seen = failed = 0
    with ThreadPoolExecutor(AT_ONCE.value, thread_name_prefix="probe") as pool:
        while time.monotonic() < deadline:
            batch = probes.claim_due(AT_ONCE.value)
            if not batch:
                break
            for probe, sight in zip(batch, pool.map(probing.look, batch), strict=True):
                services.record_result(probe, sight, actor=actor)
                seen, failed = seen + 1, failed + (not sight.ok)
    return {"seen": seen, "failed": failed}


@job(
    "catalog.furnish",
    every=timedelta(hours=1),
    time_limit=60,
    doc="Give workspaces that came from elsewhere the playbook's environments.",
)
def furnish() -> dict[str, int]:
    actor = actors.job("catalog.furnish")
    furnished = Environment.objects.values("workspace")
    bare = Workspace.objects.filter(archived_at=None).exclude(pk__in=furnished)
    return {"made": sum(len(services.ensure_environments(each, actor=actor)) for each in bare)}
