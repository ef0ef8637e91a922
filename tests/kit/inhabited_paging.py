"""Calls in each state, with hostile words in every place where somebody's words stand."""

from __future__ import annotations

import time

from controlplane.access.models import User, Workspace
from incidents.models import EscalationRun, Page
from incidents.paging import answering, drilling, policies, runs, stepping
from incidents.records.opening import open_incident
from tests import make
from tests.kit.incidents import role


def inhabit(workspace: Workspace, root: User, *, hostile: str, long: str) -> None:
    """One that is being called for, one answered, one called off; a policy of its own; drills."""
    actor = make.actor(root)
    policies.adopt()
    steps = [{"wait_s": 300, "targets": [role("primary_operator"), role("cto")]},
             {"wait_s": 600, "targets": [{"kind": "contact", "ref": hostile[:60]}]}]  # fmt: skip
    policies.save_policy(
        workspace, "ours", actor=actor, title=hostile[:120], about=long[:400], steps=steps,
        reason=hostile,
    )  # fmt: skip
    for name in ("Calling", "Answered", "Called off"):
        incident = open_incident(
            workspace, actor=actor, title=f"{name} {hostile}"[:200], severity="sev1", pages=False
        )
        runs.begin(incident, policy="ours", why="hand", actor=actor, reason=hostile)
        stepping.work(time.monotonic() + 5)
        if name == "Answered":
            answering.answered(incident, actor=actor, way="console")
        if name == "Called off":
            answering.call_off(incident, actor=actor, reason=hostile)
    drilling.begin_drill(workspace, actor=actor, title=hostile[:150])
    done = drilling.begin_drill(workspace, actor=actor, title="Over")
    drilling.note_result(drilling.end_drill(done, actor=actor), hostile, actor=actor)
    assert EscalationRun.objects.exists()
    assert Page.objects.exists()
