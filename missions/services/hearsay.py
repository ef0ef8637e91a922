"""What people say of a step whose agent says nothing: they looked, and it was made or not."""

from __future__ import annotations

from django.db import transaction

from controlplane.access import policy
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, NotAllowed
from missions.models import Run, RunStep
from missions.querysets_plans import UNHEARD
from missions.services import reading
from missions.services.noting import note
from missions.services.reporting import report_steps

MADE, NOT_MADE = "made", "not_made"
_STATUS = {MADE: "succeeded", NOT_MADE: "skipped"}


@transaction.atomic
def say_how(run: Run, external_id: str, ended: str, *, actor: Actor, reason: str) -> RunStep:
    """The step counts as what they say it is; its agent, heard later, is believed again."""
    policy.require(actor, "mission.execute", run.mission)
    if actor.kind != "person":
        raise NotAllowed("An agent reports its steps.", denial={
            "actor": actor, "action": "mission.execute", "subject": run.mission,
            "rule": "people_look", "reason": "only a person says it in the place of an agent",
        })  # fmt: skip
    why = reading.reason(reason)
    status = _STATUS[reading.choice("ended", ended, _STATUS)]
    step: RunStep | None = RunStep.objects.filter(UNHEARD, run=run, external_id=external_id).first()
    if step is None:
        raise Conflict("Of this step it is known how it ended. Look again.")
    number = int(step.marks.get("status", [0])[0])
    report_steps(
        run,
        [{"external_id": external_id, "status": status, "sequence": number + 1}],
        actor=actor,
    )
    step.refresh_from_db()
    if step.status != status:
        raise Conflict("Its agent spoke meanwhile. Look again.")
    note(
        run.mission,
        "mission.execute:said",
        actor=actor,
        said=f"Of step {external_id} of {run} its agent said nothing; looked at, it was "
        f"{'made' if ended == MADE else 'not made'}: {why}",
        reason=why,
        details={"run": str(run.uid), "step": external_id, "ended": ended},
    )
    return step
