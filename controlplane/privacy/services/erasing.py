"""Erasure itself: every table that said it holds something about people is asked, in one
transaction, and the account at the end of it is nobody's."""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction

from controlplane.access.services.authority import require_over_person
from controlplane.access.services.leaving import erase_account
from controlplane.access.step_up import require_recent_factor
from controlplane.base import holds, states
from controlplane.base.data_rules import Person, personal_data
from controlplane.lib import actors, clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError, GateNotMet
from controlplane.lib.redaction import redact_text
from controlplane.privacy import telling
from controlplane.privacy.models import DeletionRequest
from controlplane.privacy.services.holding import person_is_held
from controlplane.privacy.transitions import DELETION

logger = logging.getLogger(__name__)
JOB = actors.job("privacy.erase")
# Go with the account itself, at the end.
WITH_THE_ACCOUNT = frozenset({"access.user", "access.second_factor", "access.recovery_codes"})


@transaction.atomic
def erase(request: DeletionRequest, *, actor: Actor, reason: str = "") -> DeletionRequest:
    """All of it or nothing. By the portal when the days of grace are over; by the officer sooner,
    with a fresh second factor."""
    if actor.kind != "job":
        require_recent_factor(actor)
        require_over_person(actor, "privacy.erase", request.person, former=True)
    elif request.not_before > clock.now():
        raise GateNotMet("The days of grace are not over.")
    row = DeletionRequest.objects.select_for_update().select_related("person").get(pk=request.pk)
    DELETION.step(row.status, "done")  # of one that is closed nothing is touched
    holds.take_turn(alone=False)
    if person_is_held(row.person_id):
        raise GateNotMet("A legal hold keeps what is held about them: it is erased once lifted.")
    user = row.person
    person = Person(user.pk, user.email, user.name)
    asked = [entry for entry in personal_data if entry.what != "nothing"]
    held = {entry.slug: _rows(entry, person) for entry in asked}  # before anything goes
    report = [{**_ask(entry, person, actor), "held": held[entry.slug]} for entry in asked]
    row.person = erase_account(user, actor=actor)
    # Not by the step below: what stood there would be told once more.
    row.reason = ""
    row.save(update_fields=["reason"])
    done = states.advance(
        row, "done", actor=actor, reason=reason,
        changes={"finished_at": clock.now(), "report": report, "last_error": ""},
    )  # fmt: skip
    telling.settled(done)
    return done


def _rows(entry: Any, person: Person) -> int:
    return len(entry.export(person)) if entry.export is not None else 0


def _ask(entry: Any, person: Person, actor: Actor) -> dict[str, Any]:
    """What went there, or why it stays."""
    told: dict[str, Any] = {"slug": entry.slug, "what": entry.what}
    if entry.erase is not None:
        told["erased"] = entry.erase(person, actor)
    elif entry.slug in WITH_THE_ACCOUNT and entry.export is not None:
        told["erased"] = len(entry.export(person))
        return told
    if entry.keeps:
        told["kept"] = entry.keeps
    return told


def erase_ripe(limit: int = 50) -> dict[str, int]:
    """What the job does: each in its own transaction, so that one that fails keeps back no
    other. A failure is noted and told, and tried again the next day. Whom a legal hold keeps is
    left until it is lifted."""
    done = failed = 0
    ripe = DeletionRequest.objects.ripe().order_by("tries", "due_at")
    for row in [each for each in ripe if not person_is_held(each.person_id)][:limit]:
        try:
            erase(row, actor=JOB)
            done += 1
        except Exception as error:  # noted, told, and tried again
            logger.exception("an erasure failed", extra={"request": str(row.uid)})
            _note_failure(row, error)
            failed += 1
    return {"erased": done, "failed": failed}


@transaction.atomic
def _note_failure(row: DeletionRequest, error: Exception) -> None:
    words = error.message if isinstance(error, ControlPlaneError) else type(error).__name__
    found = DeletionRequest.objects.select_for_update().filter(pk=row.pk, status="waiting").first()
    if found is None:
        return
    found.tries, found.last_error = found.tries + 1, redact_text(words)[:400]
    found.save(update_fields=["tries", "last_error"])
    telling.failed(found)
