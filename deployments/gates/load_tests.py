"""The quarter's load test: owed by whoever looks after the machines, and asked for before a
release of the largest tier."""

from __future__ import annotations

from datetime import timedelta

from django.urls import reverse

from controlplane.jobs import obligations
from controlplane.jobs.models import ObligationRecord
from controlplane.lib import defaults
from deployments.gates.kinds import Found, ask, passed
from deployments.gates.looking import Look

DUTY = "deployments.load_test"
LARGEST = 3  # the tier that major releases have
FRESH_DAYS = defaults.define(
    "deployments.load_test_days",
    92,
    unit="days",
    why="Load is tested each quarter; what was measured before says little of this code.",
)
obligations.register(
    DUTY,
    title="Test the load: a usual day, its peak, and until it gives way",
    owner_role="sre_liaison",
    cadence="quarterly",
    evidence="The report: how many people at once, p95 and errors of each, what gave way first.",
    why="What bore the load a quarter ago was another code.",
)


def applies(look: Look) -> bool:
    forward = not (look.is_rollback or look.is_hotfix)
    return forward and look.guarded and look.deployment.tier >= LARGEST


def load_test(look: Look) -> Found:
    rows = ObligationRecord.objects.filter(
        obligation__workspace=look.workspace_id,
        obligation__slug=DUTY,
        status=ObligationRecord.Status.COMPLETE,
        recorded_at__gte=look.now - timedelta(days=FRESH_DAYS.value),
    )
    newest = rows.order_by("-recorded_at").first()
    if newest is None or newest.recorded_at is None:
        return ask(
            f"No load test of the last {FRESH_DAYS.value} days is recorded. Link its report."
        )
    page = reverse("admin:jobs_obligationrecord_change", args=(newest.uid,))
    return passed(f"{newest.ref} of {newest.recorded_at:%Y-%m-%d}.", (str(newest.ref), page))
