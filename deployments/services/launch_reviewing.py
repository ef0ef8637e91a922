"""Saying what came of a launch: four sections, and the figures of that moment, signed by name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.step_up import require_recent_factor
from controlplane.audit.services import record
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, GateNotMet
from controlplane.lib.redaction import redact_text
from deployments.models import Launch
from deployments.overview import launch_review
from deployments.services import reading
from deployments.services.launch_reviews import finish_review
from deployments.services.launches import held, write

REVIEW = "launch.review"
MOST = 4_000


@transaction.atomic
def sign_review(
    launch: Launch, *, actor: Actor, words: Mapping[str, Any], version: int | None = None
) -> Launch:
    """Once for each time it was signed off. Nothing changes it: what is learned later stands in
    the next launch's."""
    policy.require(actor, REVIEW, launch)
    require_recent_factor(actor)
    row = held(launch, version)
    state = launch_review.state_of(row)
    if state == "reviewed":
        raise Conflict(f"The review of {row.ref} is signed.")
    if state == "to_come":
        raise GateNotMet(f"{row.ref} is not live yet: there is nothing to look back on.")
    said = {
        one.slug: redact_text(
            reading.text(one.slug, words.get(one.slug, ""), MOST, required=True)
        )[:MOST]
        for one in launch_review.SECTIONS
    }  # fmt: skip
    kept = {"words": said, "figures": launch_review.figures(row, actor)}
    write(row, {"review": kept, "reviewed_at": clock.now(), "reviewed_by": actor.ref[:80]})
    # Its words stand once, on the row: the log proves that they are those.
    sha256 = hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
    record(actor, REVIEW, row, after={"sha256": sha256})
    finish_review(row)
    return row
