"""What the catalog does by itself: looks at services, lets breakers try, furnishes workspaces."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from controlplane.access.models import Workspace
from controlplane.catalog import probing, services
from controlplane.catalog.models import Environment, Probe
from controlplane.catalog.probing import Sight
from controlplane.catalog.services import breakers, probes, reports, vault
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.jobs.registry import job
from controlplane.lib import actors, defaults
from controlplane.lib.actors import Actor

logger = logging.getLogger(__name__)

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
    breakers.try_again(int(timer.payload["integration"]), promised=timer.due_at)


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
    counts = {"seen": 0, "failed": 0, "broken": 0}
    # First, so that the time this job itself was away is not taken for time in which it looked.
    silent = services.note_silence(actor=actor)
    with ThreadPoolExecutor(AT_ONCE.value, thread_name_prefix="probe") as pool:
        while time.monotonic() < deadline:
            batch = probes.claim_due(AT_ONCE.value)
            if not batch:
                break
            looks = [(probe, pool.submit(probing.look, probe)) for probe in batch]
            for probe, look in looks:
                try:
                    _note(probe, look.result(), actor, counts)
                except Exception:
                    # One probe that trips over something unforeseen must not blind the others.
                    logger.exception("probe %s could not be made or noted", probe.uid)
                    counts["broken"] += 1
    return {**counts, "silent": silent}


def _note(probe: Probe, sight: Sight, actor: Actor, counts: dict[str, int]) -> None:
    services.record_result(probe, sight, actor=actor)
    counts["seen"] += 1
    counts["failed"] += not sight.ok


@job(
    "catalog.calls",
    every=timedelta(seconds=10),
    time_limit=60,
    doc="Let the breakers hear what telemetry told of calls.",
)
def hear_calls() -> dict[str, int]:
    return reports.hear(actor=actors.job("catalog.calls"), until=time.monotonic() + BUDGET.value)


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


@job(
    "catalog.secrets",
    at="06:10",
    time_limit=120,
    doc="Remind the owners of secrets that are to be changed.",
)
def remind_of_secrets() -> dict[str, int]:
    return vault.remind()
